/** Counts of what began and what ended, which a store keeps with the changes themselves. */

export interface Totals {
  readonly created: number;
  /** Why sessions ended, and how many did; their sum is all that ended. */
  readonly ended: ReadonlyMap<string, number>;
  /** How long ended sessions lasted, in milliseconds, all of them together. */
  readonly durationMs: number;
  /** Those that ended in the last 24 hours, counted by the hour: up to an hour more. */
  readonly recent: { readonly ended: number; readonly durationMs: number };
}

/** The reason of a session whose time was over. */
export const EXPIRED = "expired";
const OTHER = "other";
const MAX_REASON_BYTES = 48;
/** How many reasons a store counts by their names at least. */
export const COUNTED_REASONS = 16;

/** The name under which a reason is counted. */
export function countedReason(reason: string): string {
  return Buffer.byteLength(reason) <= MAX_REASON_BYTES ? reason : OTHER;
}

const HOUR_MS = 3_600_000;
const WINDOW_HOURS = 24;

/** The hour of a time, counted from the epoch. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR_MS);
}

/** The first hour that belongs to the last 24 hours. */
export function firstRecentHour(now: number): number {
  return hourOf(now) - WINDOW_HOURS;
}

interface Ending {
  readonly reason: string;
  /** 0 when unknown, and so is the duration. */
  readonly createdAt: number;
  readonly endedAt: number;
}

/** Totals under way: what one place counted, or the sum of several. */
export class Tally {
  created = 0;
  durationMs = 0;
  readonly #ended = new Map<string, number>();
  readonly #hours = new Map<number, { ended: number; durationMs: number }>();

  addEnding({ reason, createdAt, endedAt }: Ending): void {
    const counted = countedReason(reason);
    const named = this.#ended.size - Number(this.#ended.has(OTHER));
    const isNamed = this.#ended.has(counted) || named < COUNTED_REASONS;
    this.addEnded(isNamed ? counted : OTHER, 1);
    if (createdAt === 0) return;
    const durationMs = Math.max(0, endedAt - createdAt);
    this.durationMs += durationMs;
    this.addHour(hourOf(endedAt), 1, durationMs);
  }

  addEnded(reason: string, count: number): void {
    this.#ended.set(reason, (this.#ended.get(reason) ?? 0) + count);
  }

  addHour(hour: number, ended: number, durationMs: number): void {
    const within = this.#hours.get(hour) ?? { ended: 0, durationMs: 0 };
    within.ended += ended;
    within.durationMs += durationMs;
    this.#hours.set(hour, within);
    for (const each of this.#hours.keys()) if (each < hour - WINDOW_HOURS) this.#hours.delete(each);
  }

  totals(now: number): Totals {
    const first = firstRecentHour(now);
    const recent = { ended: 0, durationMs: 0 };
    for (const [hour, { ended, durationMs }] of this.#hours) {
      if (hour < first) continue;
      recent.ended += ended;
      recent.durationMs += durationMs;
    }
    return { created: this.created, ended: new Map(this.#ended), durationMs: this.durationMs, recent };
  }
}

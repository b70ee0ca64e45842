/** The part of the store contract that is about numbers which all processes share. Nothing here touches a session. */

import type { WriteCall } from "./write-call.ts";

/** Samples of a name that are kept. */
export const KEPT_SAMPLES = 1_000;
/** How long samples of a name stay without a new one. */
export const SAMPLES_KEPT_MS = 30 * 86_400_000;
export const MINUTE_MS = 60_000;
/** How far back the series goes. */
export const SERIES_MINUTES = 1_440;

/** What was counted in one minute. */
export interface MinuteCounts {
  /** When the minute began, in milliseconds since the epoch. */
  readonly at: number;
  /** By name, as they were added. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface MetricStore {
  /** Adds a sample; equal ones are samples of their own, the last 1,000 of a name stay. Sent again it adds nothing. */
  recordSample(name: string, value: number, call?: WriteCall): Promise<void>;
  /** The kept samples of a name, newest first; none for a name that nobody knows. */
  samples(name: string): Promise<number[]>;
  /** Adds to the counts of the minute of a time. Sent again it adds nothing. */
  addToSeries(at: number, counts: ReadonlyMap<string, number>, call?: WriteCall): Promise<void>;
  /** The minutes of the last 24 hours in which something was counted, oldest first. */
  series(): Promise<MinuteCounts[]>;
}

/** When the minute of a time began. */
export function minuteOf(at: number): number {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS;
}

/** When the oldest minute of the series began. */
export function oldestMinute(now: number): number {
  return minuteOf(now) - (SERIES_MINUTES - 1) * MINUTE_MS;
}

/** Counts that were read one by one, as minutes in order. */
export function byMinute(rows: Iterable<readonly [at: number, name: string, count: number]>): MinuteCounts[] {
  const minutes = new Map<number, Map<string, number>>();
  for (const [at, name, count] of rows) {
    const counts = minutes.get(at) ?? new Map<string, number>();
    minutes.set(at, counts.set(name, count));
  }
  const entries = [...minutes].toSorted(([a], [b]) => a - b);
  return entries.map(([at, counts]) => ({ at, counts }));
}

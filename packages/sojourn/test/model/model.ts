/** What a store must hold: the contract as plain data. No engine's code is used here. */

import { REAP_GRACE_MS } from "../../src/store/store.ts";
import { START } from "./grid.ts";

export interface ModelRotation {
  readonly state: "pending" | "confirmed";
  readonly graceUntil: number;
  readonly since: number;
  readonly otherHash: string;
  readonly wrap: string;
  readonly wrapKeyId: number;
}

/** A session as stored. Bytes are hexadecimal, values JSON texts or, of ciphertext, `sealed` and the bytes. */
export interface ModelSession {
  readonly id: string;
  readonly user: string | null;
  readonly epoch: number;
  readonly revision: number;
  readonly generation: number;
  readonly floor: number;
  readonly aal: number;
  readonly confirmed: boolean;
  readonly locked: boolean;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly absoluteExpiresAt: number;
  readonly idleMs: number;
  readonly authenticatedAt: number;
  readonly tokenHash: string;
  readonly rotation: ModelRotation | null;
  readonly metadata: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface ModelTombstone {
  readonly reason: string;
  readonly actor: string | null;
  readonly createdAt: number;
  readonly endedAt: number;
}

/** An answer in the model's words: comparable as it is. */
export type Answer = Readonly<Record<string, unknown>>;

/** Sessions that began before it are ended, and none begins. */
interface ModelCutOff {
  readonly before: number;
  readonly tombstone: Pick<ModelTombstone, "reason" | "actor" | "endedAt">;
}

interface RememberedAnswer {
  readonly answer: Answer;
  readonly keptUntil: number;
}

/** What `endedKept` is unless a store is told otherwise. */
const TOMBSTONE_MS = 3_600_000;
/** The reason of a session whose time was over. */
export const EXPIRED = "expired";

export function deadlineOf(session: ModelSession): number {
  return Math.min(session.lastSeenAt + session.idleMs, session.absoluteExpiresAt);
}

export class Model {
  now = START;
  readonly #sessions = new Map<string, ModelSession>();
  readonly #tombstones = new Map<string, ModelTombstone>();
  readonly #epochs = new Map<string, number>();
  readonly #operations = new Map<string, RememberedAnswer>();
  readonly #disabled = new Set<string>();
  #cutOff: ModelCutOff | null = null;
  readonly #activities = new Map<string, readonly string[]>();
  /** How many sessions began, and how many ended for which reason; those whose time was over, when somebody met them. */
  #created = 0;
  readonly #ended = new Map<string, number>();

  /** A copy to try something on. */
  fork(): Model {
    const copy = new Model();
    copy.now = this.now;
    for (const [id, session] of this.#sessions) copy.#sessions.set(id, session);
    for (const [id, tombstone] of this.#tombstones) copy.#tombstones.set(id, tombstone);
    for (const [user, epoch] of this.#epochs) copy.#epochs.set(user, epoch);
    for (const [key, operation] of this.#operations) copy.#operations.set(key, operation);
    for (const user of this.#disabled) copy.#disabled.add(user);
    copy.#cutOff = this.#cutOff;
    for (const [id, entries] of this.#activities) copy.#activities.set(id, entries);
    for (const [reason, count] of this.#ended) copy.#ended.set(reason, count);
    copy.#created = this.#created;
    return copy;
  }

  /** A session that is not ended; it may be over, and then stays for the reap grace. */
  stored(id: string): ModelSession | null {
    const session = this.#sessions.get(id);
    return session !== undefined && this.now < deadlineOf(session) + REAP_GRACE_MS ? session : null;
  }

  live(id: string): ModelSession | null {
    const session = this.stored(id);
    return session !== null && this.now < deadlineOf(session) ? session : null;
  }

  tombstone(id: string): ModelTombstone | null {
    const tombstone = this.#tombstones.get(id);
    return tombstone !== undefined && this.now < tombstone.endedAt + TOMBSTONE_MS ? tombstone : null;
  }

  /** What is left of a session that was ended, or began before a cut-off. */
  endingOf({ id, createdAt }: ModelSession): ModelTombstone | null {
    const cut = this.#cutOff !== null && createdAt < this.#cutOff.before ? this.#cutOff.tombstone : null;
    return this.tombstone(id) ?? (cut && { ...cut, createdAt });
  }

  /** The one that reaches furthest stands. */
  cutOff(before: number, { reason, actor }: Pick<ModelTombstone, "reason" | "actor">): void {
    if (before > (this.#cutOff?.before ?? 0)) {
      this.#cutOff = { before, tombstone: { reason, actor, endedAt: this.now } };
    }
  }

  setDisabled(user: string, disabled: boolean): void {
    if (disabled) this.#disabled.add(user);
    else this.#disabled.delete(user);
  }

  isDisabled(user: string): boolean {
    return this.#disabled.has(user);
  }

  put(session: ModelSession): void {
    this.#sessions.set(session.id, session);
  }

  begin(session: ModelSession): void {
    this.put(session);
    this.#created += 1;
  }

  /** One whose time was over had ended by itself, at its expiry. */
  end(session: ModelSession, { reason, actor }: Pick<ModelTombstone, "reason" | "actor">): void {
    const [{ createdAt }, deadline] = [session, deadlineOf(session)];
    const tombstone =
      deadline <= this.now
        ? { reason: EXPIRED, actor: null, createdAt, endedAt: deadline }
        : { reason, actor, createdAt, endedAt: this.now };
    this.#sessions.delete(session.id);
    this.#tombstones.set(session.id, tombstone);
    this.#ended.set(tombstone.reason, (this.#ended.get(tombstone.reason) ?? 0) + 1);
  }

  /** Without those whose time was over: engines meet them at different moments. */
  totals(): { readonly created: number; readonly ended: ReadonlyMap<string, number> } {
    return { created: this.#created, ended: new Map([...this.#ended].filter(([reason]) => reason !== EXPIRED)) };
  }

  /** It was stored and its time is over; whether anything is left of it does not matter. */
  isOver(id: string): boolean {
    const session = this.#sessions.get(id);
    return session !== undefined && deadlineOf(session) <= this.now;
  }

  /** How many sessions ended because their time was over, or should have. */
  allOver(): number {
    const over = [...this.#sessions.values()].filter((session) => deadlineOf(session) <= this.now);
    return over.length + (this.#ended.get(EXPIRED) ?? 0);
  }

  activitiesOf(id: string): readonly string[] {
    return this.#activities.get(id) ?? [];
  }

  addActivity(id: string, entry: string, most: number): void {
    const before = this.activitiesOf(id);
    if (!before.includes(entry)) this.#activities.set(id, [entry, ...before].slice(0, most));
  }

  allStored(): ModelSession[] {
    return [...this.#sessions.keys()].flatMap((id) => this.stored(id) ?? []);
  }

  allLive(): ModelSession[] {
    return [...this.#sessions.keys()].flatMap((id) => this.live(id) ?? []);
  }

  epochOf(user: string): number {
    return this.#epochs.get(user) ?? 0;
  }

  /** Later epochs are greater, of whatever user: all that matters about them. */
  raiseEpoch(user: string): number {
    const epoch = Math.max(0, ...this.#epochs.values()) + 1;
    this.#epochs.set(user, epoch);
    return epoch;
  }

  remembered(operation: string): Answer | undefined {
    const known = this.#operations.get(operation);
    return known !== undefined && this.now < known.keptUntil ? known.answer : undefined;
  }

  remember(operation: string, answer: Answer, keptMs: number): void {
    this.#operations.set(operation, { answer, keptUntil: this.now + keptMs });
  }
}

/** The session without the wrapped secret once nobody is to be given it any more. */
export function withoutStaleWrap(session: ModelSession, now: number): ModelSession {
  const { rotation } = session;
  if (rotation?.state !== "confirmed" || now <= rotation.graceUntil) return session;
  return { ...session, rotation: { ...rotation, wrap: NO_WRAP } };
}

export const NO_WRAP = "00".repeat(32);

/** What a conformance case works with: two stores on the same data, one clock, and records made to measure. */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FieldChange, StoredChange } from "../../data/field-patch.ts";
import { encodeRecord, type RecordParts } from "../../data/record.ts";
import { SessionRecord } from "../../data/session-record.ts";
import { Placement, userHashIn } from "../../store/placement.ts";
import { bucketOf, newSessionId, randomBucket } from "../../data/session-id.ts";
import { isRecord, type PatchInput, type PatchOutcome, type Store, type WriteCall } from "../../store/store.ts";
import type { ManualClock } from "../manual-clock.ts";

/** A fresh, empty place. `other` sees the same data as another process would; engines of one process answer `store` again. */
export interface ConformanceStores {
  readonly store: Store;
  readonly other: Store;
  readonly clock: ManualClock;
  close(): Promise<void>;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const IDLE = HOUR;
export const ABSOLUTE = 8 * HOUR;
export const MAX_BYTES = 10_240;

/** @internal */
export interface SessionShape {
  readonly userId?: string;
  readonly idleMs?: number;
  readonly absoluteMs?: number;
  readonly policy?: string;
  readonly fields?: RecordParts["fields"];
  readonly rotation?: RecordParts["rotation"];
}

/** @internal */
export interface MadeSession {
  readonly id: string;
  readonly userKey: string | null;
  readonly record: Buffer;
}

/** @internal */
export class Environment {
  readonly store: Store;
  readonly other: Store;
  readonly clock: ManualClock;
  readonly #placement: Placement;

  constructor(stores: ConformanceStores, placement: Placement) {
    this.store = stores.store;
    this.other = stores.other;
    this.clock = stores.clock;
    this.#placement = placement;
  }

  static async over(stores: ConformanceStores): Promise<Environment> {
    const { salt } = await stores.store.ready();
    await stores.other.ready();
    return new Environment(stores, new Placement(salt));
  }

  userKey(userId: string): string {
    return this.#placement.userKey(userId);
  }

  /** A record that no store knows yet. */
  made(shape: SessionShape = {}): MadeSession {
    const { userId, idleMs = IDLE, absoluteMs = ABSOLUTE, policy = "test", fields = [], rotation = null } = shape;
    const now = this.store.now();
    const userKey = userId === undefined ? null : this.userKey(userId);
    const record = encodeRecord({
      header: {
        confirmed: false,
        locked: false,
        aal: 1,
        revision: 0,
        generation: 0,
        floor: 0,
        createdAt: now,
        lastSeenAt: now,
        absoluteExpiresAt: now + absoluteMs,
        idleMs,
        authenticatedAt: now,
        userEpoch: 0,
        tokenHash: randomBytes(16),
      },
      user: userId === undefined || userKey === null ? null : { id: userId, hash: userHashIn(userKey) },
      rotation,
      metadata: { policy },
      fields,
    });
    return { id: newSessionId(userKey === null ? randomBucket() : bucketOf(userKey)), userKey, record };
  }

  /** A session that the store holds. */
  async created(shape: SessionShape = {}, store: Store = this.store): Promise<MadeSession> {
    const made = this.made(shape);
    await store.create(made);
    return made;
  }

  /** The live or expired record that `read` answers; throws when there is none. */
  async record(id: string, store: Store = this.store): Promise<SessionRecord> {
    const outcome = await store.read(id);
    if (!isRecord(outcome)) throw new Error(`session ${id} has no record`);
    return new SessionRecord(outcome);
  }

  async data(id: string, store: Store = this.store): Promise<Record<string, unknown>> {
    return (await this.record(id, store)).plainData();
  }
}

/** Longer than any lease of a cut-off. */
const STEP_MS = 1_100;

/** What `answer` settles with, while the clock is set forward: an engine may wait for it. @internal */
export async function whileAdvancing<T>(clock: ManualClock, answer: Promise<T>): Promise<T> {
  const settled = Promise.allSettled([answer]).then(() => true);
  while (!(await Promise.race([settled, sleep(20, false)]))) await clock.advance(STEP_MS);
  return answer;
}

/** @internal */
export function set(name: string, value: unknown): FieldChange {
  return { kind: "set", name, json: JSON.stringify(value) };
}

/** @internal */
export function patch(
  store: Store,
  id: string,
  changes: readonly StoredChange[],
  more: Partial<PatchInput> = {},
  call?: WriteCall,
): Promise<PatchOutcome> {
  return store.patch({ id, changes, maxBytes: MAX_BYTES, ...more }, call);
}

/** @internal */
export function ending(id: string, reason = "test"): { id: string; reason: string; actor: string | null } {
  return { id, reason, actor: null };
}

/** @internal */
export function endingUser(userKey: string, except: string | null = null) {
  return { userKey, except, reason: "test", actor: null, epochKeptMs: ABSOLUTE };
}

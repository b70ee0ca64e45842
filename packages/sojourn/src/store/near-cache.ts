/**
 * Copies of records in this process, so that a request need not ask the store.
 *
 * A copy is answered for one lease, counted from when its read was *sent*, on the
 * monotonic and on the wall clock: the one stands still while a machine is
 * suspended, the other is set by people. Whoever hears that a session changed
 * drops its copy; one that hears nothing any more flushes all of them.
 *
 * A read under way leaves a placeholder. What is heard of its session meanwhile
 * removes that, and then the answer, which may be older, goes to its caller but is
 * not kept. Of several reads of one session the first one's answer is kept, so
 * that a busy session is kept at all.
 *
 * Copies live for seconds, so the oldest one, which dies next, is the one to give
 * up when there are too many; an answer costs no reordering.
 *
 * With `staleMs`, what is past its lease is set aside, for `stale`, and so is everything when nothing is heard any more.
 * While that is so each answer of the store does away with all copies from before it: while it answered something may
 * have changed. What was set aside goes first when there are too many.
 */

import type { Clock } from "../clock.ts";
import { type RecordCopy, SessionRecord } from "../data/session-record.ts";
import { ConfigError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import { checkedDeadline } from "./deadline.ts";

export interface NearCacheOptions {
  /**
   * How long a copy may be answered, in milliseconds from when it was asked for, 1 to 60000: the longest that a
   * revocation by another process goes unseen. Default 5000.
   */
  readonly leaseMs?: number;
  /** Default 50000. */
  readonly maxEntries?: number;
  /** Memory of all copies, in bytes, bookkeeping included. Default 33554432 (32 MiB). */
  readonly maxBytes?: number;
}

/** How full a near cache is. */
export interface NearCacheSize {
  /** Up to which age copies are kept for `stale`, in milliseconds from when they were asked for. Default 0: for their lease alone. */
  staleMs: number;
  /** Copies, those for `stale` included. */
  readonly size: number;
  /** Their memory, bookkeeping included. */
  readonly bytes: number;
}

/** When a read was sent. */
interface Sent {
  readonly at: number;
  readonly wallAt: number;
}

/** A copy that was set aside. */
interface Aside extends Sent {
  readonly record: SessionRecord;
  readonly bytes: number;
}

class Copy implements RecordCopy, Sent {
  record: SessionRecord | null;
  goodFor: object | null = null;
  goodUntil = 0;
  readonly at: number;
  readonly wallAt: number;
  bytes: number;
  readonly #cache: NearCache;

  constructor(cache: NearCache, record: SessionRecord, { at, wallAt }: Sent, bytes: number) {
    this.#cache = cache;
    this.record = record;
    this.at = at;
    this.wallAt = wallAt;
    this.bytes = bytes;
    record.copy = this;
  }

  reserve(bytes: number): boolean {
    if (this.record === null || !this.#cache.reserve(bytes)) return false;
    this.bytes += bytes;
    return true;
  }
}

/** What a copy takes besides its bytes. */
const ENTRY_BYTES = 600;
/** Wall clocks are set by small steps all the time; a greater difference is a machine that was suspended. */
const MAX_DRIFT_MS = 1_000;

/** @internal */
export class NearCache implements NearCacheSize {
  staleMs = 0;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** In the order in which they came. */
  readonly #copies = new Map<string, Copy>();
  /** For `stale` alone. */
  readonly #aside = new Map<string, Aside>();
  /** Nothing is heard of changes. */
  #isDeaf = false;
  readonly #reads = new Map<string, Sent>();
  #bytes = 0;

  constructor(options: Required<NearCacheOptions>, clock: Clock) {
    this.#clock = clock;
    this.#leaseMs = options.leaseMs;
    this.#maxEntries = options.maxEntries;
    this.#maxBytes = options.maxBytes;
  }

  /** @returns null for `false` and `undefined`. @throws ConfigError */
  static from(option: boolean | NearCacheOptions | undefined, clock: Clock): NearCache | null {
    if (option === undefined || option === false) return null;
    const given = option === true ? {} : option;
    if (typeof given !== "object" || given === null) {
      throw new ConfigError("Option nearCache must be true, false or { leaseMs?, maxEntries?, maxBytes? }.");
    }
    const limits = {
      leaseMs: checkedDeadline("nearCache.leaseMs", given.leaseMs, DEFAULTS.nearCacheLeaseMs),
      maxEntries: checkedBound("nearCache.maxEntries", given.maxEntries, DEFAULTS.nearCacheEntries),
      maxBytes: checkedBound("nearCache.maxBytes", given.maxBytes, DEFAULTS.nearCacheBytes),
    };
    return new NearCache(limits, clock);
  }

  get size(): number {
    return this.#copies.size + this.#aside.size;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The copy of a record, or null. It may have expired: the caller judges.
   * @param known one that was answered before: that one or none
   */
  get(
    id: string,
    known?: RecordCopy,
    now = this.#clock.monotonic(),
    wallNow = this.#clock.now(),
  ): SessionRecord | null {
    const copy = known ?? this.#copies.get(id);
    if (!(copy instanceof Copy) || copy.record === null) return null;
    if (this.#isInLease(copy, now, wallNow)) return copy.record;
    this.#retire(id, copy);
    return null;
  }

  /** The last copy of a record, if it was asked for no longer ago than that and nothing was heard since. It may have expired. */
  stale(id: string, maxAgeMs: number): SessionRecord | null {
    const kept = this.#copies.get(id) ?? this.#aside.get(id);
    const [now, wallNow] = [this.#clock.monotonic(), this.#clock.now()];
    return kept !== undefined && this.#isInLease(kept, now, wallNow, maxAgeMs) ? kept.record : null;
  }

  /** For what belongs to a copy: it takes no other copy's place. @internal */
  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Runs a read and keeps what it answers, unless something is heard of the session meanwhile. */
  async through<T>(id: string, read: () => Promise<T>): Promise<T> {
    const sent = this.#reads.has(id) ? null : { at: this.#clock.monotonic(), wallAt: this.#clock.now() };
    if (sent !== null) this.#reads.set(id, sent);
    let answer: T | undefined;
    try {
      answer = await read();
      this.answered();
      // Over for good, whoever else is reading it.
      if (!(answer instanceof Buffer)) this.drop(id);
      return answer;
    } finally {
      if (sent !== null && this.#reads.get(id) === sent) {
        this.#reads.delete(id);
        if (answer instanceof Buffer) this.#keep(id, answer, sent);
      }
    }
  }

  /** The session changed or ended. `revision`: of its data after the change, if known; a copy of a later one has the change in it. */
  drop(id: string, revision = Number.POSITIVE_INFINITY): void {
    this.#reads.delete(id);
    this.#removeAside(id);
    const copy = this.#copies.get(id);
    if (copy !== undefined && !(revision < (copy.record?.revision ?? 0))) this.#remove(id, copy);
  }

  /** Changes may have gone unheard. `isHearing`: from now on none does; else all do. */
  gap(isHearing: boolean): void {
    this.#isDeaf = !isHearing;
    if (isHearing) return this.flush();
    this.#reads.clear();
    for (const [id, copy] of this.#copies) this.#retire(id, copy);
  }

  /** The store did, whatever it was asked. */
  answered(): void {
    if (this.#isDeaf) this.#forget();
  }

  /** Changes went unheard. */
  flush(): void {
    this.#reads.clear();
    this.#forget();
  }

  #forget(): void {
    for (const copy of this.#copies.values()) copy.record = null;
    this.#copies.clear();
    this.#aside.clear();
    this.#bytes = 0;
  }

  #isInLease({ at, wallAt }: Sent, now: number, wallNow: number, leaseMs = this.#leaseMs): boolean {
    const [age, wallAge] = [now - at, wallNow - wallAt];
    return Math.max(age, wallAge) <= leaseMs && Math.abs(wallAge - age) <= MAX_DRIFT_MS;
  }

  #keep(id: string, answer: Buffer, sent: Sent): void {
    const bytes = answer.length + ENTRY_BYTES;
    const record = bytes > this.#maxBytes ? null : copied(answer);
    const before = this.#copies.get(id);
    if (before !== undefined) this.#remove(id, before);
    this.#removeAside(id);
    if (record === null) return;
    this.#copies.set(id, new Copy(this, record, sent, bytes));
    this.#bytes += bytes;
    this.#trim();
  }

  #trim(): void {
    const [now, wallNow] = [this.#clock.monotonic(), this.#clock.now()];
    for (const [id, copy] of this.#copies) {
      if (this.#isInLease(copy, now, wallNow)) break;
      this.#retire(id, copy);
    }
    for (const [id, each] of this.#aside) {
      if (this.#fits && this.#isInLease(each, now, wallNow, this.staleMs)) break;
      this.#removeAside(id);
    }
    for (const [id, copy] of this.#copies) {
      if (this.#fits) return;
      this.#remove(id, copy);
    }
  }

  get #fits(): boolean {
    return this.size <= this.#maxEntries && this.#bytes <= this.#maxBytes;
  }

  /** `get` is to answer it no more, whoever still holds it. */
  #retire(id: string, copy: Copy): void {
    const { record, at, wallAt, bytes } = copy;
    this.#remove(id, copy);
    if (this.staleMs === 0 || record === null) return;
    this.#aside.set(id, { record, at, wallAt, bytes });
    this.#bytes += bytes;
  }

  #remove(id: string, copy: Copy): void {
    this.#copies.delete(id);
    this.#bytes -= copy.bytes;
    copy.record = null;
  }

  #removeAside(id: string): void {
    const aside = this.#aside.get(id);
    if (aside !== undefined && this.#aside.delete(id)) this.#bytes -= aside.bytes;
  }
}

/** What a client answers may be part of a chunk that is a hundred times larger. Null for what is no record. */
function copied(answer: Buffer): SessionRecord | null {
  const bytes = Buffer.allocUnsafeSlow(answer.length);
  answer.copy(bytes);
  try {
    return new SessionRecord(bytes);
  } catch {
    return null;
  }
}

function checkedBound(option: string, given: unknown, fallback: number): number {
  if (given === undefined) return fallback;
  if (typeof given === "number" && Number.isSafeInteger(given) && given > 0) return given;
  throw new ConfigError(`Option ${option} must be a whole number from 1.`);
}

/**
 * The memory engine: the contract's reference, for tests and development.
 * Everything is gone when the process ends. One JavaScript turn is atomic, so
 * each operation is simply synchronous code.
 */

import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { expiresAtOf, OFFSET, userHashOf, withUserEpoch } from "../../data/record.ts";
import { StoreClosedError } from "../../errors.ts";
import { DEFAULTS } from "../../options.ts";
import { cutOffReached, CutOffs } from "../../store/cut-offs.ts";
import { EndingHints, type EndingListener } from "../../store/ending-hints.ts";
import { checkedNamespace } from "../../store/namespace.ts";
import { idCursor, type Page, type PageInput, pageOf } from "../../store/paging.ts";
import type { EventListener } from "../../store/event-listeners.ts";
import { type Finding, warning } from "../../store/diagnosis.ts";
import type { ConsumerOptions, EventReader } from "../../store/events.ts";
import { SALT_BYTES, userHashIn } from "../../store/placement.ts";
import { type Change, RecordSteps } from "../../store/record-steps.ts";
import { checkedRetention, type RetentionOptions } from "../../store/retention.ts";
import {
  type ActivityInput,
  type ActivityOutcome,
  type CreateOutcome,
  type DisableUserInput,
  type Gone,
  type ListOptions,
  type NewSession,
  type ReadOutcome,
  REAP_GRACE_MS,
  type RevokeBeforeInput,
  type RevokeInput,
  type RevokeOutcome,
  type RevokeUserInput,
  type Store,
  type StoredSession,
  type StoreFacts,
  type Tombstone,
  type WriteCall,
} from "../../store/store.ts";
import { ActivityLists } from "./activity-lists.ts";
import { History } from "./history.ts";
import { MemoryMetrics } from "./memory-metrics.ts";
import { type MemoryPlaces, MemoryTransfer } from "./memory-transfer.ts";
import { MemoryValues } from "./memory-values.ts";
import { RecordMap } from "./record-map.ts";
import { Remembered } from "./remembered.ts";
import { gone, isLive, lateData, refuseLate, tombstoneOf } from "../../store/transitions.ts";
import { EVICTION, makeRoom } from "../../store/user-limit.ts";
import { mayEnd } from "../../store/token-transitions.ts";
import { EXPIRED, type Totals } from "../../store/totals.ts";
import type { CheckOutcome, ReapOutcome } from "../../store/upkeep.ts";

export interface MemoryStoreOptions extends RetentionOptions {
  /** Part of every token's MAC: a token of one namespace is refused in another. 1–64 of `A-Z a-z 0-9 _ . -`. Default "sojourn". */
  readonly namespace?: string;
  readonly clock?: Clock;
}

/**
 * A store in this process's memory. Nothing survives a restart.
 * @throws ConfigError for a wrong namespace.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options);
}

/** Looked at for death by each create, so that memory follows the living without a timer. */
const SWEPT_PER_CREATE = 2;
/** Looked at by one call of the reaper: a millisecond or two. */
const REAPED_AT_ONCE = 5_000;

class MemoryStore extends RecordSteps implements Store {
  readonly engine = "memory";
  readonly parts = 1;
  readonly namespace: string;
  readonly writeDeadlineMs = DEFAULTS.writeDeadlineMs;
  readonly nearCache = null;
  readonly #clock: Clock;
  readonly #endedMs: number;
  readonly #records = new RecordMap();
  readonly #tombstones = new Remembered<Tombstone>();
  readonly #epochs = new Remembered<number>();
  readonly #disabled = new Set<string>();
  readonly #history: History;
  readonly #activities = new ActivityLists();
  /** For creates that come late: what is there when one is made is ended in the same turn. */
  #cutOffs = CutOffs.NONE;
  readonly #begun = (call?: WriteCall): number => {
    this.#begin(call);
    return this.now();
  };
  readonly metrics = new MemoryMetrics(this.#begun);
  readonly values = new MemoryValues(this.#begun);
  readonly #places: MemoryPlaces = {
    salt: randomBytes(SALT_BYTES),
    disabled: this.#disabled,
    values: this.values,
    begin: this.#begun,
    record: (id) => this.#record(id),
    endingOf: ({ id, record }) => this.#cutOffs.endingOf(record) ?? this.#tombstone(id),
    epochOf: (userKey) => this.#epochOf(userKey),
    put: (session) => this.#records.put(session),
    take: ({ id, record }, tombstone) => {
      this.#records.remove({ id, record });
      this.#tombstones.set(id, tombstone, tombstone.endedAt + this.#endedMs);
    },
    count: () => this.count(),
  };
  readonly transfer = new MemoryTransfer(this.#places);
  #sweep: Iterator<[string, Buffer]>;
  #reaping: Iterator<[string, Buffer]>;
  readonly #endings = new EndingHints();
  #closed = false;

  constructor(options: MemoryStoreOptions) {
    super();
    this.namespace = checkedNamespace(options.namespace);
    this.#clock = options.clock ?? systemClock;
    const { endedMs, eventsKept } = checkedRetention(options);
    this.#endedMs = endedMs;
    this.#history = new History(this.#clock, eventsKept);
    this.#sweep = this.#records.entries();
    this.#reaping = this.#records.entries();
  }

  async ready(): Promise<StoreFacts> {
    this.#begin(undefined);
    return { salt: this.#places.salt };
  }

  now(): number {
    return this.#clock.now();
  }

  async create({ id, userKey, record, limit, replaces }: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    this.#begin(call);
    this.#sweepSome();
    const ended = this.#tombstone(id) ?? this.#cutOffs.endingOf(record);
    if (ended !== null) return gone(ended);
    const stored = this.#records.get(id);
    if (stored !== undefined) return { status: "created", userEpoch: stored.readUIntBE(OFFSET.userEpoch, 6) };
    if (userKey !== null && this.#disabled.has(userKey)) return { status: "disabled" };
    const userEpoch = userKey === null ? 0 : this.#epochOf(userKey);
    if (userKey !== null && limit !== undefined) {
      const sessions = this.#records.liveOf(userKey, this.now()).filter((session) => session.id !== replaces?.id);
      const room = makeRoom({ sessions, userEpoch, now: this.now() }, limit);
      if (room.status === "limited") return room;
      for (const victim of room.victims) this.#end(victim.id, victim.record, EVICTION);
    }
    if (replaces !== undefined) {
      const replaced = this.#record(replaces.id);
      if (replaced !== null) this.#end(replaces.id, replaced, replaces);
    }
    this.#records.put({ id, record: withUserEpoch(record, userEpoch) });
    this.#history.began({ id, record });
    return { status: "created", userEpoch };
  }

  async read(id: string): Promise<ReadOutcome> {
    this.#begin(undefined);
    return this.#record(id) ?? this.#tombstone(id);
  }

  /** Reads are at hand anyway. */
  near(): null {
    return null;
  }
  stale(): null {
    return null;
  }

  async revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    this.#begin(call);
    const record = this.#record(input.id);
    if (record === null) return { ended: this.#tombstone(input.id) !== null, record: null };
    if (!mayEnd(record, input, this.now())) return { ended: false, record: null };
    this.#end(input.id, record, input);
    return { ended: true, record: lateData(record, input.knownRevision) };
  }

  async disableUser({ userKey, disabled }: DisableUserInput, call?: WriteCall): Promise<void> {
    this.#begin(call);
    if (disabled) this.#disabled.add(userKey);
    else this.#disabled.delete(userKey);
  }

  async revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ ended: number }> {
    this.#begin(call);
    const epoch = Math.max(this.#epochOf(input.userKey) + 1, this.now());
    this.#epochs.set(input.userKey, epoch, this.now() + input.epochKeptMs);
    let ended = 0;
    for (const id of this.#records.idsOf(input.userKey)) {
      const record = this.#record(id);
      if (record === null) continue;
      if (id === input.except) {
        this.#records.replace(id, withUserEpoch(record, epoch));
        continue;
      }
      if (isLive(record, this.now())) ended += 1;
      this.#end(id, record, input);
    }
    return { ended };
  }

  async eraseUser(userKey: string): Promise<{ tombstonesUntil: number }> {
    this.#begin(undefined);
    this.#epochs.delete(userKey);
    for (const id of this.#history.sessionsOf(userHashIn(userKey))) this.#activities.forget(id);
    return { tombstonesUntil: this.now() + this.#endedMs };
  }

  async recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    this.#begin(call);
    const record = this.#record(input.id);
    const tombstone = record === null ? this.#tombstone(input.id) : null;
    const isKnown = record === null ? input.afterEnding && tombstone !== null : isLive(record, this.now());
    if (!isKnown) return gone(tombstone);
    this.#activities.record(input, this.now());
    return { status: "recorded" };
  }

  async listActivity(id: string): Promise<string[]> {
    this.#begin(undefined);
    return [...this.#activities.list(id, this.now())];
  }

  async revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ ended: number }> {
    this.#begin(call);
    const now = this.now();
    const cutOff = CutOffs.NONE.with(input, now);
    this.#cutOffs = this.#cutOffs.with(input, now);
    const earlier = this.#records.live(now).filter(({ record }) => cutOff.endingOf(record) !== null);
    for (const { id, record } of earlier) this.#end(id, record, input);
    await cutOffReached(now + 1, () => this.now());
    return { ended: earlier.length };
  }

  async listUser(userKey: string, { latest }: ListOptions = {}): Promise<StoredSession[]> {
    this.#begin(undefined);
    const live = this.#records.liveOf(userKey, this.now());
    if (latest === undefined) return live;
    return live.toSorted((a, b) => expiresAtOf(b.record) - expiresAtOf(a.record)).slice(0, latest);
  }

  async page({ cursor, limit }: PageInput): Promise<Page> {
    this.#begin(undefined);
    const after = idCursor(cursor);
    const behind = this.#records.live(this.now()).filter(({ id }) => id > after);
    return pageOf(
      behind.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      limit,
    );
  }

  async count(): Promise<number> {
    this.#begin(undefined);
    return this.#records.live(this.now()).length;
  }

  async countUsers(): Promise<number> {
    this.#begin(undefined);
    const hashes = this.#records.live(this.now()).map(({ record }) => userHashOf(record));
    return new Set(hashes.filter((hash) => hash !== null)).size;
  }

  /** Looks at a part of the sessions at a time, so that a turn stays short. */
  async reap(): Promise<ReapOutcome> {
    this.#begin(undefined);
    let expired = 0;
    for (let looked = 0; looked < REAPED_AT_ONCE; looked++) {
      const next = this.#reaping.next();
      if (next.done === true) {
        this.#reaping = this.#records.entries();
        this.#sweepOld(REAPED_AT_ONCE);
        return { expired, more: false };
      }
      if (this.#expire(...next.value)) expired += 1;
    }
    return { expired, more: true };
  }

  async expire(id: string, call?: WriteCall): Promise<boolean> {
    this.#begin(call);
    const record = this.#records.get(id);
    return record !== undefined && this.#expire(id, record);
  }

  /** There is nothing to compare: record and index change in one turn, and nobody else can write either. */
  async checkIndexes(): Promise<CheckOutcome> {
    this.#begin(undefined);
    return { checked: this.#records.size, differences: [], cursor: null };
  }

  onEvent(listener: EventListener): () => void {
    return this.#history.listen(listener);
  }

  readEvents(consumer: ConsumerOptions): EventReader {
    return this.#history.reader(consumer);
  }

  async totals(): Promise<Totals> {
    this.#begin(undefined);
    return this.#history.totals();
  }

  onEnding(listener: EndingListener): () => void {
    return this.#endings.listen(listener);
  }

  async diagnose(): Promise<Finding[]> {
    this.#begin(undefined);
    const found = "in the memory of this process: sessions end with it, and no other process has them";
    return [{ check: "persistence", ...warning(found, "Use sqliteStore or redisStore for anything but tests.") }];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endings.close();
  }

  #begin(call: WriteCall | undefined): void {
    if (this.#closed) throw new StoreClosedError();
    refuseLate(this.now(), call?.notAfter);
  }

  protected override async step<Outcome>(
    id: string,
    call: WriteCall | undefined,
    change: Change<Outcome>,
  ): Promise<Outcome | Gone> {
    this.#begin(call);
    const record = this.#record(id);
    if (record === null) return gone(this.#tombstone(id));
    const step = change(record, this.now());
    if (step.write !== null) this.#records.replace(id, step.write);
    if (step.event !== undefined) this.#history.changed({ id, record }, step.event);
    return step.outcome;
  }

  #record(id: string): Buffer | null {
    const record = this.#records.get(id);
    if (record === undefined) return null;
    if (this.now() < expiresAtOf(record) + REAP_GRACE_MS) return record;
    this.#expire(id, record);
    return null;
  }

  #tombstone(id: string): Tombstone | null {
    return this.#tombstones.get(id, this.now());
  }

  #epochOf(userKey: string): number {
    return this.#epochs.get(userKey, this.now()) ?? 0;
  }

  #expire(id: string, record: Buffer): boolean {
    if (isLive(record, this.now())) return false;
    this.#end(id, record, { reason: EXPIRED, actor: null });
    return true;
  }

  #end(id: string, record: Buffer, ending: Pick<RevokeInput, "reason" | "actor">): void {
    this.#records.remove({ id, record });
    this.#endings.tell(id);
    const tombstone = tombstoneOf(record, ending, this.now());
    this.#tombstones.set(id, tombstone, tombstone.endedAt + this.#endedMs);
    this.#history.ended({ id, record }, tombstone);
  }

  #sweepSome(): void {
    this.#sweepOld(SWEPT_PER_CREATE);
    for (let i = 0; i < SWEPT_PER_CREATE; i++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = this.#records.entries();
        return;
      }
      this.#record(next.value[0]);
    }
  }

  #sweepOld(most: number): void {
    this.#tombstones.sweep(most, this.now());
    this.#epochs.sweep(most, this.now());
  }
}

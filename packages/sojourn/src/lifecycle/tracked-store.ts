/** A store whose calls are told to an observer, and whose writes are waited for when it is closed. */

import type { Clock } from "../clock.ts";
import type { RecordCopy, SessionRecord } from "../data/session-record.ts";
import type { Page, PageInput } from "../store/paging.ts";
import type { EndingListener } from "../store/ending-hints.ts";
import type {
  ActivityInput,
  ActivityOutcome,
  AmendInput,
  AmendOutcome,
  ConfirmInput,
  ConfirmOutcome,
  DisableUserInput,
  CreateOutcome,
  ElevateInput,
  ElevateOutcome,
  ListOptions,
  NewSession,
  PatchInput,
  PatchOutcome,
  ReadOutcome,
  RevokeBeforeInput,
  RevokeInput,
  RevokeOutcome,
  RevokeUserInput,
  RotateInput,
  RotateOutcome,
  Store,
  StoredSession,
  StoreFacts,
  TouchInput,
  TouchOutcome,
  WriteCall,
} from "../store/store.ts";
import type { MetricStore } from "../store/metric-store.ts";
import type { Finding } from "../store/diagnosis.ts";
import type { EventListener } from "../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../store/events.ts";
import type { NearCacheSize } from "../store/near-cache.ts";
import type { Totals } from "../store/totals.ts";
import type { Transfer } from "../store/transfer.ts";
import type { CheckInput, CheckOutcome, ReapInput, ReapOutcome } from "../store/upkeep.ts";
import type { ValueStore } from "../store/value-store.ts";
import type { Observer } from "./observer.ts";

/** Of so many reads one is timed, unless the observer wants each. */
const READS_PER_SAMPLE = 16;

export class TrackedStore implements Store {
  readonly engine: string;
  readonly parts: number;
  readonly namespace: string;
  readonly metrics: MetricStore;
  readonly transfer: Transfer;
  readonly values: ValueStore;
  readonly writeDeadlineMs: number;
  readonly nearCache: NearCacheSize | null;
  /** Calls of `near` that a copy answered, and those that none did. */
  nearHits = 0;
  nearMisses = 0;
  readonly #store: Store;
  readonly #observer: Observer;
  readonly #clock: Clock;
  readonly #writes = new Set<Promise<unknown>>();
  #reads = 0;

  constructor(store: Store, observer: Observer, clock: Clock) {
    this.#store = store;
    this.#observer = observer;
    this.#clock = clock;
    this.engine = store.engine;
    this.parts = store.parts;
    this.namespace = store.namespace;
    this.metrics = this.#timedMetrics(store.metrics);
    this.transfer = store.transfer;
    this.values = this.#timedValues(store.values);
    this.nearCache = store.nearCache;
    this.writeDeadlineMs = store.writeDeadlineMs;
  }

  ready(): Promise<StoreFacts> {
    return this.#store.ready();
  }
  now(id?: string): number {
    return this.#store.now(id);
  }
  /** What every request waits for: a number is counted up, and every sixteenth is timed. */
  read(id: string): Promise<ReadOutcome> {
    const standsFor = this.#observer.wantsEachRead ? 1 : READS_PER_SAMPLE;
    this.#reads = (this.#reads + 1) % standsFor;
    return this.#reads === 0 ? this.#timed("read", () => this.#store.read(id), standsFor) : this.#store.read(id);
  }
  onEnding(listener: EndingListener): () => void {
    return this.#store.onEnding(listener);
  }
  near(id: string, known?: RecordCopy): SessionRecord | null {
    const record = this.#store.near(id, known);
    if (record !== null) this.nearHits++;
    // Else it is looked for next.
    else if (known === undefined) this.nearMisses++;
    return record;
  }
  stale(id: string, maxAgeMs: number): SessionRecord | null {
    return this.#store.stale(id, maxAgeMs);
  }
  page(input: PageInput): Promise<Page> {
    return this.#timed("page", () => this.#store.page(input));
  }
  listUser(userKey: string, options?: ListOptions): Promise<StoredSession[]> {
    return this.#timed("listUser", () => this.#store.listUser(userKey, options));
  }
  listActivity(id: string): Promise<string[]> {
    return this.#timed("listActivity", () => this.#store.listActivity(id));
  }
  count(): Promise<number> {
    return this.#timed("count", () => this.#store.count());
  }
  countUsers(): Promise<number> {
    return this.#timed("countUsers", () => this.#store.countUsers());
  }
  reap(input: ReapInput): Promise<ReapOutcome> {
    return this.#write("reap", () => this.#store.reap(input));
  }
  expire(id: string, call?: WriteCall): Promise<boolean> {
    return this.#write("expire", () => this.#store.expire(id, call));
  }
  checkIndexes(input: CheckInput): Promise<CheckOutcome> {
    return this.#write("checkIndexes", () => this.#store.checkIndexes(input));
  }
  eraseUser(userKey: string): Promise<{ readonly tombstonesUntil: number }> {
    return this.#write("eraseUser", () => this.#store.eraseUser(userKey));
  }
  onEvent(listener: EventListener): () => void {
    return this.#store.onEvent(listener);
  }
  readEvents(consumer: ConsumerOptions): EventReader {
    return this.#store.readEvents(consumer);
  }
  totals(): Promise<Totals> {
    return this.#timed("totals", () => this.#store.totals());
  }
  diagnose(): Promise<Finding[]> {
    return this.#timed("diagnose", () => this.#store.diagnose());
  }

  create(session: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    return this.#write("create", () => this.#store.create(session, call));
  }
  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    return this.#write("rotate", () => this.#store.rotate(input, call));
  }
  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    return this.#write("confirm", () => this.#store.confirm(input, call));
  }
  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    return this.#write("elevate", () => this.#store.elevate(input, call));
  }
  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    return this.#write("amend", () => this.#store.amend(input, call));
  }
  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return this.#write("patch", () => this.#store.patch(input, call));
  }
  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    return this.#write("touch", () => this.#store.touch(input, call));
  }
  revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    return this.#write("revoke", () => this.#store.revoke(input, call));
  }
  disableUser(input: DisableUserInput, call?: WriteCall): Promise<void> {
    return this.#write("disableUser", () => this.#store.disableUser(input, call));
  }
  revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    return this.#write("revokeUser", () => this.#store.revokeUser(input, call));
  }
  revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    return this.#write("revokeBefore", () => this.#store.revokeBefore(input, call));
  }

  recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    return this.#write("recordActivity", () => this.#store.recordActivity(input, call));
  }

  /** Waits for the writes under way. They settle within their deadline; one that ends many sessions takes several. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  startBackground(): void {
    this.#store.startBackground?.();
  }
  close(): Promise<void> {
    return this.#store.close();
  }

  #timedMetrics(metrics: MetricStore): MetricStore {
    return {
      recordSample: (...args) => this.#write("recordSample", () => metrics.recordSample(...args)),
      samples: (name) => this.#timed("samples", () => metrics.samples(name)),
      addToSeries: (...args) => this.#write("addToSeries", () => metrics.addToSeries(...args)),
      series: () => this.#timed("series", () => metrics.series()),
    };
  }

  #timedValues(values: ValueStore): ValueStore {
    return {
      get: (id) => this.#timed("value", () => values.get(id)),
      set: (...args) => this.#write("setValue", () => values.set(...args)),
      take: (...args) => this.#write("takeValue", () => values.take(...args)),
      increment: (...args) => this.#write("incrementValue", () => values.increment(...args)),
    };
  }

  #write<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return this.#timed(operation, call, 1, this.#writes);
  }

  /** @param underWay what it is counted among until it settles */
  #timed<T>(
    operation: string,
    call: () => Promise<T>,
    standsFor = 1,
    underWay: Set<Promise<unknown>> | null = null,
  ): Promise<T> {
    const startedAt = this.#clock.monotonic();
    const running = call();
    underWay?.add(running);
    const done = (failure: unknown): void => {
      underWay?.delete(running);
      this.#observer.called({ operation, ms: this.#clock.monotonic() - startedAt, failure, standsFor });
    };
    running.then(() => done(null), done);
    return running;
  }
}

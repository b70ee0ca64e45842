/** A store whose writes are counted while they are under way, so that closing can wait for them. */

import type { SessionRecord } from "../data/session-record.ts";
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
import type { EventListener } from "../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../store/events.ts";
import type { Totals } from "../store/totals.ts";
import type { CheckInput, CheckOutcome, ReapInput, ReapOutcome } from "../store/upkeep.ts";

export class TrackedStore implements Store {
  readonly engine: string;
  readonly parts: number;
  readonly namespace: string;
  readonly metrics: MetricStore;
  readonly writeDeadlineMs: number;
  readonly #store: Store;
  readonly #writes = new Set<Promise<unknown>>();

  constructor(store: Store) {
    this.#store = store;
    this.engine = store.engine;
    this.parts = store.parts;
    this.namespace = store.namespace;
    this.metrics = store.metrics;
    this.writeDeadlineMs = store.writeDeadlineMs;
  }

  ready(): Promise<StoreFacts> {
    return this.#store.ready();
  }
  now(): number {
    return this.#store.now();
  }
  read(id: string): Promise<ReadOutcome> {
    return this.#store.read(id);
  }
  onEnding(listener: EndingListener): () => void {
    return this.#store.onEnding(listener);
  }
  near(id: string): SessionRecord | null {
    return this.#store.near(id);
  }
  page(input: PageInput): Promise<Page> {
    return this.#store.page(input);
  }
  listUser(userKey: string): Promise<StoredSession[]> {
    return this.#store.listUser(userKey);
  }
  listActivity(id: string): Promise<string[]> {
    return this.#store.listActivity(id);
  }
  count(): Promise<number> {
    return this.#store.count();
  }
  countUsers(): Promise<number> {
    return this.#store.countUsers();
  }
  reap(input: ReapInput): Promise<ReapOutcome> {
    return this.#tracked(this.#store.reap(input));
  }
  expire(id: string, call?: WriteCall): Promise<boolean> {
    return this.#tracked(this.#store.expire(id, call));
  }
  checkIndexes(input: CheckInput): Promise<CheckOutcome> {
    return this.#tracked(this.#store.checkIndexes(input));
  }
  eraseUser(userKey: string): Promise<{ readonly tombstonesUntil: number }> {
    return this.#tracked(this.#store.eraseUser(userKey));
  }
  onEvent(listener: EventListener): () => void {
    return this.#store.onEvent(listener);
  }
  readEvents(consumer: ConsumerOptions): EventReader {
    return this.#store.readEvents(consumer);
  }
  totals(): Promise<Totals> {
    return this.#store.totals();
  }

  create(session: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    return this.#tracked(this.#store.create(session, call));
  }
  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    return this.#tracked(this.#store.rotate(input, call));
  }
  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    return this.#tracked(this.#store.confirm(input, call));
  }
  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    return this.#tracked(this.#store.elevate(input, call));
  }
  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    return this.#tracked(this.#store.amend(input, call));
  }
  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return this.#tracked(this.#store.patch(input, call));
  }
  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    return this.#tracked(this.#store.touch(input, call));
  }
  revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    return this.#tracked(this.#store.revoke(input, call));
  }
  disableUser(input: DisableUserInput, call?: WriteCall): Promise<void> {
    return this.#tracked(this.#store.disableUser(input, call));
  }
  revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    return this.#tracked(this.#store.revokeUser(input, call));
  }
  revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    return this.#tracked(this.#store.revokeBefore(input, call));
  }

  recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    return this.#tracked(this.#store.recordActivity(input, call));
  }

  /** Waits for the writes under way and closes. They settle within their deadline; one that ends many sessions takes several. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writes);
    await this.#store.close();
  }

  #tracked<T>(write: Promise<T>): Promise<T> {
    this.#writes.add(write);
    const done = (): void => void this.#writes.delete(write);
    write.then(done, done);
    return write;
  }
}

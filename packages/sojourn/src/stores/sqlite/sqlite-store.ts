/**
 * The sqlite engine: the embedded durable default. WAL with `synchronous=FULL`:
 * an acknowledged write survives a crash and a power cut. Several processes may
 * share one file. Reads are synchronous and wait for no writer.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../../clock.ts";
import { expiresAtOf } from "../../data/record.ts";
import type { RecordCopy, SessionRecord } from "../../data/session-record.ts";
import { ConfigError, StoreClosedError } from "../../errors.ts";
import { DEFAULTS } from "../../options.ts";
import { checkedDeadline } from "../../store/deadline.ts";
import type { EndingListener } from "../../store/ending-hints.ts";
import { checkedNamespace } from "../../store/namespace.ts";
import { NearCache, type NearCacheOptions } from "../../store/near-cache.ts";
import { idCursor, type Page, type PageInput, pageOf } from "../../store/paging.ts";
import type { Finding } from "../../store/diagnosis.ts";
import { changeEvent } from "../../store/event-facts.ts";
import { type EventListener, EventListeners } from "../../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../../store/events.ts";
import { type Change, RecordSteps } from "../../store/record-steps.ts";
import { checkedRetention, type RetentionOptions } from "../../store/retention.ts";
import {
  type ActivityInput,
  type ActivityOutcome,
  type CreateOutcome,
  type DisableUserInput,
  type Gone,
  isRecord,
  type ListOptions,
  type NewSession,
  type ReadOutcome,
  type RevokeBeforeInput,
  type RevokeInput,
  type RevokeOutcome,
  type RevokeUserInput,
  type Store,
  type StoredSession,
  type StoreFacts,
  type WriteCall,
} from "../../store/store.ts";
import { gone, isLive, lateData, refuseLate, tombstoneOf } from "../../store/transitions.ts";
import { tooManySessions } from "../../store/user-limit.ts";
import { mayEnd } from "../../store/token-transitions.ts";
import { EXPIRED, type Totals } from "../../store/totals.ts";
import type { CheckInput, CheckOutcome, ReapOutcome } from "../../store/upkeep.ts";
import { listActivity, recordActivity } from "./activity-rows.ts";
import { createSession } from "./creation.ts";
import { diagnoseFile } from "./diagnosis.ts";
import { eraseUser } from "./erasing.ts";
import { eventReader } from "./event-reading.ts";
import { revokeBefore, revokeUser } from "./mass-ending.ts";
import { endingHints } from "./ending-hints.ts";
import { openFile, type OpenedFile, type StoreFile } from "./opening.ts";
import { cutOffsOf, endSession, foundIn, latestOf, recordOf, storedSession, tombstoneIn } from "./rows.ts";
import { type SqliteAccess, SqliteMetrics } from "./sqlite-metrics.ts";
import { SqliteTransfer } from "./sqlite-transfer.ts";
import { SqliteValues } from "./sqlite-values.ts";
import type { Statements } from "./statements.ts";
import { readTotals } from "./totals.ts";
import { checkSome, reapSome } from "./upkeep.ts";
import { isBusy, unavailable } from "./write-queue.ts";

export interface SqliteStoreOptions extends RetentionOptions {
  /** Part of every token's MAC; one file holds one namespace. 1–64 of `A-Z a-z 0-9 _ . -`. Default "sojourn". */
  readonly namespace?: string;
  /** How long a write may wait for other writers, in milliseconds: 1 to 60000. Default 1000. */
  readonly writeDeadlineMs?: number;
  /**
   * Answers valid requests from this process's memory. This process's own revocations and changes are seen at once,
   * those of other processes after the lease: nothing tells of them. Default false.
   */
  readonly nearCache?: boolean | NearCacheOptions;
  readonly clock?: Clock;
}

/**
 * A store in an SQLite file, made when it is not there (its folder must be), or `":memory:"`.
 * Opened at the first call or `ready()`, which reject with `StoreUnavailableError` when it cannot be.
 * @throws ConfigError for a wrong path, namespace or deadline.
 */
export function sqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  if (typeof path !== "string" || path === "") {
    throw new ConfigError(`sqliteStore needs a file path or ":memory:", not ${JSON.stringify(path)}.`);
  }
  return new SqliteStore(path, options);
}

class SqliteStore extends RecordSteps implements Store {
  readonly engine = "sqlite";
  readonly parts = 1;
  readonly namespace: string;
  readonly #access: SqliteAccess = {
    write: (call, write) => this.#write(call, write),
    query: async (query) => {
      const { sql } = await this.#open();
      return this.#query(() => query(sql, this.now()));
    },
  };
  readonly metrics = new SqliteMetrics(this.#access);
  readonly values = new SqliteValues(this.#access);
  readonly transfer = new SqliteTransfer({
    ...this.#access,
    count: () => this.count(),
    saltChanged: (salt) => {
      if (this.#opened !== null) this.#opened.facts = { salt };
    },
  });
  readonly #file: StoreFile;
  readonly #clock: Clock;
  readonly writeDeadlineMs: number;
  readonly #listeners = new EventListeners();
  readonly nearCache: NearCache | null;
  readonly #endings = endingHints(() => this.#opened?.sql.version.get()?.["data_version"]);
  #opening: Promise<OpenedFile> | null = null;
  #opened: OpenedFile | null = null;
  #closed = false;

  constructor(path: string, options: SqliteStoreOptions) {
    super();
    this.namespace = checkedNamespace(options.namespace);
    this.#clock = options.clock ?? systemClock;
    this.writeDeadlineMs = checkedDeadline("writeDeadlineMs", options.writeDeadlineMs, DEFAULTS.writeDeadlineMs);
    this.nearCache = NearCache.from(options.nearCache, this.#clock);
    this.#file = {
      path,
      namespace: this.namespace,
      retention: checkedRetention(options),
      clock: this.#clock,
      writeDeadlineMs: this.writeDeadlineMs,
      rows: {
        changes: (id) => this.nearCache?.drop(id),
        goes: (id) => {
          this.nearCache?.drop(id);
          // Once the transaction is over, which is in this turn.
          queueMicrotask(() => this.#endings.tell(id));
        },
      },
    };
  }

  async ready(): Promise<StoreFacts> {
    return (await this.#open()).facts;
  }

  now(): number {
    return this.#clock.now();
  }

  async create(session: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    const until = this.#clock.monotonic() + this.writeDeadlineMs;
    for (;;) {
      const outcome = await this.#write(call, (sql, now) => createSession(session, sql, now));
      if (outcome.status !== "again") return outcome;
      if (this.#clock.monotonic() > until) throw tooManySessions();
    }
  }

  async read(id: string): Promise<ReadOutcome> {
    const { sql } = this.#opened ?? (await this.#open());
    const read = (): Promise<ReadOutcome> => this.#query(() => foundIn(sql, id, this.now()));
    return this.nearCache === null ? read() : this.nearCache.through(id, read);
  }

  near(id: string, known?: RecordCopy): SessionRecord | null {
    return this.#unexpired(this.nearCache?.get(id, known), known?.goodUntil);
  }

  stale(id: string, maxAgeMs: number): SessionRecord | null {
    return this.#unexpired(this.nearCache?.stale(id, maxAgeMs));
  }

  #unexpired(record: SessionRecord | null = null, until = record?.expiresAt ?? 0): SessionRecord | null {
    return this.now() < until ? record : null;
  }

  async revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    return this.#write(call, (sql, now) => {
      const record = recordOf(sql, input.id, now);
      if (record === null) return { ended: tombstoneIn(sql, input.id, now) !== null, record: null };
      if (!mayEnd(record, input, now)) return { ended: false, record: null };
      endSession(sql, input.id, tombstoneOf(record, input, now));
      return { ended: true, record: lateData(record, input.knownRevision) };
    });
  }

  async disableUser({ userKey, disabled }: DisableUserInput, call?: WriteCall): Promise<void> {
    return this.#write(call, (sql) => void (disabled ? sql.disable : sql.enable).run(userKey));
  }

  revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ ended: number }> {
    return revokeUser((fence, write) => this.#write(fence, write), input, call);
  }

  revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ ended: number }> {
    return revokeBefore(
      (fence, write) => this.#write(fence, write),
      () => this.now(),
      input,
      call,
    );
  }

  async eraseUser(userKey: string): Promise<{ tombstonesUntil: number }> {
    await eraseUser(userKey, (step) => this.#write(undefined, step));
    const { database } = await this.#open();
    // What was overwritten lies in the log until then; readers of other processes may hold it up.
    await this.#query(() => database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
    return { tombstonesUntil: this.now() + this.#file.retention.endedMs };
  }

  async recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    return this.#write(call, (sql, now) => recordActivity(sql, input, now));
  }

  async listActivity(id: string): Promise<string[]> {
    const { sql } = await this.#open();
    return this.#query(() => listActivity(sql, id, this.now()));
  }

  async page({ cursor, limit }: PageInput): Promise<Page> {
    const after = idCursor(cursor);
    const { sql } = await this.#open();
    return this.#query(() => {
      const page = pageOf(sql.livePage.all(after, this.now(), limit + 1).map(storedSession), limit);
      return { ...page, items: this.#live(sql, page.items) };
    });
  }

  async listUser(userKey: string, { latest }: ListOptions = {}): Promise<StoredSession[]> {
    const { sql } = await this.#open();
    return this.#query(() => this.#live(sql, latestOf(sql, userKey, this.now(), latest)));
  }

  #live<Session extends StoredSession>(sql: Statements, sessions: readonly Session[]): Session[] {
    const [cutOffs, now] = [cutOffsOf(sql), this.now()];
    return sessions.filter(({ record }) => isLive(record, now) && cutOffs.endingOf(record) === null);
  }

  async count(): Promise<number> {
    const { sql } = await this.#open();
    return this.#query(() => Number(sql.count.get(this.now())?.["n"] ?? 0));
  }

  async countUsers(): Promise<number> {
    const { sql } = await this.#open();
    return this.#query(() => Number(sql.countUsers.get(this.now())?.["n"] ?? 0));
  }

  async reap(): Promise<ReapOutcome> {
    // Most of the time nothing is due, and a look at that takes no lock.
    const { sql } = await this.#open();
    const isDue = await this.#query(() => sql.anyDue.get(this.now()) !== undefined);
    if (!isDue) return { expired: 0, more: false };
    return this.#write(undefined, reapSome);
  }

  async expire(id: string, call?: WriteCall): Promise<boolean> {
    return this.#write(call, (sql, now) => {
      const record = recordOf(sql, id, now);
      if (record === null || isLive(record, now)) return false;
      endSession(sql, id, tombstoneOf(record, { reason: EXPIRED, actor: null }, now));
      return true;
    });
  }

  async checkIndexes(input: CheckInput): Promise<CheckOutcome> {
    return this.#write(undefined, (sql) => checkSome(sql, input));
  }

  onEvent(listener: EventListener): () => void {
    return this.#listeners.add(listener);
  }

  readEvents(consumer: ConsumerOptions): EventReader {
    return eventReader(consumer, {
      clock: this.#clock,
      listeners: this.#listeners,
      query: async (query) => {
        const { sql } = await this.#open();
        return this.#query(() => query(sql));
      },
      write: (write) => this.#write(undefined, write),
    });
  }

  async totals(): Promise<Totals> {
    const { sql } = await this.#open();
    return this.#query(() => readTotals(sql, this.now()));
  }

  onEnding(listener: EndingListener): () => void {
    return this.#endings.listen(listener);
  }

  diagnose(): Promise<Finding[]> {
    return diagnoseFile(this.#file.path, async () => (await this.#open()).database);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#endings.close();
    const opened = await this.#opening?.catch(() => null);
    opened?.writes.stop(new StoreClosedError());
    opened?.database.close();
  }

  async #write<T>(call: WriteCall | undefined, write: (sql: Statements, now: number) => T): Promise<T> {
    const { sql, writes } = this.#opened ?? (await this.#open());
    if (this.#closed) throw new StoreClosedError();
    const { answer, events } = await writes.submit(() => {
      const now = this.now();
      refuseLate(now, call?.notAfter);
      // What a write that was rolled back has left.
      sql.events.taken();
      return { answer: write(sql, now), events: sql.events.taken() };
    });
    this.#listeners.tell(events);
    return answer;
  }

  protected override step<Outcome>(
    id: string,
    call: WriteCall | undefined,
    change: Change<Outcome>,
  ): Promise<Outcome | Gone> {
    return this.#write(call, (sql, now) => {
      const found = foundIn(sql, id, now);
      if (!isRecord(found)) return gone(found);
      const step = change(found, now);
      if (step.write !== null) sql.update.run(expiresAtOf(step.write), step.write, id);
      if (step.event !== undefined) sql.events.write(changeEvent({ id, record: found }, step.event, now));
      return step.outcome;
    });
  }

  /** WAL readers wait for nobody, but for a moment while another process opens or closes the file. */
  async #query<T>(query: () => T): Promise<T> {
    const deadline = this.#clock.monotonic() + DEFAULTS.readDeadlineMs;
    for (;;) {
      if (this.#closed) throw new StoreClosedError();
      try {
        return query();
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonic() > deadline) {
          throw unavailable("could not read", "not_executed", error);
        }
        await sleep(2);
      }
    }
  }

  #open(): Promise<OpenedFile> {
    if (this.#closed) return Promise.reject(new StoreClosedError());
    this.#opening ??= openFile(this.#file).then(
      (opened) => {
        this.#opened = opened;
        return opened;
      },
      (error: unknown) => {
        this.#opening = null;
        throw error;
      },
    );
    return this.#opening;
  }
}

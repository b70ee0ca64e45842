/**
 * The Redis engine: a read is one native `GET`, a write one script. Works on
 * Redis 6.2 and newer, and on Valkey.
 */

import { systemClock } from "../../clock.ts";
import type { RecordCopy, SessionRecord } from "../../data/session-record.ts";
import { DEFAULTS } from "../../options.ts";
import type { CutOffs } from "../../store/cut-offs.ts";
import { checkedDeadline } from "../../store/deadline.ts";
import { DenySet } from "../../store/deny-set.ts";
import type { EndingHints, EndingListener } from "../../store/ending-hints.ts";
import { checkedNamespace } from "../../store/namespace.ts";
import { NearCache } from "../../store/near-cache.ts";
import type { Page, PageInput } from "../../store/paging.ts";
import { bucketOf } from "../../data/session-id.ts";
import { userHashIn } from "../../store/placement.ts";
import type {
  ActivityInput,
  ActivityOutcome,
  AmendInput,
  AmendOutcome,
  ConfirmInput,
  ConfirmOutcome,
  CreateOutcome,
  DisableUserInput,
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
} from "../../store/store.ts";
import type { Finding } from "../../store/diagnosis.ts";
import type { EventListener } from "../../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../../store/events.ts";
import { checkedRetention, type Retention } from "../../store/retention.ts";
import type { Totals } from "../../store/totals.ts";
import type { CheckInput, CheckOutcome, ReapInput, ReapOutcome } from "../../store/upkeep.ts";
import { ActivityLists } from "./activity-lists.ts";
import { Counts } from "./counts.ts";
import { CallGate } from "./call-gate.ts";
import { ChangeChannel } from "./change-channel.ts";
import { CoherentCopies } from "./coherent-copies.ts";
import { CutOffLease } from "./cut-off-lease.ts";
import type { Driver, Reply } from "./driver.ts";
import { Diagnosis } from "./diagnosis/diagnosis.ts";
import { driverOf, type RedisClient } from "./drivers/driver-of.ts";
import { DurableWrites } from "./durable-writes.ts";
import { endingHints } from "./ending-hints.ts";
import { eraseUser } from "./erasing.ts";
import { EventStreams, ofBucket } from "./event-streams.ts";
import { Keys } from "./keys.ts";
import { LostEndings } from "./lost-endings.ts";
import { MassEnding } from "./mass-ending.ts";
import { Preparation } from "./preparation.ts";
import { type RecordReads, readsOf } from "./read-batch.ts";
import { RecordChanges } from "./record-changes.ts";
import { RedisMetrics } from "./redis-metrics.ts";
import { RedisValues } from "./redis-values.ts";
import { RedisConnection } from "./redis-connection.ts";
import { RedisTransfer } from "./redis-transfer.ts";
import type { RedisStoreOptions } from "./redis-store-options.ts";
import { parseCreate } from "./script-answers.ts";
import { ScriptRunner } from "./script-runner.ts";
import { createArguments } from "./create-arguments.ts";
import { PatchBatch } from "./patch-batch.ts";
import { sessionPage } from "./session-pages.ts";
import { SessionReads } from "./session-reads.ts";
import { PARTS, Upkeep } from "./upkeep.ts";
import { sessionsOfUser } from "./user-sessions.ts";

/**
 * A store on the Redis client that the application has, connected and without a key prefix: `createClient`,
 * `createSentinel` or `createCluster` of node-redis 6, `Redis` (also with sentinels) or `Cluster` of ioredis 6.
 * Everything goes to primaries.
 * The client stays the application's: `close()` does not close it.
 * @throws ConfigError for a client of a kind that is not supported, and for a wrong namespace or deadline.
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Store {
  return new RedisStore(driverOf(client), options);
}

class RedisStore implements Store {
  readonly engine = "redis";
  readonly parts = PARTS;
  readonly namespace: string;
  readonly metrics: RedisMetrics;
  readonly transfer: RedisTransfer;
  readonly values: RedisValues;
  readonly writeDeadlineMs: number;
  readonly nearCache: NearCache | null;
  readonly #keys: Keys;
  readonly #redis: RedisConnection;
  readonly #records: RecordReads;
  readonly #preparation: Preparation;
  readonly #scripts: ScriptRunner;
  readonly #patches: PatchBatch;
  readonly #retention: Retention;
  readonly #activities: ActivityLists;
  readonly #counts: Counts;
  readonly #recordChanges: RecordChanges;
  readonly #upkeep: Upkeep;
  readonly #cutOffs: CutOffLease;
  readonly #massEnding: MassEnding;
  readonly #events: EventStreams;
  readonly #changes: ChangeChannel;
  readonly #copies: CoherentCopies;
  readonly #reads: SessionReads;
  readonly #endings: EndingHints;
  readonly #denied: DenySet;
  readonly #lost: LostEndings;
  readonly #diagnosis: Diagnosis;
  readonly #recordAt = (key: string): Promise<Buffer | null> => this.#records.get(key);

  constructor(driver: Driver, options: RedisStoreOptions) {
    this.namespace = checkedNamespace(options.namespace);
    this.#retention = ofBucket(checkedRetention(options));
    this.#keys = new Keys(this.namespace);
    const deadlines = {
      readMs: checkedDeadline("deadline.readMs", options.deadline?.readMs, DEFAULTS.readDeadlineMs),
      writeMs: checkedDeadline("deadline.writeMs", options.deadline?.writeMs, DEFAULTS.writeDeadlineMs),
    };
    this.writeDeadlineMs = deadlines.writeMs;
    const clock = options.clock ?? systemClock;
    const maxInFlight = CallGate.checkedMax(options.maxInFlight);
    this.#redis = new RedisConnection(driver, deadlines, clock, this.#keys.facts(), maxInFlight);
    this.#preparation = new Preparation(this.#redis, clock, this.namespace, this.#keys);
    const durable = new DurableWrites({ driver, redis: this.#redis, preparation: this.#preparation, clock }, options);
    this.#scripts = new ScriptRunner(this.#redis, this.#preparation, clock, durable, (name, keys, answer) => {
      this.#copies.settled(name, keys, answer);
      if (answer === null) return;
      this.#lost.settled(name, answer);
      this.#events.written(answer);
    });
    const parts = { keys: this.#keys, redis: this.#redis, preparation: this.#preparation, scripts: this.#scripts };
    this.#patches = new PatchBatch(this.#keys, this.#scripts, !driver.isCluster);
    this.metrics = new RedisMetrics(parts);
    this.#diagnosis = new Diagnosis({ ...parts, clock });
    this.values = new RedisValues(parts);
    this.#activities = new ActivityLists(parts);
    this.#counts = new Counts(this.#keys, this.#redis, this.#preparation);
    this.transfer = new RedisTransfer({ ...parts, counts: this.#counts, retention: this.#retention });
    this.#recordChanges = new RecordChanges(this.#keys, this.#scripts, this.#retention);
    this.#upkeep = new Upkeep(this.#keys, this.#scripts, this.#retention);
    this.#cutOffs = new CutOffLease(this.#redis, clock, this.#keys.cutOffs());
    this.#records = readsOf(driver, (args) => this.#fetched(args));
    this.#changes = new ChangeChannel(driver, this.#redis, clock, this.#keys);
    this.#events = new EventStreams({ keys: this.#keys, scripts: this.#scripts, changes: this.#changes, clock });
    this.nearCache = NearCache.from(options.nearCache, clock);
    const heard = { cache: this.nearCache, changes: this.#changes, cutOffs: this.#cutOffs, clock };
    this.#copies = new CoherentCopies({ ...parts, ...heard });
    this.#denied = new DenySet(clock);
    const reading = {
      records: this.#records,
      copies: this.#copies,
      cutOffs: this.#cutOffs,
      denied: this.#denied,
      clock,
    };
    this.#reads = new SessionReads({ ...parts, ...reading });
    const ending = { lease: this.#cutOffs, copies: this.#copies, retention: this.#retention };
    this.#massEnding = new MassEnding({ ...parts, ...ending });
    this.#endings = endingHints(this.#changes, clock);
    this.#lost = new LostEndings({
      ...parts,
      ...heard,
      massEnding: this.#massEnding,
      denied: this.#denied,
      hears: options.hearEndings ?? true,
      recordOf: (id) => this.#recordAt(this.#keys.session(id)),
      revoke: (input) => this.revoke(input, { durable: false }),
    });
  }

  async ready(): Promise<StoreFacts> {
    await this.#preparation.usable(undefined, this.writeDeadlineMs);
    return this.#preparation.facts();
  }

  now(id?: string): number {
    return this.#redis.clockOf(id === undefined ? undefined : this.#keys.session(id)).now();
  }

  async create(session: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    const { id, userKey } = session;
    const bucket = bucketOf(id);
    const keys = [
      this.#keys.session(id),
      this.#keys.tombstone(id),
      this.#keys.expiries(bucket),
      this.#keys.totals(bucket),
      this.#keys.users(bucket),
      this.#keys.cutOffsOf(bucket),
    ];
    if (userKey !== null) {
      keys.push(this.#keys.userSessions(userKey), this.#keys.userEpoch(userKey), this.#keys.disabledUsers(bucket));
    }
    const args = createArguments(session, this.#keys, this.#retention);
    return parseCreate(await this.#scripts.runInParts("create", keys, call, () => args));
  }

  read(id: string): Promise<ReadOutcome> {
    return this.#reads.read(id);
  }

  async #fetched(args: readonly string[]): Promise<Reply> {
    const reply = await this.#redis.read(args[1] ?? null, args);
    // Also where nobody waits for a session: what this process ended is looked for after a failover.
    this.nearCache?.answered();
    // Suspended while the answer was on its way: whoever judges a record asks `now()` next.
    if (!this.#redis.clockOf(args[1]).isUsable()) await this.#preparation.sampleClock(args[1]);
    return reply;
  }

  near(id: string, known?: RecordCopy): SessionRecord | null {
    return this.#denied.endingOf(id) === null ? this.#copies.get(id, known) : null;
  }

  stale(id: string, maxAgeMs: number): SessionRecord | null {
    return this.#denied.endingOf(id) === null ? this.#copies.stale(id, maxAgeMs) : null;
  }

  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return this.#patches.patch(input, call);
  }

  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    return this.#recordChanges.touch(input, call);
  }

  async revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    const outcome = await this.#recordChanges.revoke(input, call);
    if (outcome.ended) this.#lost.acknowledged(input);
    return outcome;
  }

  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    return this.#recordChanges.rotate(input, call);
  }

  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    return this.#recordChanges.confirm(input, call);
  }

  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    return this.#recordChanges.elevate(input, call);
  }

  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    return this.#recordChanges.amend(input, call);
  }

  async eraseUser(userKey: string): Promise<{ tombstonesUntil: number }> {
    await eraseUser(userKey, this.#keys, this.#scripts);
    return { tombstonesUntil: this.now() + this.#retention.endedMs };
  }

  recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    return this.#activities.record(input, call);
  }

  listActivity(id: string): Promise<string[]> {
    return this.#activities.list(id);
  }

  async disableUser({ userKey, disabled }: DisableUserInput, call?: WriteCall): Promise<void> {
    const bucket = bucketOf(userKey);
    const keys = [this.#keys.disabledUsers(bucket), this.#keys.operation(bucket, call?.operationId)];
    await this.#scripts.run("disable", keys, call, (fence) => [
      userHashIn(userKey),
      disabled ? "1" : "",
      String(fence.operationKeptMs),
    ]);
  }

  async revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ ended: number }> {
    return this.#massEnding.revokeUser(input, call);
  }

  async revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ ended: number }> {
    return this.#massEnding.revokeBefore(input, call);
  }

  async page(input: PageInput): Promise<Page> {
    await this.#preparation.usable();
    const [page, cutOffs] = await Promise.all([
      sessionPage(input, this.#keys, this.#redis, this.#recordAt),
      this.#cutOffs.current(),
    ]);
    return { ...page, items: page.items.filter((item) => this.#isListed(item, cutOffs)) };
  }

  async listUser(userKey: string, options: ListOptions = {}): Promise<StoredSession[]> {
    await this.#preparation.usable(this.#keys.userSessions(userKey));
    const [found, cutOffs] = await Promise.all([
      sessionsOfUser({ ...options, userKey }, this.#keys, this.#redis, this.#recordAt),
      this.#cutOffs.current(),
    ]);
    return found.filter((each) => this.#isListed(each, cutOffs));
  }

  #isListed({ id, record }: StoredSession, cutOffs: CutOffs): boolean {
    return cutOffs.endingOf(record) === null && this.#denied.endingOf(id) === null;
  }

  count(): Promise<number> {
    return this.#counts.live();
  }

  countUsers(): Promise<number> {
    return this.#counts.users();
  }

  expire(id: string, call?: WriteCall): Promise<boolean> {
    return this.#upkeep.expire(id, call);
  }

  reap(input: ReapInput): Promise<ReapOutcome> {
    return this.#upkeep.reap(input);
  }

  checkIndexes(input: CheckInput): Promise<CheckOutcome> {
    return this.#upkeep.check(input);
  }

  onEvent(listener: EventListener): () => void {
    return this.#events.listen(listener);
  }

  readEvents(consumer: ConsumerOptions): EventReader {
    return this.#events.reader(consumer);
  }

  totals(): Promise<Totals> {
    return this.#counts.totals();
  }

  onEnding(listener: EndingListener): () => void {
    return this.#endings.listen(listener);
  }

  diagnose(): Promise<Finding[]> {
    return this.#diagnosis.findings();
  }

  startBackground(): void {
    this.#lost.startBackground();
  }

  async close(): Promise<void> {
    this.#lost.close();
    this.#endings.close();
    this.#changes.close();
    this.#scripts.close();
    this.#redis.close();
  }
}

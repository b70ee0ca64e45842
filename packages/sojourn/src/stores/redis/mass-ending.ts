/**
 * Ends many sessions: a mark first that new ones are held against, then what is there in scripts of a bounded size, and
 * the answer last.
 */

import { bucketOf, BUCKETS } from "../../data/session-id.ts";
import { DEFAULTS } from "../../options.ts";
import { cutOffName, type LostCutOff } from "../../store/cut-offs.ts";
import { detailOfEnding } from "../../store/event-record.ts";
import { userHashIn } from "../../store/placement.ts";
import type { Retention } from "../../store/retention.ts";
import { REAP_GRACE_MS, type RevokeBeforeInput, type RevokeUserInput, type WriteCall } from "../../store/store.ts";
import { countedReason } from "../../store/totals.ts";
import { pagesOf } from "./bucket-walk.ts";
import type { CoherentCopies } from "./coherent-copies.ts";
import { CLOCK_ERROR_MS, CUT_OFF_LEASE_MS, type CutOffLease, KEEP_ALL_MS } from "./cut-off-lease.ts";
import type { Keys } from "./keys.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { ScriptRunner } from "./script-runner.ts";

/** Sessions of a user that one script looks at: 1 to 2 ms of the server's time, which other clients wait. */
const CHUNK = 100;
/** Sessions that one script of a sweep looks at, and buckets that are swept at once. */
const PAGE = 100;
const SWEPT_AT_ONCE = 2;
/** What a cut-off that is stored stands for, and what is told again, waits for no replica. */
const AT_ONCE: WriteCall = { durable: false };

export interface EndingParts {
  readonly redis: RedisConnection;
  readonly scripts: ScriptRunner;
  readonly keys: Keys;
  readonly lease: CutOffLease;
  readonly copies: CoherentCopies;
  /** Of a bucket. */
  readonly retention: Retention;
}

interface OlderSessions {
  readonly epoch: number;
  readonly ids: readonly string[];
  readonly endedBefore: number;
}

export class MassEnding {
  readonly #parts: EndingParts;
  /** The latest cut-off that this process made, of each name, and when. */
  readonly #own = new Map<string, { readonly input: RevokeBeforeInput; readonly at: number }>();

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  async revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ ended: number }> {
    const { keys, scripts } = this.#parts;
    const ended = await this.#endAll(input, call);
    // Its time to live once more is a write of no effect behind all the others.
    const epoch = keys.userEpoch(input.userKey);
    await scripts.makeSure(call, epoch, ["PEXPIRE", epoch, String(input.epochKeptMs)]);
    return { ended };
  }

  /** Raises the epoch first. */
  async #endAll(input: RevokeUserInput, call?: WriteCall): Promise<number> {
    const { redis, keys, scripts } = this.#parts;
    const bucket = bucketOf(input.userKey);
    const operation = keys.operation(bucket, call?.operationId);
    const marked = [keys.userEpoch(input.userKey), keys.userSessions(input.userKey), operation];
    // A session of another bucket is another user's; the script looks at those of this one.
    if (input.except !== null && bucketOf(input.except) === bucket) marked.push(keys.session(input.except));
    const raised = await scripts.run("raiseEpoch", marked, call, (fence) => [
      String(input.epochKeptMs),
      String(fence.operationKeptMs),
      userHashIn(input.userKey),
      String(CHUNK),
    ]);
    const epoch = raised.number(2);
    const first = raised.textsFrom(4);
    let ended = raised.number(3);
    if (first.length > 0) ended = await this.#endOlder(input, operation, { epoch, ids: first, endedBefore: ended });
    if (first.length < CHUNK) return ended;
    for await (const ids of pagesOf(redis, keys.userSessions(input.userKey), CHUNK)) {
      ended = await this.#endOlder(input, operation, { epoch, ids, endedBefore: ended });
    }
    return ended;
  }

  /** Answers how many live sessions the operation has ended so far. */
  async #endOlder(input: RevokeUserInput, operation: string, older: OlderSessions): Promise<number> {
    const { keys, scripts, copies, retention } = this.#parts;
    const bucket = bucketOf(input.userKey);
    const indexes = [keys.expiries(bucket), keys.users(bucket), keys.userSessions(input.userKey)];
    const answer = await scripts.run("endOlder", [...indexes, operation, keys.totals(bucket)], undefined, (fence) => [
      String(older.epoch),
      detailOfEnding(input),
      String(retention.endedMs),
      String(REAP_GRACE_MS),
      keys.sessionPrefix(bucket),
      keys.tombstonePrefix(bucket),
      userHashIn(input.userKey),
      String(older.endedBefore),
      String(fence.operationKeptMs),
      countedReason(input.reason),
      String(retention.eventsKept),
      ...older.ids,
    ]);
    copies.drop(older.ids);
    return answer.number(2);
  }

  /** Stores the cut-off first. Answers when the last bucket is swept and no process knows the cut-offs as they were before. */
  async revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ ended: number }> {
    const { redis, keys, lease, copies } = this.#parts;
    // No later than the acknowledgement, should a network deliver the command once more after it. Asked for when it is
    // sent: before, this process may not know the server's time.
    const latest = (): number => Math.min(input.before, redis.clockOf(keys.cutOffs()).now() + CUT_OFF_LEASE_MS);
    const before = await this.#note(keys.cutOffs(), input, latest, call);
    this.#own.set(cutOffName(input.policy), { input: { ...input, before }, at: redis.clockOf(keys.cutOffs()).now() });
    lease.remember({ ...input, before });
    const known = lease.expired();
    const ended = await this.#sweepAll({ ...input, before });
    await known;
    copies.flush();
    return { ended };
  }

  /** After a server lost its last writes. Every process stores the cut-offs again, and who made one ends its sessions again. */
  async repeat(lost: readonly LostCutOff[]): Promise<void> {
    const { keys, redis } = this.#parts;
    for (const each of lost) {
      await this.#note(keys.cutOffs(), { ...each, keptMs: KEEP_ALL_MS }, () => each.before, AT_ONCE);
    }
    const since = redis.clockOf(keys.cutOffs()).now() - DEFAULTS.deniedMs;
    for (const { input, at } of this.#own.values()) if (at >= since) await this.revokeBefore(input, AT_ONCE);
  }

  async #note(key: string, input: RevokeBeforeInput, before: () => number, call?: WriteCall): Promise<number> {
    const answer = await this.#parts.scripts.run("cutOff", [key], call, () => [
      cutOffName(input.policy),
      String(before()),
      String(input.keptMs),
      detailOfEnding(input),
      String(CLOCK_ERROR_MS),
    ]);
    return answer.number(2);
  }

  async #sweepAll(input: RevokeBeforeInput): Promise<number> {
    const buckets = allBuckets();
    const sweepSome = async (): Promise<number> => {
      let ended = 0;
      for (const bucket of buckets) ended += await this.#sweep(bucket, input);
      return ended;
    };
    const parts = await Promise.all(Array.from({ length: SWEPT_AT_ONCE }, sweepSome));
    return parts.reduce((sum, part) => sum + part, 0);
  }

  /** Marked first: what is created, or given new deadlines, while the walk is under way is held against the mark. */
  async #sweep(bucket: number, input: RevokeBeforeInput): Promise<number> {
    const { redis, scripts, keys, retention } = this.#parts;
    await this.#note(keys.cutOffsOf(bucket), input, () => input.before, AT_ONCE);
    const indexes = [keys.expiries(bucket), keys.users(bucket), keys.totals(bucket)];
    let ended = 0;
    for await (const ids of pagesOf(redis, keys.expiries(bucket), PAGE)) {
      const answer = await scripts.run("endBefore", indexes, undefined, () => [
        detailOfEnding(input),
        countedReason(input.reason),
        String(retention.endedMs),
        String(REAP_GRACE_MS),
        keys.sessionPrefix(bucket),
        keys.tombstonePrefix(bucket),
        keys.userSessionsPrefix(bucket),
        String(input.before),
        cutOffName(input.policy),
        String(retention.eventsKept),
        ...ids,
      ]);
      ended += answer.number(2);
    }
    return ended;
  }
}

/** A generator: whoever fails while it takes from it ends it for the others as well. */
function* allBuckets(): Generator<number> {
  for (let bucket = 0; bucket < BUCKETS; bucket++) yield bucket;
}

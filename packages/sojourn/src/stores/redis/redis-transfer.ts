/** Sessions that move to or from Redis: a script for each that leaves, and for each that arrives. */

import { randomBytes } from "node:crypto";
import { bucketCharacters, bucketOf } from "../../data/session-id.ts";
import { detailOfEnding } from "../../store/event-record.ts";
import { userHashIn } from "../../store/placement.ts";
import type { Retention } from "../../store/retention.ts";
import { REAP_GRACE_MS, type WriteCall } from "../../store/store.ts";
import {
  type Admission,
  type Arrival,
  type Move,
  MOVED,
  movedTombstone,
  otherSalt,
  type Transfer,
  unpackedValue,
  userKeyOf,
  valueIdIn,
  valueName,
} from "../../store/transfer.ts";
import { ofAllBuckets } from "./all-buckets.ts";
import type { Counts } from "./counts.ts";
import { KEEP_ALL_MS } from "./cut-off-lease.ts";
import type { Reply } from "./driver.ts";
import type { Keys } from "./keys.ts";
import type { Preparation } from "./preparation.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";
import type { ScriptRunner } from "./script-runner.ts";

export interface TransferParts {
  readonly keys: Keys;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly scripts: ScriptRunner;
  readonly counts: Counts;
  readonly retention: Retention;
}

/** Of the facts: the move into this namespace. */
const MOVE = "move";

export class RedisTransfer implements Transfer {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  async takeAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    const { keys, scripts, retention } = this.#parts;
    const bucket = bucketOf(id);
    const indexes = [keys.expiries(bucket), keys.users(bucket), keys.aside(bucket), keys.admitted(bucket)];
    const answer = await scripts.run("takeAway", [keys.session(id), keys.tombstone(id), ...indexes], call, () => [
      id,
      detailOfEnding(movedTombstone(0, 0)),
      String(retention.endedMs),
      String(REAP_GRACE_MS),
      keys.userSessionsPrefix(bucket),
      String(KEEP_ALL_MS),
    ]);
    return answer.bytes(2);
  }

  async takeValueAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    const { keys, scripts } = this.#parts;
    const bucket = bucketOf(id);
    const named = [keys.value(id), keys.values(bucket), keys.aside(bucket), keys.admitted(bucket)];
    const answer = await scripts.run("takeValueAway", named, call, () => [id, valueName(id), String(KEEP_ALL_MS)]);
    return answer.bytes(2);
  }

  valueIds(bucket: number, limit: number): Promise<string[]> {
    const { keys, redis } = this.#parts;
    const key = keys.values(bucket);
    const living = `(${redis.clockOf(key).now()}`;
    return this.#texts(["ZRANGEBYSCORE", key, living, "+inf", "LIMIT", "0", String(limit)]);
  }

  async taken(bucket?: number): Promise<string[]> {
    const { keys } = this.#parts;
    const read = (each: number): Promise<string[]> => this.#texts(["HKEYS", keys.aside(each)]);
    return bucket === undefined ? (await ofAllBuckets(read)).flat() : read(bucket);
  }

  async settle(id: string): Promise<void> {
    const key = this.#parts.keys.aside(bucketOf(id));
    await this.#parts.redis.prepare(key, ["HDEL", key, id]);
  }

  async disabledUsers(): Promise<string[]> {
    const { keys } = this.#parts;
    const ofBucket = async (bucket: number): Promise<string[]> => {
      const hashes = await this.#texts(["SMEMBERS", keys.disabledUsers(bucket)]);
      return hashes.map((hash) => bucketCharacters(bucket) + hash);
    };
    return (await ofAllBuckets(ofBucket)).flat();
  }

  async adopt(salt: Buffer): Promise<void> {
    const { preparation, counts } = this.#parts;
    if ((await preparation.facts()).salt.equals(salt)) return;
    if ((await counts.live()) > 0) throw otherSalt();
    await preparation.adopt(salt);
  }

  async begin(): Promise<Move> {
    const { keys, redis, preparation } = this.#parts;
    await preparation.usable();
    const move: Move = { id: randomBytes(12).toString("base64url"), begunAt: redis.clockOf().now() };
    await redis.prepare(keys.facts(), ["HSETNX", keys.facts(), MOVE, JSON.stringify(move)]);
    return (await this.begun()) ?? move;
  }

  async begun(): Promise<Move | null> {
    const { keys, redis, preparation } = this.#parts;
    await preparation.usable();
    const reply = await redis.read(keys.facts(), ["HGET", keys.facts(), MOVE]);
    return reply === null ? null : (JSON.parse(String(reply)) as Move);
  }

  async forgetMove(): Promise<void> {
    const { keys, redis } = this.#parts;
    await redis.prepare(keys.facts(), ["HDEL", keys.facts(), MOVE]);
  }

  async admit(arrival: Arrival, call?: WriteCall): Promise<Admission> {
    const { keys, scripts } = this.#parts;
    const { id, record } = arrival;
    const [bucket, userKey] = [bucketOf(id), userKeyOf(arrival)];
    const indexes = [keys.expiries(bucket), keys.users(bucket), keys.cutOffsOf(bucket), keys.admitted(bucket)];
    const ofUser = userKey === null ? [] : [keys.userSessions(userKey), keys.userEpoch(userKey)];
    const named = [keys.session(id), keys.tombstone(id), ...indexes, ...ofUser];
    const { status } = await scripts.run("admit", named, call, () => [
      id,
      record,
      String(REAP_GRACE_MS),
      userKey === null ? "" : userHashIn(userKey),
      String(KEEP_ALL_MS),
      MOVED,
    ]);
    return status as Admission;
  }

  async admitValue({ id: name, record }: Arrival, call?: WriteCall): Promise<Admission> {
    const { keys, scripts } = this.#parts;
    const [id, { value, endsAt }] = [valueIdIn(name) ?? name, unpackedValue(record)];
    const bucket = bucketOf(id);
    const named = [keys.value(id), keys.values(bucket), keys.admitted(bucket)];
    const { status } = await scripts.run("admitValue", named, call, () => [
      id,
      name,
      String(endsAt),
      value,
      String(KEEP_ALL_MS),
    ]);
    return status as Admission;
  }

  async forgetAdmitted(): Promise<void> {
    const { keys, redis, preparation } = this.#parts;
    await preparation.usable();
    await ofAllBuckets((bucket) => redis.prepare(keys.admitted(bucket), ["DEL", keys.admitted(bucket)]));
  }

  async #texts(command: readonly [string, string, ...string[]]): Promise<string[]> {
    await this.#parts.preparation.usable(command[1]);
    const reply: Reply = await this.#parts.redis.read(command[1], command);
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    return reply.map(String);
  }
}

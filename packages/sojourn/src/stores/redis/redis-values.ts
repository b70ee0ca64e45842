/** Values of other libraries: a string each; one that is empty stands for a value that was taken away. */

import { bucketOf } from "../../data/session-id.ts";
import type { WriteCall } from "../../store/store.ts";
import { TAKEN_KNOWN_MS, type ValueInput, type ValueStore } from "../../store/value-store.ts";
import type { Argument } from "./driver.ts";
import { type ScriptAnswer, unexpectedReply } from "./redis-connection.ts";
import type { RedisMetricsParts } from "./redis-metrics.ts";

export class RedisValues implements ValueStore {
  readonly #parts: RedisMetricsParts;

  constructor(parts: RedisMetricsParts) {
    this.#parts = parts;
  }

  async get(id: string): Promise<Buffer | null> {
    const { keys, redis, preparation } = this.#parts;
    const key = keys.value(id);
    await preparation.usable(key);
    const reply = await redis.read(key, ["GET", key]);
    if (reply === null) return null;
    if (!(reply instanceof Buffer)) throw unexpectedReply(reply);
    return reply.length === 0 ? null : reply;
  }

  async set(id: string, { value, endsAt, revives }: ValueInput, call?: WriteCall): Promise<boolean> {
    const answer = await this.#run(id, call, ["set", String(endsAt), value, revives ? "1" : ""]);
    return answer.status === "done";
  }

  async take(id: string, call?: WriteCall): Promise<Buffer | null> {
    const value = (await this.#run(id, call, ["take", String(TAKEN_KNOWN_MS)])).bytes(2);
    return value === null || value.length === 0 ? null : value;
  }

  async increment(id: string, endsAt: number, call?: WriteCall): Promise<number | null> {
    const answer = await this.#run(id, call, ["add", String(endsAt)]);
    return answer.status === "done" ? Number(answer.text(2)) : null;
  }

  #run(id: string, call: WriteCall | undefined, args: readonly Argument[]): Promise<ScriptAnswer> {
    const { keys, scripts } = this.#parts;
    const bucket = bucketOf(id);
    const named = [keys.value(id), keys.operation(bucket, call?.operationId), keys.values(bucket)];
    return scripts.run("value", named, call, (fence) => [String(fence.operationKeptMs), id, ...args]);
  }
}

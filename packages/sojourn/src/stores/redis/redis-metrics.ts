/** Shared numbers: a list of samples for each name, and a hash of counts for each hour. All of them in one slot. */

import {
  byMinute,
  KEPT_SAMPLES,
  type MetricStore,
  type MinuteCounts,
  minuteOf,
  oldestMinute,
  SAMPLES_KEPT_MS,
} from "../../store/metric-store.ts";
import type { WriteCall } from "../../store/store.ts";
import type { Reply } from "./driver.ts";
import { type Keys, METRICS_BUCKET } from "./keys.ts";
import type { Preparation } from "./preparation.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";
import type { ScriptRunner } from "./script-runner.ts";

const HOUR_MS = 3_600_000;
/** An hour's counts are asked for until its last minute is a day old. */
const HOUR_KEPT_MS = 26 * HOUR_MS;

export interface RedisMetricsParts {
  readonly keys: Keys;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly scripts: ScriptRunner;
}

export class RedisMetrics implements MetricStore {
  readonly #parts: RedisMetricsParts;

  constructor(parts: RedisMetricsParts) {
    this.#parts = parts;
  }

  async recordSample(name: string, value: number, call?: WriteCall): Promise<void> {
    const { keys, scripts } = this.#parts;
    await scripts.run("recordSample", [keys.samples(name), this.#operation(call)], call, (fence) => [
      String(fence.operationKeptMs),
      String(value),
      String(KEPT_SAMPLES),
      String(SAMPLES_KEPT_MS),
    ]);
  }

  async samples(name: string): Promise<number[]> {
    const key = this.#parts.keys.samples(name);
    return (await this.#read(key, ["LRANGE", key, "0", "-1"])).map(Number);
  }

  async addToSeries(at: number, counts: ReadonlyMap<string, number>, call?: WriteCall): Promise<void> {
    const { keys, scripts } = this.#parts;
    const minute = minuteOf(at);
    const fields = [...counts].flatMap(([name, count]) => [`${minute} ${name}`, String(count)]);
    await scripts.run("addToSeries", [keys.seriesOf(hourOf(at)), this.#operation(call)], call, (fence) => [
      String(fence.operationKeptMs),
      String(HOUR_KEPT_MS),
      ...fields,
    ]);
  }

  async series(): Promise<MinuteCounts[]> {
    const { redis } = this.#parts;
    const oldest = oldestMinute(redis.clockOf().now());
    const hours = Array.from({ length: 25 }, (_, i) => hourOf(oldest) + i);
    const rows = await Promise.all(hours.map((hour) => this.#countsOf(hour)));
    return byMinute(rows.flat().filter(([at]) => at >= oldest));
  }

  /** Fields first, then their values: HGETALL answers another shape on each protocol. */
  async #countsOf(hour: number): Promise<[at: number, name: string, count: number][]> {
    const key = this.#parts.keys.seriesOf(hour);
    const fields = (await this.#read(key, ["HKEYS", key])).map(String);
    const counts = fields.length === 0 ? [] : await this.#read(key, ["HMGET", key, ...fields]);
    return fields.map((field, i) => {
      const [minute = "", ...name] = field.split(" ");
      return [Number(minute), name.join(" "), Number(counts[i])];
    });
  }

  #operation(call: WriteCall | undefined): string {
    return this.#parts.keys.operation(METRICS_BUCKET, call?.operationId);
  }

  async #read(key: string, command: readonly string[]): Promise<readonly Reply[]> {
    await this.#parts.preparation.usable(key);
    const reply = await this.#parts.redis.read(key, command);
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    return reply as readonly Reply[];
  }
}

function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}

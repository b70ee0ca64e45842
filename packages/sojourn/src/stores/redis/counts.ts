/** Sums over all buckets: live sessions, users, totals. */

import type { Totals } from "../../store/totals.ts";
import { ofAllBuckets } from "./all-buckets.ts";
import type { Keys } from "./keys.ts";
import type { Preparation } from "./preparation.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { totalsOf } from "./totals.ts";

export class Counts {
  readonly #keys: Keys;
  readonly #redis: RedisConnection;
  readonly #preparation: Preparation;

  constructor(keys: Keys, redis: RedisConnection, preparation: Preparation) {
    this.#keys = keys;
    this.#redis = redis;
    this.#preparation = preparation;
  }

  live(): Promise<number> {
    return this.#sum((bucket) => this.#keys.expiries(bucket));
  }

  users(): Promise<number> {
    return this.#sum((bucket) => this.#keys.users(bucket));
  }

  async totals(): Promise<Totals> {
    await this.#preparation.usable();
    const serverClock = this.#redis.clockOf();
    const shift = String(serverClock.shift());
    const answers = await ofAllBuckets((bucket) => this.#redis.script("totals", [this.#keys.totals(bucket)], [shift]));
    return totalsOf(answers, serverClock.now());
  }

  async #sum(keyOf: (bucket: number) => string): Promise<number> {
    await this.#preparation.usable();
    const after = `(${this.#redis.clockOf().now()}`;
    const counts = await ofAllBuckets((bucket) => {
      const key = keyOf(bucket);
      return this.#redis.read(key, ["ZCOUNT", key, after, "+inf"]);
    });
    return counts.reduce((sum: number, count) => sum + Number(count), 0);
  }
}

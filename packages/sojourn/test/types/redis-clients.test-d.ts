/** The clients' real types are accepted, and what cannot work is not; checked by `tsc`, never run. */

import type { Cluster, Redis } from "ioredis";
import type { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { redisStore } from "../../src/stores/redis/index.ts";

declare const nodeRedis: ReturnType<typeof createClient>;
declare const nodeRedisPool: ReturnType<typeof createClientPool>;
declare const nodeRedisCluster: ReturnType<typeof createCluster>;
declare const nodeRedisSentinel: ReturnType<typeof createSentinel>;
declare const ioredis: Redis;
declare const ioredisResp3: Redis<"resp3">;
declare const ioredisCluster: Cluster;

export function clients(): void {
  redisStore(nodeRedis);
  redisStore(nodeRedisCluster);
  redisStore(nodeRedisSentinel);
  redisStore(ioredis);
  redisStore(ioredisCluster);
  redisStore(ioredisResp3);
  redisStore(Math.max(1, 2) === 1 ? nodeRedis : ioredis, { namespace: "app" });
  // @ts-expect-error -- a pool has no state of one connection
  redisStore(nodeRedisPool);
  // @ts-expect-error -- a URL is for openStore()
  redisStore("redis://localhost");
  // @ts-expect-error -- no client
  redisStore({});
}

/** The driver for the client that the application has, told by what the client can do. */

import { ConfigError } from "../../../errors.ts";
import type { Driver } from "../driver.ts";
import { type IoredisClient, ioredisDriver, isIoredisClient } from "./ioredis.ts";
import { type IoredisCluster, ioredisClusterDriver, isIoredisCluster } from "./ioredis-cluster.ts";
import { isNodeRedisClient, type NodeRedisClient, nodeRedisDriver } from "./node-redis.ts";
import { isNodeRedisCluster, type NodeRedisCluster, nodeRedisClusterDriver } from "./node-redis-cluster.ts";
import { isNodeRedisSentinel, type NodeRedisSentinel, nodeRedisSentinelDriver } from "./node-redis-sentinel.ts";

export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoredisClient | IoredisCluster;

/** @throws ConfigError for a client of a kind that is not supported, or of settings that cannot work. */
export function driverOf(client: RedisClient): Driver {
  if (typeof client === "object" && client !== null) {
    if (isNodeRedisCluster(client)) return nodeRedisClusterDriver(client);
    if (isNodeRedisSentinel(client)) return nodeRedisSentinelDriver(client);
    if (isNodeRedisClient(client)) return nodeRedisDriver(client);
    if ("totalClients" in client)
      throw new ConfigError(
        "redisStore takes no pool of clients: give it one of createClient, which sends all calls of a turn at once.",
      );
    if (isIoredisClient(client)) return isIoredisCluster(client) ? ioredisClusterDriver(client) : ioredisDriver(client);
  }
  throw new ConfigError(
    "redisStore needs a client of the package redis, version 6 (createClient, createSentinel or createCluster), or of ioredis, version 6 (Redis or Cluster).",
  );
}

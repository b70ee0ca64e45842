/** The driver for the client that the application has, told by what the client can do. */

import { ConfigError } from "../../../errors.ts";
import type { Driver } from "../driver.ts";
import { type IoredisClient, ioredisDriver, isIoredisClient } from "./ioredis.ts";
import { isNodeRedisClient, type NodeRedisClient, nodeRedisDriver } from "./node-redis.ts";

export type RedisClient = NodeRedisClient | IoredisClient;

/** @throws ConfigError for a client of a kind that is not supported. */
export function driverOf(client: RedisClient): Driver {
  if (typeof client === "object" && client !== null) {
    if (isNodeRedisClient(client)) return nodeRedisDriver(client);
    if (isIoredisClient(client)) return ioredisDriver(client);
  }
  throw new ConfigError(
    "redisStore needs a client made by createClient() of the package redis, version 6, or by new Redis() of ioredis, version 6.",
  );
}

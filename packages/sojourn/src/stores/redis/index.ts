export type { RedisClient } from "./drivers/driver-of.ts";
export type { IoredisClient } from "./drivers/ioredis.ts";
export type { NodeRedisClient } from "./drivers/node-redis.ts";
export { redisStore } from "./redis-store.ts";
export type { RedisStoreOptions } from "./redis-store-options.ts";

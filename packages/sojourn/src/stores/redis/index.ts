export type { RedisClient } from "./drivers/driver-of.ts";
export type { IoredisClient } from "./drivers/ioredis.ts";
export type { NodeRedisClient } from "./drivers/node-redis.ts";
export { type RedisStoreOptions, redisStore } from "./redis-store.ts";

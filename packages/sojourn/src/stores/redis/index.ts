export type { NodeRedisClient } from "./drivers/node-redis.ts";
export { type RedisStoreOptions, redisStore } from "./redis-store.ts";

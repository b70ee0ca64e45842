import type { EngineUnderTest } from "../subject.ts";
import { memoryEngine } from "./memory.ts";
import { redisEngine } from "./redis.ts";
import { sqliteEngine } from "./sqlite.ts";

/** Opens each engine, and Redis with each client: behind a network made of calls, and behind one that cuts connections. */
export const EVERY_ENGINE = {
  memory: async () => memoryEngine(),
  sqlite: () => sqliteEngine(),
  "node-redis": () => redisEngine("node-redis"),
  ioredis: () => redisEngine("ioredis"),
  "node-redis-cut": () => redisEngine("node-redis", { cuts: true }),
  "ioredis-cut": () => redisEngine("ioredis", { cuts: true }),
} as const satisfies Record<string, () => Promise<EngineUnderTest>>;

export type EngineName = keyof typeof EVERY_ENGINE;

export const ENGINE_NAMES = Object.keys(EVERY_ENGINE) as EngineName[];

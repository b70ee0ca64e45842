/** The engines that several processes can share, opened by name as each process opens its own. */

import type { Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { IOREDIS, NODE_REDIS } from "../support/redis-clients.ts";
import { PATIENT } from "../support/redis-server.ts";

export const DURABLE_ENGINES = ["sqlite", "node-redis", "ioredis"] as const;
export type DurableEngine = (typeof DURABLE_ENGINES)[number];

export interface OpenedEngine {
  readonly store: Store;
  /** After the store: ends what it does not own. */
  close(): void;
}

/** @param where a file, or the port of a redis-server */
export async function openEngine(engine: DurableEngine, where: string): Promise<OpenedEngine> {
  if (engine === "sqlite") {
    return { store: sqliteStore(where, { writeDeadlineMs: PATIENT.writeMs }), close: () => undefined };
  }
  const { client, close } = await (engine === "ioredis" ? IOREDIS : NODE_REDIS).open(Number(where));
  return { store: redisStore(client, { deadline: PATIENT }), close };
}

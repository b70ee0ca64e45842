/** Every engine, opened fresh for one test, with a clock that the test sets forward. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { Store } from "../../src/index.ts";
import type { RetentionOptions } from "../../src/store/retention.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "./redis-server.ts";
import { inNamespace } from "./redis-user.ts";

export const ENGINES = ["memory", "sqlite", "redis"] as const;
export type Engine = (typeof ENGINES)[number];

export interface OpenedEngine {
  readonly store: Store;
  readonly clock: ManualClock;
}

export interface OpenOptions extends RetentionOptions {
  readonly namespace?: string;
}

export interface EngineBench {
  /** A fresh, empty store; closed after the test. */
  open(engine: Engine, options?: OpenOptions): Promise<OpenedEngine>;
  /** The test file's redis-server and a client for looking at it. */
  redis(): { readonly server: RedisServer; readonly admin: TestClient };
}

/** Call once at the top of a test file: starts its redis-server and cleans up. */
export function engineBench(): EngineBench {
  let server: RedisServer;
  let client: TestClient;
  let admin: TestClient;
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startRedis();
    [client, admin] = [await server.client(), await server.admin()];
  });
  afterEach(async () => {
    for (const clean of cleanups.splice(0).toReversed()) await clean();
  });
  afterAll(() => server.stop());

  async function storeOf(engine: Engine, clock: ManualClock, options: OpenOptions): Promise<Store> {
    if (engine === "memory") return memoryStore({ clock, ...options });
    if (engine === "sqlite") {
      const folder = await mkdtemp(join(tmpdir(), "sojourn-test-"));
      cleanups.push(() => rm(folder, { recursive: true, force: true }));
      return sqliteStore(join(folder, "sessions.db"), { clock, writeDeadlineMs: PATIENT.writeMs, ...options });
    }
    await admin.flushAll();
    clock.onAdvance(ageRedisKeys(admin));
    if (options.namespace !== undefined) await server.allow(...inNamespace(options.namespace));
    return redisStore(client, { clock, deadline: PATIENT, ...options });
  }

  return {
    async open(engine, options = {}) {
      const clock = manualClock();
      const store = await storeOf(engine, clock, options);
      cleanups.push(() => store.close());
      return { store, clock };
    },
    redis: () => ({ server, admin }),
  };
}

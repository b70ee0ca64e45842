/** The store contract on two stores at once, before sessions are moved and once they are. */

import { afterAll, beforeAll } from "vitest";
import type { Store } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { movingStore } from "../../src/stores/moving/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { runConformance } from "../support/run-conformance.ts";

/** By then no call that had not heard of the move is under way. */
const MINUTE = 60_000;
const without = { transfer: "each of its stores has it, not the two together" };

let server: RedisServer;
let client: TestClient;
let admin: TestClient;

beforeAll(async () => {
  server = await startRedis();
  [client, admin] = [await server.client(), await server.admin()];
});
afterAll(() => server.stop());

async function opened(clock: ManualClock, from: Store, to: Store, isBegun: boolean) {
  const [store, other] = [movingStore({ from, to }), movingStore({ from, to })];
  await store.ready();
  if (isBegun) {
    await to.transfer.begin();
    await clock.advance(MINUTE);
  }
  return { store, other, clock, close: () => store.close() };
}

for (const isBegun of [false, true]) {
  const stage = isBegun ? "once it has begun" : "before it has begun";
  runConformance(`a move from memory to memory, ${stage}`, {
    without: { ...without, "operation ids": "what the same case says of memory" },
    open: () => {
      const clock = manualClock();
      return opened(clock, memoryStore({ clock }), memoryStore({ clock }), isBegun);
    },
  });
  runConformance(`a move from sqlite to redis, ${stage}`, {
    without: { ...without, "operation ids": "sqlite executes a write once, and has none" },
    open: async () => {
      await admin.flushAll();
      const clock = manualClock();
      clock.onAdvance(ageRedisKeys(admin));
      const from = sqliteStore(":memory:", { clock, writeDeadlineMs: PATIENT.writeMs });
      return opened(clock, from, redisStore(client, { clock, deadline: PATIENT }), isBegun);
    },
  });
}

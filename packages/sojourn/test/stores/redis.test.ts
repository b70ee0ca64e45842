import { afterAll, beforeAll } from "vitest";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import { runConformance } from "../support/run-conformance.ts";
import { USER, WITH_USER } from "../support/redis-user.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

let server: RedisServer;
let admin: TestClient;
let clients: [TestClient, TestClient];

beforeAll(async () => {
  server = await startRedis(WITH_USER);
  admin = await server.client();
  clients = [await server.client(USER), await server.client(USER)];
});
afterAll(() => server.stop());

runConformance("redis (node-redis 6)", {
  async open() {
    const [mine, theirs] = clients;
    await admin.flushAll();
    const clock = manualClock();
    clock.onAdvance(ageRedisKeys(admin));
    const options = { clock, deadline: PATIENT };
    const [store, other] = [redisStore(mine, options), redisStore(theirs, options)];
    const close = async (): Promise<void> => {
      await Promise.all([store.close(), other.close()]);
    };
    return { store, other, clock, close };
  },
});

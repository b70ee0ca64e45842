import { createClient } from "redis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { ending } from "../../src/testing/conformance/environment.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import { USER } from "../support/redis-user.ts";
import { deniedBy, GRANTED, UsedCommands } from "../support/used-commands.ts";
import { runConformance } from "../support/run-conformance.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

let server: RedisServer;
let admin: TestClient;
let clients: [TestClient, TestClient];
let used: UsedCommands;

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
  used = await UsedCommands.on(server, [admin]);
  clients = [await server.client(), await server.client()];
});
afterAll(async () => {
  used.stop();
  await server.stop();
});

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

/** What clients do for an application beside the store's calls: RESP2, a name, another database, pings, subscriptions that end. */
async function clientsWays(): Promise<void> {
  const socket = { host: "127.0.0.1", port: server.port };
  const client = createClient({ ...USER, socket, RESP: 2, name: "app", database: 1, pingInterval: 1 });
  await client.connect();
  await client.subscribe("sojourn:i", () => undefined);
  await client.unsubscribe("sojourn:i");
  await vi.waitUntil(async () => (await used.soFar()).has("ping"), 5_000);
  // Another ping may be out by now.
  client.on("error", () => undefined).destroy();
}

test("O3 the published user has no right that is of no use, but for a cluster's two; and it lacks none, but for what diagnose may be refused", async () => {
  const store = redisStore(clients[0], { deadline: PATIENT });
  await store.ready();
  await admin.sendCommand(["SCRIPT", "FLUSH"]);
  await store.revoke(ending("AA".padEnd(24, "A")));
  await store.close();
  await clientsWays();
  const seen = await used.soFar();
  expect(GRANTED.filter((name) => !seen.has(name)).toSorted()).toEqual(["asking", "cluster|slots"]);
  expect([...new Set(await deniedBy(admin))].toSorted()).toEqual(["acl|whoami", "config|get"]);
});

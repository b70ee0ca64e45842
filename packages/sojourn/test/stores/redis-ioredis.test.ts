/** The Redis engine on ioredis: the store contract, what is refused, and what its errors may not say. */

import { once } from "node:events";
import { inspect } from "node:util";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { Environment, ending, patch, set } from "../../src/testing/conformance/environment.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import { expectToldOfEnd } from "../support/ended-client.ts";
import { runConformance } from "../support/run-conformance.ts";
import { USER } from "../support/redis-user.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

let server: RedisServer;
let admin: TestClient;
let clients: [Redis, Redis];

async function connected(): Promise<Redis> {
  const client = new Redis({ ...USER, port: server.port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  await once(client, "ready");
  return client;
}

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
  clients = [await connected(), await connected()];
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
});

runConformance("redis (ioredis 6)", {
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

describe("the client", () => {
  beforeEach(() => admin.flushAll());

  test.each([
    ["of numbers as text", { stringNumbers: true }],
    ["that bundles commands by itself", { enableAutoPipelining: true }],
    ["of RESP3 shapes", { replyMapping: "resp3" }],
    ["of RESP2", { protocol: 2 }],
  ] as const)("%s gives the same answers", async (_what, options) => {
    const client = new Redis({ ...USER, port: server.port, host: "127.0.0.1", ...options });
    const store = redisStore(client, { deadline: PATIENT });
    try {
      await once(client, "ready");
      const clock = manualClock();
      const env = await Environment.over({ store, other: store, clock, close: () => store.close() });
      const { id } = await env.created({ userId: "ada" });
      const [outcome] = await Promise.all([
        patch(store, id, [{ kind: "increment", name: "n", by: 2 }]),
        env.data(id),
        env.data(id),
      ]);
      expect(outcome).toMatchObject({ status: "patched", increments: [2], revision: 1 });
      expect(await store.listUser(env.userKey("ada"))).toHaveLength(1);
      expect(await store.revoke({ ...ending(id), knownRevision: 0 })).toMatchObject({ ended: true });
      expect(await store.count()).toBe(0);
    } finally {
      await store.close();
      client.disconnect();
    }
  });

  test("that is not connected yet fails fast, and works when it is", async () => {
    const client = new Redis({ ...USER, port: server.port, host: "127.0.0.1", lazyConnect: true });
    const store = redisStore(client, { deadline: PATIENT });
    await expect(store.ready()).rejects.toMatchObject({ reason: "connection", outcome: "not_executed" });
    await client.connect();
    expect((await store.ready()).salt).toHaveLength(32);
    client.disconnect();
  });

  test("that has ended: calls fail at once and say so, until it is connected again", async () => {
    const client = await connected();
    await expectToldOfEnd({ client, close: () => client.disconnect() });
  });

  test("is prepared anew after a reconnect, and a closed store listens to it no more", async () => {
    const [client] = clients;
    const listeners = client.listenerCount("ready");
    const store = redisStore(client, { deadline: PATIENT });
    expect(client.listenerCount("ready")).toBe(listeners + 1);
    const { salt } = await store.ready();
    await admin.flushAll();
    const again = once(client, "ready");
    await admin.sendCommand(["CLIENT", "KILL", "USER", USER.username]);
    await again;
    expect((await store.ready()).salt.toString("hex")).toBe(salt.toString("hex"));
    expect(await admin.hmGet("sojourn:c", ["layout"])).toEqual(["1"]);
    await store.close();
    expect(client.listenerCount("ready")).toBe(listeners);
  });

  test("with a key prefix is refused with the reason, also of a cluster", () => {
    const lazyConnect = true;
    const options = { lazyConnect, keyPrefix: "app:" };
    for (const wrong of [new Redis(options), new Cluster([{ port: server.port }], options)]) {
      expect(() => redisStore(wrong)).toThrow(expect.objectContaining({ code: "config_invalid" }));
      expect(() => redisStore(wrong)).toThrow(/key prefix: remove it/);
    }
  });
});

test("L2: an error holds no argument of the command that failed, however it is printed", async () => {
  const store = redisStore(clients[0], { deadline: PATIENT });
  const env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
  const made = await env.created({ userId: "ada" });
  const key = (await admin.keys(`*:s:*${made.id}`))[0] ?? "";
  await admin.del(key);
  await admin.lPush(key, "no record");
  const attempts = await Promise.allSettled([
    patch(store, made.id, [set("note", "a private note")]),
    store.create(made),
    store.read(made.id),
  ]);
  // Whoever asks the client itself sees the arguments: the check below would find them.
  const direct: unknown = await clients[0].callBuffer("APPEND", key, "a private note").catch((error: unknown) => error);
  expect(inspect(direct, { depth: 9, showHidden: true })).toContain("a private note");
  for (const attempt of attempts) {
    const error: unknown = attempt.status === "rejected" ? attempt.reason : null;
    expect(error).toBeInstanceOf(StoreUnavailableError);
    const printed = `${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}`;
    expect(printed).toContain("WRONGTYPE");
    for (const secret of ["a private note", made.record.toString("hex", 50, 66), made.record.toString("latin1"), key])
      expect(printed).not.toContain(secret);
    expect(printed).not.toMatch(/<Buffer|Uint8Array|args/);
  }
  await store.close();
});

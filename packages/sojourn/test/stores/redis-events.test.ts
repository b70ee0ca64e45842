/** Consumers of events on Redis: answers that are lost, and consumers that never come back. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ConsumerOptions, EventReader } from "../../src/store/events.ts";
import type { Store } from "../../src/store/store.ts";
import type { NodeRedisClient } from "../../src/stores/redis/drivers/node-redis.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { SCRIPTS } from "../../src/stores/redis/scripts.generated.ts";
import { ending, Environment } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

const CONSUMER: ConsumerOptions = { group: "audit", consumer: "one", claimAfterMs: 3_600_000 };

let server: RedisServer;
let admin: TestClient;
const opened: Store[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
});
afterAll(() => server.stop());
beforeEach(() => admin.flushAll());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** @param client sends the store's commands */
async function environment(client: NodeRedisClient = admin): Promise<Environment> {
  const store = redisStore(client, { deadline: PATIENT });
  opened.push(store);
  return Environment.over({ store, other: store, clock: manualClock(), close: async () => undefined });
}

/** Types of what there is, acknowledged. */
async function drained(reader: EventReader): Promise<string[]> {
  const types: string[] = [];
  for (;;) {
    const events = await reader.take(0);
    if (events.length === 0) return types;
    types.push(...events.map(({ type }) => type));
    await reader.acknowledge(events);
  }
}

/** Loses the answers to takes that gave something, so many times. */
function losing(client: TestClient, lost: { left: number }): NodeRedisClient {
  return {
    isOpen: true,
    isReady: true,
    sendCommand: async (args, options) => {
      const reply: unknown = await client.sendCommand([...args], options);
      const gave = args[1] === SCRIPTS.takeEvents.sha1 && Array.isArray(reply) && reply.length > 3;
      if (gave && lost.left-- > 0) throw new Error("ECONNRESET");
      return reply;
    },
  };
}

test("what an answer gave that was lost comes again before anything newer of its session", async () => {
  const lost = { left: 0 };
  const env = await environment(losing(admin, lost));
  const reader = env.store.readEvents(CONSUMER);
  expect(await drained(reader)).toEqual([]);
  lost.left = 1;
  const { id } = await env.created({ userId: "ada" });
  await expect(reader.take(0)).rejects.toThrow("ECONNRESET");
  await env.store.revoke(ending(id));
  expect(await drained(reader)).toEqual(["created", "ended"]);
  reader.stop();
});

test("M1 consumers that are gone are forgotten when another one of their group begins, and has taken what they held", async () => {
  const env = await environment();
  await env.created({ userId: "ada" });
  const [stream = ""] = await admin.keys("sojourn:e:*");
  const consumers = async (): Promise<string[]> => {
    const known = await admin.xInfoConsumers(stream, CONSUMER.group);
    return known.map(({ name }) => name).toSorted();
  };
  for (const consumer of ["pod-1", "pod-2"]) {
    const reader = env.store.readEvents({ ...CONSUMER, consumer });
    await drained(reader);
    reader.stop();
  }
  await env.created({ userId: "ada" });
  const holding = env.store.readEvents({ ...CONSUMER, consumer: "pod-3" });
  expect(await holding.take(0)).toHaveLength(1);
  expect(await consumers()).toEqual(["pod-1", "pod-2", "pod-3"]);
  await sleep(80);
  const next = env.store.readEvents({ ...CONSUMER, consumer: "pod-4", claimAfterMs: 50 });
  expect(await next.take(0)).toHaveLength(1);
  expect(await consumers()).toEqual(["pod-4"]);
  for (const reader of [holding, next]) reader.stop();
});

test("groups of consumers, which are kept beside the totals, take no reason its name", async () => {
  const env = await environment();
  const end = async (reason: string): Promise<unknown> =>
    env.store.revoke(ending((await env.created({ userId: "ada" })).id, reason));
  await end("first");
  const [totals = ""] = await admin.keys("sojourn:t:*");
  for (let i = 0; i < 60; i++) await admin.hSet(totals, `g:group-${i}`, "0");
  await end("second");
  expect((await env.store.totals()).ended).toEqual(
    new Map([
      ["first", 1],
      ["second", 1],
    ]),
  );
});

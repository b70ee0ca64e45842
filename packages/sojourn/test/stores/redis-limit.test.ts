/** A user's limit in the Redis engine: the same victims as the reference, in scripts of a bounded size. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OFFSET } from "../../src/data/record.ts";
import { isRecord, type SessionLimit, type Store } from "../../src/store/store.ts";
import { ENDED_AT_ONCE } from "../../src/store/user-limit.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { Environment, type MadeSession } from "../../src/testing/conformance/environment.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { Monitor } from "../support/monitor.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let server: RedisServer;
let client: TestClient;
let admin: TestClient;
let clock: ManualClock;
let redis: Store;
let env: Environment;

beforeAll(async () => {
  server = await startRedis();
  [client, admin] = [await server.client(), await server.admin()];
});
afterAll(() => server.stop());
beforeEach(async () => {
  await admin.flushAll();
  clock = manualClock();
  redis = redisStore(client, { clock, deadline: PATIENT });
  env = await Environment.over({ store: redis, other: redis, clock, close: () => redis.close() });
});

function atMost(perUser: number, onExceed: SessionLimit["onExceed"] = "evictOldest"): SessionLimit {
  return { perUser, onExceed, confirmGraceMs: MINUTE };
}

async function survivors(store: Store): Promise<string[]> {
  return (await store.listUser(env.userKey("ada"))).map(({ id }) => id).toSorted();
}

/** A session with times and confirmation at random, of few values so that some are equal. */
function random(): MadeSession {
  const made = env.made({ userId: "ada", idleMs: HOUR + Math.floor(Math.random() * 3) * HOUR });
  const ago = (steps: number): number => env.store.now() - Math.floor(Math.random() * steps) * 25_000;
  made.record.writeUIntBE(ago(8), OFFSET.createdAt, 6);
  made.record.writeUIntBE(ago(3), OFFSET.lastSeenAt, 6);
  made.record.writeUInt8(Math.random() < 0.5 ? 1 : 0, OFFSET.flags);
  return made;
}

describe("the script and the reference", () => {
  test("G1 end the same sessions, answer the same, in 60 crowds made at random", async () => {
    for (let round = 0; round < 60; round++) {
      await admin.flushAll();
      // Both see the same time, to the millisecond that decides over a grace.
      const memory = memoryStore({ clock: { ...clock, now: () => redis.now() } });
      const crowd = Array.from({ length: Math.floor(Math.random() * 12) }, random);
      const size = 1 + Math.floor(Math.random() * 6);
      const limit = atMost(size, round % 2 === 0 ? "evictOldest" : "reject");
      const newest = { ...env.made({ userId: "ada" }), limit };
      const [first] = crowd;
      const replaces =
        first === undefined || round % 3 > 0 ? {} : { replaces: { id: first.id, reason: "x", actor: null } };
      const outcomes: unknown[] = [];
      for (const store of [redis, memory]) {
        for (const made of crowd) await store.create(made);
        outcomes.push(await store.create({ ...newest, ...replaces }));
      }
      expect(outcomes[0]).toEqual(outcomes[1]);
      expect(await survivors(redis)).toEqual(await survivors(memory));
      for (const { id } of crowd) {
        const [there, here] = [await redis.read(id), await memory.read(id)];
        const reasons = [there, here].map((each) => (each === null || isRecord(each) ? null : each.reason));
        expect(reasons[0]).toBe(reasons[1]);
      }
    }
  });
});

describe("a limit that is new, and a user with many sessions", () => {
  test("M6 takes scripts that each end a bounded number, before the answer", async () => {
    const size = 3 * ENDED_AT_ONCE;
    await Promise.all(Array.from({ length: size }, () => env.created({ userId: "ada" })));
    const newest = env.made({ userId: "ada" });
    const monitor = await Monitor.on(server.port);
    await redis.create({ ...newest, limit: atMost(2) });
    const commands = await monitor.taken((text) => admin.echo(text));
    monitor.stop();
    const ended: number[] = [];
    for (const { fromClient, words } of commands) {
      if (fromClient) ended.push(0);
      else if (words[0]?.toUpperCase() === "DEL") ended.push((ended.pop() ?? 0) + 1);
    }
    expect(Math.max(...ended)).toBe(ENDED_AT_ONCE + 1);
    expect(ended.reduce((sum, each) => sum + each, 0)).toBe(size - 1);
    expect(ended.length).toBe(3);
    expect(await survivors(redis)).toHaveLength(2);
    expect(await redis.read(newest.id)).toEqual(newest.record);
  });

  test("gives up at the write deadline with nothing stored, and a login after that goes on", async () => {
    const size = 4 * ENDED_AT_ONCE;
    await Promise.all(Array.from({ length: size }, () => env.created({ userId: "ada" })));
    // Each script takes five seconds: a deadline that passes with the first one.
    let behind = 0;
    const hasty = { ...clock, monotonic: () => clock.monotonic() + behind };
    const dragging = {
      isOpen: true,
      isReady: true,
      sendCommand: async (args: string[], options?: object): Promise<unknown> => {
        const reply: unknown = await client.sendCommand(args, options);
        if (args[0] === "EVALSHA") behind += 5_000;
        return reply;
      },
    };
    const slow = redisStore(dragging, { clock: hasty, deadline: { readMs: 5_000, writeMs: 4_000 } });
    await slow.ready();
    const newest = { ...env.made({ userId: "ada" }), limit: atMost(2) };
    await expect(slow.create(newest)).rejects.toMatchObject({ reason: "timeout", outcome: "not_executed" });
    expect(await redis.read(newest.id)).toBeNull();
    expect((await survivors(redis)).length).toBeLessThan(size);
    expect(await redis.create(newest)).toMatchObject({ status: "created" });
    expect(await survivors(redis)).toHaveLength(2);
  });
});

test("F3 sessions that a revokeUser has not come to yet do not count, and are the first to go", async () => {
  await redis.revokeUser({ userKey: env.userKey("ada"), except: null, reason: "x", actor: null, epochKeptMs: HOUR });
  const before = await env.created({ userId: "ada" });
  const [key = ""] = await admin.keys("sojourn:v:*");
  await admin.set(key, String(Number(await admin.get(key)) + 5), { expiration: "KEEPTTL" });
  const after = await env.created({ userId: "ada" });
  await redis.touch({ id: before.id, minIntervalMs: 0, confirm: true });
  const limit = atMost(2, "reject");
  const third = env.made({ userId: "ada" });
  expect(await redis.create({ ...third, limit })).toMatchObject({ status: "created" });
  expect(await survivors(redis)).toEqual([after.id, third.id].toSorted());
  expect(await redis.create({ ...env.made({ userId: "ada" }), limit })).toEqual({ status: "limited", count: 2 });
});

test("an entry of the index whose record Redis evicted does not count, and goes", async () => {
  const lost = await env.created({ userId: "ada" });
  const [key = ""] = await admin.keys(`sojourn:s:*${lost.id}`);
  await admin.del(key);
  const limit = atMost(1, "reject");
  expect(await redis.create({ ...env.made({ userId: "ada" }), limit })).toMatchObject({ status: "created" });
  const [index = ""] = await admin.keys("sojourn:u:*");
  expect(await admin.zCard(index)).toBe(1);
  expect(await redis.count()).toBe(1);
});

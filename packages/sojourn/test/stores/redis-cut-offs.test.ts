/** Cut-offs on Redis: their lease in each process, and what holds when the sweep does not come to its end. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { isRecord, type RevokeBeforeInput, type Store } from "../../src/store/store.ts";
import { pagesOf } from "../../src/stores/redis/bucket-walk.ts";
import { nodeRedisDriver } from "../../src/stores/redis/drivers/node-redis.ts";
import { RedisConnection } from "../../src/stores/redis/redis-connection.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { Environment, whileAdvancing } from "../../src/testing/conformance/environment.ts";
import { elevation } from "../../src/testing/conformance/tokens.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { isScript, Wire } from "../support/wire.ts";

const LEASE_MS = 1_000;
const HOUR = 3_600_000;
const CUT_OFFS = "sojourn:k";

let server: RedisServer;
let admin: TestClient;
let clients: [TestClient, TestClient];
const opened: Store[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
  clients = [await server.client(), await server.client()];
});
afterAll(() => server.stop());
beforeEach(() => admin.flushAll());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** Two processes; what the first one sends goes over `wire`. */
async function processes(clock = manualClock()) {
  clock.onAdvance(ageRedisKeys(admin));
  const wire = new Wire(clients[0]);
  const store = redisStore(wire, { clock, deadline: PATIENT });
  const other = redisStore(clients[1], { clock, deadline: PATIENT });
  opened.push(store, other);
  const env = await Environment.over({ store, other, clock, close: async () => undefined });
  return { env, wire, clock, store, other };
}

function everything(store: Store): RevokeBeforeInput {
  return { policy: null, before: store.now() + HOUR, reason: "leak", actor: null, keptMs: HOUR };
}

function fetches(wire: Wire): number {
  return wire.sent.filter((command) => command === `GET ${CUT_OFFS}`).length;
}

describe("the lease", () => {
  test("the first read of a second sends the fetch beside its own, without waiting; reads within it send no more", async () => {
    const { env, wire, store, clock } = await processes();
    const { id } = await env.created();
    await clock.advance(LEASE_MS);
    wire.sent.length = 0;
    const first = store.read(id);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(wire.sent.map((command) => command.split(":")[1])).toEqual(["k", "s"]);
    await first;
    const frozen = store.read(id);
    await Promise.all([frozen, store.read(id), store.listUser(env.userKey("ada"))]);
    expect(fetches(wire)).toBe(1);
    await clock.advance(LEASE_MS);
    await Promise.all([store.read(id), store.read(id)]);
    expect(fetches(wire)).toBe(2);
  });

  test("M4 a read whose fetch fails is refused, and the next one fetches again: nothing older is believed", async () => {
    const { env, wire, store, clock } = await processes();
    const { id } = await env.created();
    expect(isRecord(await store.read(id))).toBe(true);
    await clock.advance(LEASE_MS);
    wire.before = (words) => (words[1] === CUT_OFFS ? Promise.reject(new Error("ECONNRESET")) : undefined);
    await expect(store.read(id)).rejects.toThrow(StoreUnavailableError);
    await expect(store.listUser(env.userKey("ada"))).rejects.toThrow(StoreUnavailableError);
    wire.before = () => undefined;
    expect(isRecord(await store.read(id))).toBe(true);
  });

  test("M4 cut-offs that cannot be read refuse every read", async () => {
    const { env, store, clock } = await processes();
    const { id } = await env.created();
    await clock.advance(LEASE_MS);
    await admin.set(CUT_OFFS, "{");
    await expect(store.read(id)).rejects.toThrow(StoreUnavailableError);
  });

  test("F6 a read that begins a lease after the cut-off knows it, although an older fetch is still on its way", async () => {
    const { env, wire, store, other, clock } = await processes();
    const { id, record } = await env.created();
    const [key] = await admin.keys("sojourn:s:*");
    await clock.advance(LEASE_MS);
    let answerOld = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      answerOld = resolve;
    });
    let executed = false;
    wire.after = (words) => {
      if (words[1] !== CUT_OFFS) return undefined;
      executed = true;
      return held;
    };
    const slow = store.read(id);
    await expect.poll(() => executed).toBe(true);
    await whileAdvancing(clock, other.revokeBefore(everything(other)));
    // As if the sweep had not come to it: now only the cut-off can refuse it.
    await admin.sendCommand(["SET", key ?? "", record]);
    wire.after = () => undefined;
    expect(await store.read(id)).toMatchObject({ reason: "leak" });
    answerOld();
    await slow;
    expect(await store.read(id)).toMatchObject({ reason: "leak" });
    expect(fetches(wire)).toBe(2);
  });

  test.each([
    ["the monotonic clock stands still, as in a suspended machine", 0, LEASE_MS + 1],
    ["the wall clock is set back", 0, -LEASE_MS - 1],
    ["the wall clock stands still", LEASE_MS + 1, 0],
  ])("F6 the lease is over when %s", async (_what, monotonicMs, wallMs) => {
    const moved = { monotonic: 0, wall: 0 };
    const at = { monotonic: systemClock.monotonic(), wall: systemClock.now() };
    const clock: Clock = {
      now: () => at.wall + moved.wall,
      monotonic: () => at.monotonic + moved.monotonic,
      shift: () => 0,
    };
    const wire = new Wire(clients[0]);
    const store = redisStore(wire, { clock, deadline: PATIENT });
    opened.push(store);
    const env = await Environment.over({ store, other: store, clock: manualClock(), close: async () => undefined });
    const { id } = await env.created();
    await store.read(id);
    await store.read(id);
    expect(fetches(wire)).toBe(1);
    [moved.monotonic, moved.wall] = [monotonicMs, wallMs];
    await store.read(id);
    expect(fetches(wire)).toBe(2);
  });

  test("F6 revokeBefore answers no sooner than every older lease is over", async () => {
    const start = systemClock.monotonic();
    let monotonic = start;
    const clock: Clock = { now: () => systemClock.now(), monotonic: () => monotonic, shift: () => 0 };
    const store = redisStore(clients[0], { clock, deadline: PATIENT });
    opened.push(store);
    const env = await Environment.over({ store, other: store, clock: manualClock(), close: async () => undefined });
    await env.created();
    let answered = false;
    const answer = store.revokeBefore(everything(store)).then((outcome) => {
      answered = true;
      return outcome;
    });
    await expect.poll(async () => (await admin.keys("sojourn:k:*")).length, { timeout: 10_000 }).toBe(1024);
    monotonic = start + LEASE_MS;
    await sleep(80);
    expect(answered).toBe(false);
    monotonic = start + LEASE_MS + 51;
    expect(await answer).toEqual({ ended: 1 });
  });
});

describe("a sweep that does not come to its end", () => {
  test("F6 the cut-off ends sessions all the same within a second, and calling again ends the rest", async () => {
    const { env, wire, store, other, clock } = await processes();
    const sessions = await Promise.all(Array.from({ length: 40 }, (_, i) => env.created({ userId: `user-${i % 4}` })));
    await Promise.all(sessions.map(({ id }) => other.read(id)));
    wire.before = (words) => (isScript(words, "endBefore") ? Promise.reject(new Error("ECONNRESET")) : undefined);
    await expect(store.revokeBefore(everything(store))).rejects.toThrow(StoreUnavailableError);
    expect(await other.count()).toBe(40);
    await clock.advance(LEASE_MS);
    for (const { id, userKey } of sessions) {
      expect(await other.read(id)).toMatchObject({ reason: "leak" });
      expect(await other.listUser(userKey ?? "")).toEqual([]);
    }
    expect((await other.page({ cursor: null, limit: 100 })).items).toEqual([]);
    wire.before = () => undefined;
    expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 40 });
    expect([await other.count(), await other.countUsers()]).toEqual([0, 0]);
    expect(await admin.keys("sojourn:u:*")).toEqual([]);
  });

  test("nobody sweeps on in the background after a failure", async () => {
    const { env, wire, store } = await processes();
    await Promise.all(Array.from({ length: 40 }, () => env.created()));
    let failed = false;
    wire.before = (words) => {
      if (!isScript(words, "endBefore") || failed) return undefined;
      failed = true;
      return Promise.reject(new Error("ECONNRESET"));
    };
    await expect(store.revokeBefore(everything(store))).rejects.toThrow(StoreUnavailableError);
    await sleep(50);
    const then = wire.sent.length;
    await sleep(50);
    expect(wire.sent).toHaveLength(then);
    expect(await store.count()).toBeGreaterThan(0);
  });
});

describe("the sweep", () => {
  test("F6 what is there ends, also if it was begun by a process whose clock was ahead", async () => {
    const { env, store, other, clock } = await processes();
    const made = env.made({ userId: "ada" });
    made.record.writeUIntBE(store.now() + 400, 14, 6);
    await store.create(made);
    expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 1 });
    const later = await env.created({ userId: "ada" });
    expect((await other.listUser(env.userKey("ada"))).map(({ id }) => id)).toEqual([later.id]);
  });

  test("F6 the first call of a process whose clock is slow ends what began before it all the same", async () => {
    const { env, other } = await processes();
    const { id } = await env.created();
    const clock: Clock = { ...systemClock, now: () => systemClock.now() - HOUR };
    const job = redisStore(clients[0], { clock, deadline: PATIENT });
    opened.push(job);
    expect(await job.revokeBefore(everything(other))).toEqual({ ended: 1 });
    expect(await other.read(id)).toMatchObject({ reason: "leak" });
  });

  test("F6 a session that a shorter lifetime moves behind the walk is not overlooked: it cannot be moved", async () => {
    const { env, wire, store, other, clock } = await processes();
    const sessions = await Promise.all(
      Array.from({ length: 900 }, (_, i) => env.created({ userId: "ada", idleMs: HOUR + i * 1_000 })),
    );
    const last = sessions.at(-1)?.id ?? "";
    const shorter = { ...(await elevation(env, last)), absoluteMs: 60_000 };
    let pages = 0;
    let moved: Promise<{ status: string }> | undefined;
    wire.before = (words) => {
      if (words[0] !== "ZRANGEBYSCORE" || words[2] === "(0" || ++pages > 1) return undefined;
      moved = other.elevate(shorter);
      return moved.then(() => undefined);
    };
    expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 900 });
    expect(pages).toBe(8);
    expect(await moved).toMatchObject({ status: "gone", tombstone: { reason: "leak" } });
    expect(await other.read(last)).toMatchObject({ reason: "leak" });
  });

  test("M6 uses no KEYS and no SCAN, and no command names more than 100 sessions", async () => {
    const { env, wire, store, clock } = await processes();
    await Promise.all(Array.from({ length: 1_100 }, () => env.created({ userId: "ada" })));
    let most = 0;
    wire.before = (words) => {
      if (isScript(words, "endBefore")) most = Math.max(most, words.length - 3 - 3 - 12);
      return undefined;
    };
    wire.sent.length = 0;
    expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 1_100 });
    expect(most).toBe(100);
    const names = new Set(wire.sent.map((command) => command.split(" ")[0]));
    expect(
      [...names].filter((name) => !["EVALSHA", "ZRANGEBYSCORE", "TIME", "HSETNX", "HMGET"].includes(name ?? "")),
    ).toEqual([]);
  });

  test("M5 goes through at full memory", async () => {
    const { env, store, clock } = await processes();
    await Promise.all(Array.from({ length: 50 }, () => env.created({ userId: "ada" })));
    await admin.configSet("maxmemory", "1mb");
    try {
      await expect(env.created()).rejects.toThrow(StoreUnavailableError);
      expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 50 });
    } finally {
      await admin.configSet("maxmemory", "0");
    }
    expect(await store.count()).toBe(0);
  });
});

describe("what is kept", () => {
  test("cut-offs die with the longest session there can be", async () => {
    const { env, store, other, clock } = await processes();
    await env.created();
    expect(await whileAdvancing(clock, store.revokeBefore(everything(store)))).toEqual({ ended: 1 });
    const keys = await admin.keys("sojourn:k*");
    expect(keys).toHaveLength(1025);
    for (const key of keys) expect(await admin.pTTL(key)).toBeGreaterThan(0);
    await clock.advance(2 * HOUR);
    expect((await admin.keys("sojourn:*")).filter((key) => !/^sojourn:[cet]\b/.test(key))).toEqual([]);
    const later = await env.created();
    expect(isRecord(await other.read(later.id))).toBe(true);
  });

  test("a server that lost its memory knows no cut-off a second later, and no session either", async () => {
    const { env, store, other, clock } = await processes();
    const { id } = await env.created();
    await whileAdvancing(clock, store.revokeBefore(everything(store)));
    expect(await other.read(id)).toMatchObject({ reason: "leak" });
    await admin.flushAll();
    await clock.advance(LEASE_MS);
    expect(await other.read(id)).toBeNull();
    const later = await env.created({ userId: "ada" });
    expect(isRecord(await other.read(later.id))).toBe(true);
  });
});

describe("the walk of a bucket's index", () => {
  const KEY = "sojourn:walk";

  async function walked(during: (page: readonly string[]) => Promise<unknown>): Promise<string[]> {
    const redis = new RedisConnection(nodeRedisDriver(clients[0]), PATIENT, systemClock, KEY);
    const seen: string[] = [];
    for await (const page of pagesOf(redis, KEY, 500)) {
      seen.push(...page);
      await during(page);
    }
    return seen;
  }

  async function filled(n: number, scoreOf: (i: number) => number): Promise<string[]> {
    const ids = Array.from({ length: n }, (_, i) => `id-${String(i).padStart(5, "0")}`);
    await admin.zAdd(
      KEY,
      ids.map((value, i) => ({ value, score: scoreOf(i) })),
    );
    return ids;
  }

  test.each([
    ["whose scores differ", (i: number) => 1_764_000_000_000 + i],
    ["of which all have the same score", () => 1_764_000_000_000],
    ["of which seven at a time have the same score", (i: number) => 1 + Math.floor(i / 7)],
  ])("comes to each of 2,300 entries once, %s", async (_what, scoreOf) => {
    const ids = await filled(2_300, scoreOf);
    expect((await walked(async () => undefined)).toSorted()).toEqual(ids);
  });

  test("comes to every entry although each page is removed, or moved behind, before the next", async () => {
    const ids = await filled(2_300, (i) => 1 + Math.floor(i / 7));
    const seen = await walked(async (page) => {
      await admin.zRem(
        KEY,
        page.filter((_, i) => i % 2 === 0),
      );
      // Those moved come again later, once: no score moves back.
      const rest = page.filter((id, i) => i % 2 === 1 && i < 100 && !id.startsWith("id-9"));
      for (const value of rest) await admin.zAdd(KEY, { value, score: 1_000_000 });
    });
    expect([...new Set(seen)].toSorted()).toEqual(ids);
  });

  test("of an empty index has no page", async () => {
    expect(await walked(async () => undefined)).toEqual([]);
  });
});

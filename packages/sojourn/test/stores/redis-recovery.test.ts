/** The Redis engine while the server loses its memory, restarts, answers late, or the machine sleeps. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { createSessions, type Store } from "../../src/index.ts";
import { redisStore, type RedisStoreOptions } from "../../src/stores/redis/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { USER } from "../support/redis-user.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { Wire } from "../support/wire.ts";

const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAAAA";

let server: RedisServer;
const opened: Store[] = [];

beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await server.stop();
});

async function openedStore(options: RedisStoreOptions = {}): Promise<Store> {
  const store = redisStore(await server.client(), { deadline: PATIENT, ...options });
  opened.push(store);
  return store;
}

async function saltOf(store: Store): Promise<string> {
  return (await store.ready()).salt.toString("hex");
}

/** Lets a call find the last check too old, and the check itself end. */
async function checkAgain(store: Store, advance: () => Promise<void>): Promise<void> {
  await advance();
  await store.read(UNKNOWN_ID);
  await store.read(UNKNOWN_ID);
}

describe("the server lost its memory", () => {
  test("a process that goes on takes over the salt of one that came later", async () => {
    const clock = manualClock();
    const first = await openedStore({ clock });
    const before = await saltOf(first);
    await (await server.admin()).flushAll();
    const later = await openedStore();
    expect(await saltOf(later)).not.toBe(before);
    await checkAgain(first, () => clock.advance(31_000));
    expect(await saltOf(first)).toBe(await saltOf(later));
  });

  test("a process that goes on puts salt and layout back for those that come later", async () => {
    const clock = manualClock();
    const admin = await server.admin();
    const first = await openedStore({ clock });
    const before = await saltOf(first);
    await admin.flushAll();
    await checkAgain(first, () => clock.advance(31_000));
    expect(await saltOf(await openedStore())).toBe(before);
    expect(await saltOf(first)).toBe(before);
    expect(await admin.hGet("sojourn:c", "layout")).toBe("1");
  });

  test("a write finds the check too old as well, and awaits none", async () => {
    const clock = manualClock();
    const admin = await server.admin();
    const first = await openedStore({ clock });
    const before = await saltOf(first);
    await admin.flushAll();
    await clock.advance(31_000);
    await first.revoke({ id: UNKNOWN_ID, reason: "test", actor: null });
    expect(await saltOf(await openedStore())).toBe(before);
  });

  test("after a reconnect the next call prepares anew, whatever the clock says", async () => {
    const client = await server.client();
    const admin = await server.admin();
    const store = redisStore(client, { deadline: PATIENT });
    opened.push(store);
    const before = await saltOf(store);
    await admin.sendCommand(["FLUSHALL"]);
    await admin.sendCommand(["SCRIPT", "FLUSH"]);
    const again = new Promise((resolve) => client.once("ready", resolve));
    await admin.sendCommand(["CLIENT", "KILL", "USER", USER.username]);
    await again;
    await store.read(UNKNOWN_ID);
    expect(await admin.hmGet("sojourn:c", ["layout"])).toEqual(["1"]);
    expect(await saltOf(await openedStore())).toBe(before);
    expect((await admin.info("memory")).match(/number_of_cached_scripts:(\d+)/)?.[1]).not.toBe("0");
  });

  test("a closed store listens to its client no more", async () => {
    const client = await server.client();
    const listeners = client.listenerCount("ready");
    const store = redisStore(client);
    expect(client.listenerCount("ready")).toBe(listeners + 1);
    await store.close();
    expect(client.listenerCount("ready")).toBe(listeners);
  });
});

describe("time", () => {
  test("a session that expired while the machine slept is over at the first read", async () => {
    let slept = 0;
    // A suspend as Linux shows it: wall clock and server went on, the monotonic clock stood still.
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + slept, shift: () => slept };
    const sessions = createSessions({
      store: await openedStore({ clock }),
      clock,
      secrets: [TEST_SECRET],
      policies: { short: { idle: "1m", absolute: "1h" } },
    });
    const { token } = await sessions.create({ userId: "ada", policy: "short" });
    expect((await sessions.validate(token, { touch: false })).valid).toBe(true);
    slept = 61_000;
    expect((await sessions.validate(token, { touch: false })).valid).toBe(false);
    // Which ends the session behind the answer; closing waits for it.
    await sessions.close();
  });

  test("a session that begins after the machine slept has the times of then", async () => {
    let slept = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + slept, shift: () => slept };
    const sessions = createSessions({ store: await openedStore({ clock }), clock, secrets: [TEST_SECRET] });
    const first = await sessions.create();
    slept = 7_200_000;
    const { session } = await sessions.create();
    expect(session.createdAt - first.session.createdAt).toBeGreaterThanOrEqual(slept - 5);
    await sessions.close();
  });

  test("the machine slept while an answer was on its way: the clock is right when the read is answered", async () => {
    let slept = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + slept, shift: () => slept };
    const store = await openedStore({ clock });
    await store.ready();
    const before = store.now();
    const read = store.read(UNKNOWN_ID);
    setImmediate(() => {
      slept = 61_000;
    });
    await read;
    expect(store.now() - before).toBeGreaterThanOrEqual(61_000 - 5);
  });

  test("a write refused as late is sent again in what is left of its deadline, not in a new one", async () => {
    const client = await server.client();
    const sent: number[] = [];
    const slow = new Proxy(client, {
      get(target, name) {
        if (name !== "sendCommand") {
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? (member.bind(target) as unknown) : member;
        }
        return async (args: readonly string[], options: object): Promise<unknown> => {
          if (args[0] !== "EVALSHA") return target.sendCommand([...args], options);
          sent.push(performance.now());
          await new Promise((resolve) => setTimeout(resolve, sent.length === 1 ? 400 : 5_000));
          return [Buffer.from("late"), Date.now()];
        };
      },
    });
    const store = redisStore(slow, { deadline: { writeMs: 600 } });
    opened.push(store);
    await store.ready();
    const begun = performance.now();
    await expect(store.revoke({ id: UNKNOWN_ID, reason: "test", actor: null })).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(sent).toHaveLength(2);
    expect(performance.now() - begun).toBeLessThan(900);
  });
});

describe("deadlines", () => {
  const deadline = { readMs: 120, writeMs: 300 };

  /** A store whose server takes so long for each reply, before anything was asked of it. */
  async function slowStore(replyMs: number): Promise<Store> {
    const wire = new Wire(await server.client());
    wire.before = () => sleep(replyMs);
    const store = redisStore(wire, { deadline });
    opened.push(store);
    return store;
  }

  /** Within so many milliseconds, and a half more for a busy machine. */
  async function refused(call: Promise<unknown>, deadlineMs: number): Promise<void> {
    const from = systemClock.monotonic();
    await expect(call).rejects.toMatchObject({ code: "store_unavailable", reason: "timeout", outcome: "not_executed" });
    expect(systemClock.monotonic() - from).toBeLessThan(1.5 * deadlineMs);
  }

  test("M4 the first call of a process waits for no more than its deadline, however many replies it needs", async () => {
    await refused((await slowStore(80)).read(UNKNOWN_ID), deadline.readMs);
    await refused((await slowStore(200)).listUser(`AA${"A".repeat(16)}`), deadline.readMs);
    const revocation = { id: UNKNOWN_ID, reason: "test", actor: null };
    await refused((await slowStore(400)).revoke(revocation), deadline.writeMs);
    await refused((await slowStore(400)).ready(), deadline.writeMs);
  });

  test("what the first call could not wait for goes on behind it, and is there for the next", async () => {
    const store = await slowStore(50);
    await refused(store.read(UNKNOWN_ID), deadline.readMs);
    await sleep(100);
    expect(await store.read(UNKNOWN_ID)).toBeNull();
  });
});

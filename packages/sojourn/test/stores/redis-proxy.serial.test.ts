/** The Redis engine while the network cuts, delays, holds and repeats, with each client as it is out of the box. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { isRecord, type PatchOutcome, type Store, type WriteCall } from "../../src/store/store.ts";
import { FENCE_SLACK_MS } from "../../src/store/write-call.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { ending, endingUser, Environment, type MadeSession, patch } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { IOREDIS, IOREDIS_PIPELINING, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const SHORT = { readMs: 200, writeMs: 300 } as const;
/** How much later than its deadline a caller may get its answer. */
const SLACK_MS = 200;

const KINDS = [NODE_REDIS, IOREDIS, IOREDIS_PIPELINING];

let server: RedisServer;
/** Looks at the same data past the proxy. */
let observer: Environment;

beforeAll(async () => {
  server = await startRedis();
  const store = redisStore(await server.client(), { deadline: PATIENT });
  observer = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
});
afterAll(() => server.stop());

describe.each(KINDS)("$name", (kind) => {
  let proxy: CuttingProxy;
  let opened: OpenedClient;
  let store: Store;
  let made: MadeSession;

  beforeEach(async () => {
    proxy = await CuttingProxy.before(server.port);
    opened = await kind.open(proxy.port);
    store = redisStore(opened.client, { deadline: SHORT });
    await store.ready();
    made = await observer.created({ userId: "ada" });
  });
  afterEach(async () => {
    await store.close();
    opened.close();
    await proxy.close();
  });

  function increment(call?: WriteCall): Promise<PatchOutcome> {
    return patch(store, made.id, [{ kind: "increment", name: "n", by: 1 }], {}, call);
  }
  async function counter(): Promise<unknown> {
    return (await observer.data(made.id))["n"] ?? 0;
  }
  async function connectedAgain(): Promise<void> {
    await expect.poll(opened.isReady, { interval: 5 }).toBe(true);
  }
  /** Success, or "unknown": what a caller may be told about a write that was executed. */
  async function toldSuccessOrUnknown(write: Promise<object>): Promise<object | "unknown"> {
    try {
      return await write;
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({ outcome: "unknown" });
      return "unknown";
    }
  }
  function live(id: string): Promise<boolean> {
    return observer.store.read(id).then(isRecord);
  }

  test("a session that is not there: both questions have one deadline", async () => {
    await observer.store.revoke(ending(made.id));
    expect(await store.read(made.id)).toMatchObject({ reason: "test" });
    proxy.delayReplies(0.6 * SHORT.readMs);
    await expect(store.read(made.id)).rejects.toMatchObject({ reason: "timeout", outcome: "not_executed" });
  });

  test("an increment cut off after its execution counts once", async () => {
    const operationId = "the-increment";
    const cut = proxy.once("cut after", "patch");
    const told = await toldSuccessOrUnknown(increment({ operationId }));
    await cut;
    if (kind.resends) await expect.poll(() => proxy.times("patch")).toBe(2);
    else expect(told).toBe("unknown");
    expect(await counter()).toBe(1);
    await connectedAgain();
    expect(await increment({ operationId })).toMatchObject({ status: "patched", increments: [1], revision: 1 });
    expect(await counter()).toBe(1);
  });

  test("an increment without an operation id of the caller's counts once as well, when the client repeats it", async () => {
    const cut = proxy.once("cut after", "patch");
    const told = await toldSuccessOrUnknown(increment());
    await cut;
    await connectedAgain();
    await expect.poll(() => proxy.times("patch")).toBe(kind.resends ? 2 : 1);
    if (told !== "unknown") expect(told).toMatchObject({ status: "patched", increments: [1] });
    expect(await counter()).toBe(1);
  });

  test("an increment cut off before its execution counts as its caller is told, and once when repeated", async () => {
    const operationId = "cut-before";
    const cut = proxy.once("cut before", "patch");
    const told = await toldSuccessOrUnknown(increment({ operationId }));
    await cut;
    if (kind.resends) await expect.poll(() => proxy.times("patch")).toBe(1);
    expect(await counter()).toBe(kind.resends ? 1 : 0);
    if (!kind.resends) expect(told).toBe("unknown");
    await connectedAgain();
    await increment({ operationId });
    expect(await counter()).toBe(1);
  });

  test("two increments in flight, the second cut off: each counts once", async () => {
    await increment();
    const cut = proxy.once("cut after", "patch");
    const both = Promise.allSettled([increment(), increment()]);
    await cut;
    const told = await both;
    await connectedAgain();
    const answered = told.filter((each) => each.status === "fulfilled").length;
    if (kind.resends) await expect.poll(counter).toBe(3);
    const total = Number(await counter());
    expect(total).toBeGreaterThanOrEqual(Math.max(2, 1 + answered));
    expect(total).toBeLessThanOrEqual(3);
  });

  test("patches that share a script, cut off after its execution, count once each, however often it is sent", async () => {
    const others = await Promise.all([1, 2].map(() => observer.created({ userId: "ada" })));
    await observer.store.revoke(ending(others[1]?.id ?? ""));
    const add = [{ kind: "increment", name: "n", by: 1 }] as const;
    const cut = proxy.once("cut after", "patch");
    const writes = [made, ...others].map(({ id }) => patch(store, id, add));
    const told = await Promise.all(writes.map(toldSuccessOrUnknown));
    await cut;
    await connectedAgain();
    await expect.poll(() => proxy.times("patch")).toBe(kind.resends ? 2 : 1);
    const counted = { status: "patched", increments: [1], revision: 1 };
    if (kind.resends) expect(told).toMatchObject([counted, counted, { status: "gone" }]);
    else expect(told).toEqual(["unknown", "unknown", "unknown"]);
    expect(await counter()).toBe(1);
    expect(await observer.data(others[0]?.id ?? "")).toEqual({ n: 1 });
  });

  test("F2 a create that is sent again after a revoke revives nothing", async () => {
    const born = observer.made({ userId: "ada" });
    const cut = proxy.once("cut after", "create", { thenFreeze: true });
    const creating = toldSuccessOrUnknown(store.create(born));
    await cut;
    expect(await observer.store.revoke(ending(born.id))).toMatchObject({ ended: true });
    proxy.thaw();
    const told = await creating;
    await connectedAgain();
    if (kind.resends) await expect.poll(() => proxy.executed.at(-1)).toEqual({ script: "create", status: "gone" });
    if (told !== "unknown") expect(told).toMatchObject({ status: "gone", tombstone: { reason: "test" } });
    expect(await store.create(born)).toMatchObject({ status: "gone" });
    expect(await live(born.id)).toBe(false);
  });

  test("F3 revokeUser that is sent again spares the logins in between", async () => {
    const operationId = "all-out";
    const cut = proxy.once("cut after", "raiseEpoch", { thenFreeze: true });
    const userKey = observer.userKey("ada");
    const revoking = toldSuccessOrUnknown(store.revokeUser(endingUser(userKey), { operationId }));
    await cut;
    const login = await observer.created({ userId: "ada" });
    proxy.thaw();
    await revoking;
    await connectedAgain();
    if (kind.resends) await expect.poll(() => proxy.times("raiseEpoch")).toBe(2);
    await store.revokeUser(endingUser(userKey), { operationId });
    expect([await live(made.id), await live(login.id)]).toEqual([false, true]);
  });

  test("F3 revokeUser cut off after it ended the sessions says how many they were, by itself or sent again", async () => {
    const operationId = "all-out";
    const userKey = observer.userKey("hedy");
    await observer.created({ userId: "hedy" });
    await observer.created({ userId: "hedy" });
    const cut = proxy.once("cut after", "endOlder");
    const told = await toldSuccessOrUnknown(store.revokeUser(endingUser(userKey), { operationId }));
    await cut;
    expect(told).toEqual(kind.resends ? { ended: 2 } : "unknown");
    await connectedAgain();
    expect(await store.revokeUser(endingUser(userKey), { operationId })).toEqual({ ended: 2 });
    expect(await observer.store.listUser(userKey)).toEqual([]);
  });

  test("F1 a revoke cut off after its execution stays done, and sent again says so", async () => {
    const cut = proxy.once("cut after", "revoke");
    const told = await toldSuccessOrUnknown(store.revoke(ending(made.id)));
    await cut;
    await connectedAgain();
    if (told !== "unknown") expect(told).toMatchObject({ ended: true });
    expect(await live(made.id)).toBe(false);
    expect(await store.revoke(ending(made.id))).toMatchObject({ ended: true });
  });

  test("replies later than the deadline: the caller knows in time, and later answers go to whom they belong", async () => {
    proxy.delayReplies(700);
    const began = performance.now();
    const waited = async (call: Promise<unknown>): Promise<[number, unknown]> => {
      const error: unknown = await call.then(
        () => null,
        (reason: unknown) => reason,
      );
      return [performance.now() - began, error];
    };
    const [[readMs, read], [writeMs, write]] = await Promise.all([waited(store.read(made.id)), waited(increment())]);
    expect(read).toMatchObject({ code: "store_unavailable", reason: "timeout", outcome: "not_executed" });
    expect(write).toMatchObject({ code: "store_unavailable", reason: "timeout", outcome: "unknown" });
    expect(readMs).toBeLessThan(SHORT.readMs + SLACK_MS);
    expect(writeMs).toBeLessThan(SHORT.writeMs + SLACK_MS);
    proxy.delayReplies(0);
    await sleep(700 - SHORT.writeMs + 50);
    expect(await store.read("AAAAAAAAAAAAAAAAAAAAAA")).toBeNull();
    expect(await increment()).toMatchObject({ increments: [2] });
  });

  test("a write that arrives later than its notAfter changes nothing", async () => {
    proxy.freeze();
    const began = performance.now();
    await expect(increment()).rejects.toMatchObject({ reason: "timeout", outcome: "unknown" });
    expect(performance.now() - began).toBeLessThan(SHORT.writeMs + SLACK_MS);
    await sleep(began + SHORT.writeMs + FENCE_SLACK_MS + 150 - performance.now());
    proxy.thaw();
    await expect.poll(() => proxy.executed).toEqual([{ script: "patch", status: "late" }]);
    expect(await counter()).toBe(0);
    expect(await increment()).toMatchObject({ increments: [1] });
  });

  test("a command that the network delivers twice counts once, whichever answer arrives", async () => {
    const delivered = proxy.once("twice", "patch");
    expect(await increment()).toMatchObject({ status: "patched", increments: [1], revision: 1 });
    await delivered;
    expect(proxy.executed.map(({ status }) => status)).toEqual(["done", "done"]);
    expect(await counter()).toBe(1);
  });

  test("a life in which every write is executed twice is like any other", async () => {
    proxy.alwaysTwice();
    const sessions = createSessions({ store, secrets: [TEST_SECRET] });
    const { session, token } = await sessions.create({ userId: "grace", data: { a: 1 } });
    await session.increment("n", 2);
    await session.update((draft) => {
      draft["n"] = Number(draft["n"]) + 3;
    });
    await session.touch();
    const second = await sessions.create({ userId: "grace" });
    expect([await session.get("a"), await session.get("n")]).toEqual([1, 5]);
    expect(await sessions.validate(token)).toMatchObject({ valid: true });
    expect(await sessions.logout(token)).toBe(true);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    await sessions.revokeUser("grace");
    expect(await sessions.validate(second.token)).toMatchObject({ valid: false });
    const times = (["create", "patch", "revoke", "raiseEpoch", "endOlder"] as const).map((name) => proxy.times(name));
    expect(times).toEqual([4, 4, 2, 2, 2]);
  });
});

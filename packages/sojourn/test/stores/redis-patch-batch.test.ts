/** Patches of one turn share a script, and nothing else. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { PatchOutcome, Store } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { ending, Environment, type MadeSession, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { isScript, Wire } from "../support/wire.ts";

let server: RedisServer;
let admin: TestClient;
let wire: Wire;
let store: Store;
let env: Environment;
/** How many sessions each patch script that was sent named. */
let sizes: number[];

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await admin.flushAll();
  wire = new Wire(await server.client());
  store = redisStore(wire, { deadline: PATIENT, maxInFlight: 1_000 });
  env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
  sizes = [];
  wire.before = (words) => {
    if (isScript(words, "patch")) sizes.push(Number(words[2]) - 1);
    return undefined;
  };
});
afterEach(() => store.close());

function many(count: number): Promise<MadeSession[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => env.created({ userId: `user ${i}` })));
}

/** Adds one to field `n` of each. */
function increments(sessions: readonly MadeSession[]): Promise<PatchOutcome>[] {
  return sessions.map(({ id }) => patch(store, id, [{ kind: "increment", name: "n", by: 1 }]));
}

const COUNTED = { status: "patched", previousRevision: 0, revision: 1, increments: [1] };

test("patches of one turn go out in scripts of 32, those under other terms or with an operation id by themselves", async () => {
  const made = await many(70);
  expect(await Promise.all(increments(made))).toEqual(made.map(() => COUNTED));
  expect(sizes).toEqual([32, 32, 6]);
  sizes.length = 0;
  const [a, b] = [made[0]?.id ?? "", made[1]?.id ?? ""];
  await Promise.all([
    patch(store, a, [set("a", 1)]),
    patch(store, b, [set("a", 1)]),
    patch(store, a, [set("a", 2)], { guard: { name: "version", json: null } }),
    patch(store, a, [set("a", 3)], {}, { operationId: "the-operation" }),
  ]);
  expect(sizes.toSorted()).toEqual([1, 1, 2]);
  await patch(store, a, [set("b", 1)]);
  expect(sizes.at(-1)).toBe(1);
});

test("large patches of one turn do not make one large script", async () => {
  const made = await many(8);
  const text = "x".repeat(30_000);
  await Promise.all(made.map(({ id }) => patch(store, id, [set("a", text)], { maxBytes: 100_000 })));
  expect(sizes).toEqual([3, 3, 2]);
});

test("each is answered by itself: what refuses one leaves the others what they are", async () => {
  const [fine, ended, stale, large, word, strange, twice] = (await many(7)).map(({ id }) => id);
  await store.revoke(ending(ended ?? ""));
  await patch(store, word ?? "", [set("n", "one")]);
  const key = (await admin.keys(`*:s:*${strange}`))[0] ?? "";
  await admin.del(key);
  await admin.hSet(key, "not", "a string");
  sizes.length = 0;
  const add = { kind: "increment", name: "n", by: 2 } as const;
  const told = await Promise.allSettled([
    patch(store, fine ?? "", [add]),
    patch(store, ended ?? "", [add]),
    patch(store, stale ?? "", [add], { expectedRevision: 3 }),
    patch(store, large ?? "", [set("a", "x".repeat(20_000))]),
    patch(store, word ?? "", [add]),
    patch(store, strange ?? "", [add]),
    patch(store, twice ?? "", [add]),
    patch(store, twice ?? "", [add]),
  ]);
  expect(sizes).toEqual([8]);
  expect(told.map((each) => (each.status === "fulfilled" ? each.value.status : each.reason.reason))).toEqual([
    "patched",
    "gone",
    "conflict",
    "too_large",
    "wrong_kind",
    "server",
    "patched",
    "patched",
  ]);
  expect(told[1]).toMatchObject({ value: { tombstone: { reason: "test" } } });
  expect(told[5]).toMatchObject({ reason: { outcome: "not_executed" } });
  expect(told[7]).toMatchObject({ value: { previousRevision: 1, revision: 2, increments: [4] } });
  expect(await env.data(large ?? "")).toEqual({});
});

test("at full memory a script is refused whole: nothing of it happened", async () => {
  const made = await many(4);
  await admin.configSet("maxmemory", "1");
  try {
    const told = await Promise.allSettled(increments(made));
    expect(sizes).toEqual([4]);
    for (const each of told) {
      expect(each).toMatchObject({ status: "rejected", reason: { reason: "full", outcome: "not_executed" } });
    }
  } finally {
    await admin.configSet("maxmemory", "0");
  }
  expect(await Promise.all(increments(made))).toEqual(made.map(() => COUNTED));
});

test("one publication tells of all of them", async () => {
  const heard: string[] = [];
  const listener = await server.client();
  await listener.subscribe("sojourn:i", (message) => heard.push(message));
  const [a, b] = await many(2);
  await patch(store, a?.id ?? "", [set("a", 1)]);
  await Promise.all(increments([a, b].flatMap((each) => each ?? [])));
  const changes = (): string[] => heard.filter((message) => message.startsWith("c "));
  await expect.poll(() => changes().length).toBe(2);
  expect(changes()).toEqual([`c ${a?.id} 1`, `c ${a?.id} 2 ${b?.id} 1`]);
});

test("a proxy that refuses keys of several servers in one script gets them one by one", async () => {
  const made = await many(5);
  wire.answer = (words) =>
    isScript(words, "patch") && Number(words[2]) > 2
      ? Promise.reject(new Error("CROSSSLOT Keys in request don't hash to the same slot"))
      : undefined;
  expect(await Promise.all(increments(made))).toEqual(made.map(() => COUNTED));
  expect(sizes).toEqual([5, 1, 1, 1, 1, 1]);
  await Promise.all(increments(made));
  expect(sizes.slice(6)).toEqual([1, 1, 1, 1, 1]);
});

test("maxInFlight counts patches, not scripts", async () => {
  const made = await many(10);
  let release = (): void => undefined;
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  wire.before = (words) => (isScript(words, "patch") ? hold : undefined);
  const calls = Array.from({ length: 110 }, () => increments(made)).flat();
  const refused = await Promise.allSettled(calls.slice(1_000));
  for (const each of refused) expect(each).toMatchObject({ status: "rejected", reason: { reason: "overload" } });
  release();
  const told = await Promise.allSettled(calls);
  // A script goes out whole or not at all.
  expect(told.filter(({ status }) => status === "fulfilled")).toHaveLength(31 * 32);
});

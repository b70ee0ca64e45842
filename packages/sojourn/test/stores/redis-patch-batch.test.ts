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

test("patches of many fields do not make one long script", async () => {
  const made = await many(8);
  const names = Array.from({ length: 100 }, (_, i) => `field ${i}`);
  const [some, all] = [names.slice(0, 20), names];
  await Promise.all(
    made.map(({ id }) =>
      patch(
        store,
        id,
        some.map((name) => set(name, 1)),
      ),
    ),
  );
  expect(sizes).toEqual([7, 1]);
  sizes.length = 0;
  await Promise.all(
    made.map(({ id }) =>
      patch(
        store,
        id,
        all.map((name) => ({ kind: "delete", name })),
      ),
    ),
  );
  expect(sizes).toEqual([2, 2, 2, 2]);
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

test("a tombstone of another type, or what is no id, refuses its own patch alone", async () => {
  const [fine, ended, alsoFine] = (await many(3)).map(({ id }) => id) as [string, string, string];
  await store.revoke(ending(ended));
  const key = (await admin.keys(`*:d:*${ended}`))[0] ?? "";
  await admin.del(key);
  await admin.hSet(key, "not", "a string");
  const ids = [fine, ended, 7 as unknown as string, alsoFine];
  const told = await Promise.allSettled(ids.map((id) => patch(store, id, [{ kind: "increment", name: "n", by: 1 }])));
  expect(told).toMatchObject([
    { value: COUNTED },
    { reason: { code: "store_unavailable", outcome: "not_executed" } },
    { reason: expect.any(TypeError) },
    { value: COUNTED },
  ]);
});

test("a corrupt record, whichever byte of it is another, leaves the patches before and after it what they are", async () => {
  const [before, corrupt, after] = (await many(3)) as [MadeSession, MadeSession, MadeSession];
  await patch(store, corrupt.id, [set("n", 1), set("text", "x"), { kind: "seal", name: "s", bytes: Buffer.from("x") }]);
  const key = (await admin.keys(`*:s:*${corrupt.id}`))[0] ?? "";
  const length = await admin.strLen(key);
  const saved = await admin.copy(key, "saved");
  expect([saved, length > 100]).toEqual([1, true]);
  let done = 0;
  for (let at = 1; at < length; at++) {
    for (const byte of ["\0", "~"]) {
      await admin.copy("saved", key, { REPLACE: true });
      await admin.setRange(key, at, byte);
      const told = await Promise.allSettled(increments([before, corrupt, after]));
      done++;
      for (const i of [0, 2]) expect(told[i], `byte ${at}`).toMatchObject({ value: { increments: [done] } });
    }
  }
});

test("a script that is executed twice does what it did once, and answers so, beside what it refused", async () => {
  const made = await many(5);
  const ids = made.map(({ id }) => id) as [string, string, string, string, string];
  await store.revoke(ending(ids[1]));
  await patch(store, ids[2], [set("n", "one")]);
  const again = await server.client();
  wire.after = async (words) => {
    if (isScript(words, "patch")) replies.push(await again.sendCommand([...words]));
  };
  const replies: unknown[] = [];
  const add = { kind: "increment", name: "n", by: 1 } as const;
  const told = await Promise.all([
    ...ids.map((id) => patch(store, id, [add])),
    patch(store, ids[0], [add]),
    patch(store, ids[3], [add], { expectedRevision: 9 }),
  ]);
  const statuses = told.map(({ status }) => status).join(", ");
  expect(statuses).toBe("patched, gone, wrong_kind, patched, patched, patched, conflict");
  expect(replies).toMatchObject([
    ["done", {}, "0 1 1", ["gone", {}], ["wrong_kind", "n"], "0 1 1", "0 1 1", "1 2 2", ["conflict", {}], 7],
  ]);
  expect(await Promise.all([ids[0], ids[2], ids[3]].map((id) => env.data(id)))).toEqual([
    { n: 2 },
    { n: "one" },
    { n: 1 },
  ]);
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

/** Values of other libraries on their way, met at every place where whoever moves them may have died. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { secondaryStorage } from "../../src/adapters/better-auth.ts";
import { createSessions, type Store } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { bringTaken, bringValue } from "../../src/stores/moving/arrival.ts";
import { movingStore, moveStore } from "../../src/stores/moving/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { Placement } from "../../src/store/placement.ts";
import { valueName } from "../../src/store/transfer.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const MINUTE = 60_000;
const HOUR_S = 3_600;

let servers: RedisServer[];
let clients: { readonly own: TestClient; readonly admin: TestClient }[];

beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRedis()]);
  clients = await Promise.all(
    servers.map(async (server) => ({ own: await server.client(), admin: await server.admin() })),
  );
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function onRedis(number: 0 | 1, clock: ManualClock): Promise<Store> {
  const client = clients[number];
  if (client === undefined) throw new Error("there is no such server");
  await client.admin.flushAll();
  clock.onAdvance(ageRedisKeys(client.admin));
  return redisStore(client.own, { clock, deadline: PATIENT });
}

type Open = (clock: ManualClock) => Promise<Store>;
const inMemory: Open = async (clock) => memoryStore({ clock });
const inFile: Open = async (clock) => sqliteStore(":memory:", { clock });

const WAYS: readonly (readonly [way: string, from: Open, to: Open])[] = [
  ["memory to memory", inMemory, inMemory],
  ["sqlite to redis", inFile, (clock) => onRedis(0, clock)],
  ["redis to redis", (clock) => onRedis(0, clock), (clock) => onRedis(1, clock)],
];

interface Moving {
  readonly from: Store;
  readonly to: Store;
  readonly clock: ManualClock;
  /** Of a server of the application, and of one that runs on the source as it did before. */
  readonly storage: ReturnType<typeof secondaryStorage>;
  readonly before: ReturnType<typeof secondaryStorage>;
  idOf(key: string): Promise<string>;
}

async function opened(openFrom: Open, openTo: Open): Promise<Moving> {
  const clock = manualClock();
  const [from, to] = [await openFrom(clock), await openTo(clock)];
  const over = (store: Store) => createSessions({ store, secrets: [TEST_SECRET], clock, background: false });
  const [sessions, source] = [over(movingStore({ from, to })), over(from)];
  await sessions.ready();
  const placement = new Placement((await from.ready()).salt);
  const idOf = async (key: string): Promise<string> => placement.namedId(`value\0${key}`);
  return { from, to, clock, storage: secondaryStorage(sessions), before: secondaryStorage(source), idOf };
}

/** Where whoever moves the value may have died. */
const STAGES: Readonly<Record<string, (move: Moving, id: string) => Promise<unknown>>> = {
  "at the source": async () => undefined,
  "taken out": ({ from }, id) => from.transfer.takeValueAway(id),
  admitted: async ({ from, to }, id) => {
    const record = await from.transfer.takeValueAway(id);
    if (record !== null) await to.transfer.admitValue({ id: valueName(id), record });
  },
  arrived: (move, id) => bringValue(id, move),
};

describe.each(WAYS)("%s", (_way, openFrom, openTo) => {
  async function moving(run: (move: Moving) => Promise<void>): Promise<void> {
    const move = await opened(openFrom, openTo);
    try {
      await run(move);
    } finally {
      await Promise.all([move.from.close(), move.to.close()]);
    }
  }

  test.each(Object.entries(STAGES))("F2 nothing is lost, and what was deleted stays so: %s", (_stage, reach) =>
    moving(async (move) => {
      const { from, to, clock, storage, before } = move;
      for (const key of ["read", "written", "once", "deleted", "mover's"]) await before.set(key, `${key} 1`, HOUR_S);
      for (const _ of [1, 2]) await before.increment("count", HOUR_S);
      await before.set("gone", JSON.stringify({ session: { token: "gone" } }), HOUR_S);
      await before.delete("gone");
      await to.transfer.begin();
      await clock.advance(MINUTE);
      for (const key of ["read", "written", "once", "deleted", "mover's", "count", "gone"]) {
        await reach(move, await move.idOf(key));
      }
      expect(await storage.get("read")).toBe("read 1");
      await storage.set("written", "written 2", HOUR_S);
      const taken = await Promise.all(Array.from({ length: 10 }, () => storage.getAndDelete("once")));
      expect(taken.filter((value) => value !== null)).toEqual(["once 1"]);
      await storage.delete("deleted");
      const sums = await Promise.all(Array.from({ length: 10 }, () => storage.increment("count", HOUR_S)));
      expect(sums.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i + 3));
      await storage.set("gone", JSON.stringify({ session: { token: "gone" } }), HOUR_S);
      const result = await moveStore(from, to);
      expect(result).toMatchObject({ done: true, valuesLeft: 0, valuesLive: 7 });
      const after = secondaryStorage(createSessions({ store: to, secrets: [TEST_SECRET], clock, background: false }));
      const left = ["read", "written", "once", "deleted", "mover's", "count", "gone"].map((key) => after.get(key));
      expect(await Promise.all(left)).toEqual(["read 1", "written 2", null, null, "mover's 1", "12", null]);
      await clock.advance(61 * MINUTE);
      expect(await Promise.all(["read", "mover's", "count"].map((key) => after.get(key)))).toEqual([null, null, null]);
    }),
  );

  test("one hundred values that move, are counted, deleted and written at once: what was answered is so", () =>
    moving(async (move) => {
      const { from, to, clock, storage, before } = move;
      const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
      await Promise.all(
        keys.map((key, i) => (i % 3 === 0 ? before.set(key, "old", HOUR_S) : before.increment(key, HOUR_S))),
      );
      await to.transfer.begin();
      await clock.advance(MINUTE);
      const ids = await Promise.all(keys.map(move.idOf));
      const got: (string | null)[] = [];
      const acted = keys.flatMap((key, i) =>
        i % 3 === 0
          ? [1, 2].map(async () => got.push(await storage.getAndDelete(key)))
          : Array.from({ length: 5 }, () => storage.increment(key, HOUR_S)),
      );
      await Promise.all([...acted, ...ids.flatMap((id) => [bringValue(id, move), bringValue(id, move)])]);
      await bringTaken({ from, to });
      expect(got.filter((value) => value !== null)).toHaveLength(34);
      const left = await Promise.all(keys.map((key) => storage.get(key)));
      expect(left).toEqual(keys.map((_, i) => (i % 3 === 0 ? null : "6")));
      expect(await moveStore(from, to)).toMatchObject({ done: true, valuesLeft: 0, valuesLive: 100 });
    }));
});

test("until the beginnings are over all is at the source, and who comes in the last seconds of that waits", async () => {
  const [from, to] = [memoryStore(), memoryStore()];
  const over = (): ReturnType<typeof secondaryStorage> =>
    secondaryStorage(createSessions({ store: movingStore({ from, to }), secrets: [TEST_SECRET], background: false }));
  const [early, late] = [over(), over()];
  await early.set("before", "1", HOUR_S);
  const done = moveStore(from, to);
  await expect.poll(() => to.transfer.begun()).not.toBeNull();
  const { begunAt = 0 } = (await to.transfer.begun()) ?? {};
  await late.set("during", "2", HOUR_S);
  expect((await early.get("during")) ?? "").toBe("2");
  await expect.poll(() => to.now() - begunAt, { timeout: 5_000 }).toBeGreaterThan(3_000);
  expect(await late.get("before")).toBe("1");
  await late.increment("waited", HOUR_S);
  expect(to.now() - begunAt).toBeGreaterThanOrEqual(5_000);
  expect(await done).toMatchObject({ done: true, values: 2, valuesLeft: 0 });
  expect(await Promise.all(["before", "during", "waited"].map((key) => early.get(key)))).toEqual(["1", "2", "1"]);
}, 15_000);

/**
 * A session on its way, met at every place where whoever moves it may have died: each operation does what it does without a
 * move, and when the move goes on afterwards that stays so.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { bring, bringTaken } from "../../src/stores/moving/arrival.ts";
import { movingStore } from "../../src/stores/moving/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { isRecord } from "../../src/store/store.ts";
import {
  ABSOLUTE,
  ending,
  endingUser,
  Environment,
  type MadeSession,
  MINUTE,
  patch,
  set,
  whileAdvancing,
} from "../../src/testing/conformance/environment.ts";
import { amendment } from "../../src/testing/conformance/amending.ts";
import { confirmation, elevation, renewal } from "../../src/testing/conformance/tokens.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

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
  return redisStore(client.own, { clock, deadline: PATIENT, endedKept: "5m" });
}

type Open = (clock: ManualClock) => Promise<Store>;
const inMemory: Open = async (clock) => memoryStore({ clock, endedKept: "5m" });
const inFile: Open = async (clock) => sqliteStore(":memory:", { clock, endedKept: "5m" });

const WAYS: readonly (readonly [way: string, from: Open, to: Open])[] = [
  ["memory to memory", inMemory, inMemory],
  ["sqlite to redis", inFile, (clock) => onRedis(0, clock)],
  ["redis to redis", (clock) => onRedis(0, clock), (clock) => onRedis(1, clock)],
  ["redis to sqlite", (clock) => onRedis(0, clock), inFile],
];

/** Where whoever moves the session may have died. */
const STAGES: Readonly<Record<string, (move: Moving, id: string) => Promise<unknown>>> = {
  "at the source": async () => undefined,
  "taken out": ({ from }, id) => from.transfer.takeAway(id),
  "taken out so long ago that its tombstone is gone": async ({ from, env }, id) => {
    await from.transfer.takeAway(id);
    await env.clock.advance(6 * MINUTE);
  },
  admitted: async ({ from, to }, id) => {
    const record = await from.transfer.takeAway(id);
    if (record !== null) await to.transfer.admit({ id, record });
  },
  arrived: (move, id) => bring(id, move),
};

interface Moving {
  readonly from: Store;
  readonly to: Store;
  /** Of the two together. */
  readonly env: Environment;
  /** A session that began at the source. */
  begun(userId?: string): Promise<MadeSession>;
  /** Goes on with the move until all are at the target. */
  finish(): Promise<void>;
}

async function opened(openFrom: Open, openTo: Open): Promise<Moving> {
  const clock = manualClock();
  const [from, to] = [await openFrom(clock), await openTo(clock)];
  const store = movingStore({ from, to });
  const env = await Environment.over({ store, other: store, clock, close: () => store.close() });
  await to.transfer.begin();
  return {
    from,
    to,
    env,
    begun: (userId) => env.created(userId === undefined ? {} : { userId }, from),
    async finish() {
      await bringTaken({ from, to });
      const { items } = await from.page({ cursor: null, limit: 1_000 });
      for (const { id } of items) await bring(id, { from, to });
      expect(await from.count()).toBe(0);
    },
  };
}

describe.each(WAYS)("%s", (_way, openFrom, openTo) => {
  for (const [stage, reach] of Object.entries(STAGES)) {
    const at = (what: string, run: (move: Moving) => Promise<void>): void =>
      test(`${what}: ${stage}`, async () => {
        const move = await opened(openFrom, openTo);
        try {
          await run(move);
        } finally {
          await move.env.store.close();
        }
      });

    at("it is read, listed, paged and counted once", async (move) => {
      const { env } = move;
      const { id, record, userKey } = await move.begun("ada");
      await reach(move, id);
      expect((await env.store.listUser(userKey ?? "")).map((each) => each.id)).toEqual([id]);
      expect(await env.store.read(id)).toEqual(record);
      const { items, cursor } = await env.store.page({ cursor: null, limit: 10 });
      const rest = cursor === null ? [] : (await env.store.page({ cursor, limit: 10 })).items;
      expect([...items, ...rest].map((each) => each.id)).toEqual([id]);
      expect(await env.store.count()).toBe(1);
      await move.finish();
      expect(await move.to.read(id)).toEqual(record);
      expect([await move.to.count(), await move.to.countUsers()]).toEqual([1, 1]);
    });

    at("G2 what is written to it is there in the end", async (move) => {
      const { env } = move;
      const { id } = await move.begun("ada");
      await reach(move, id);
      expect((await patch(env.store, id, [set("a", 1)])).status).toBe("patched");
      await env.clock.advance(MINUTE);
      expect((await env.store.touch({ id, minIntervalMs: 0, confirm: true })).status).toBe("touched");
      const renewed = await renewal(env, id);
      expect((await env.store.rotate(renewed)).status).toBe("pending");
      expect((await env.store.confirm(confirmation(renewed))).status).toBe("confirmed");
      expect((await env.store.elevate(await elevation(env, id))).status).toBe("elevated");
      expect((await env.store.amend(await amendment(env, id, "web-2"))).status).toBe("amended");
      const last = await env.store.read(id);
      await move.finish();
      expect(await move.to.read(id)).toEqual(last);
      expect((await env.record(id, move.to)).metadata().serverId).toBe("web-2");
      expect(await env.data(id, move.to)).toEqual({ a: 1 });
    });

    at("F1 F2 revoked, it stays so however the move goes on", async (move) => {
      const { env } = move;
      const { id } = await move.begun("ada");
      await reach(move, id);
      expect(await env.store.revoke(ending(id))).toEqual({ ended: true, record: null });
      for (const store of [env.store, move.to]) expect(isRecord(await store.read(id))).toBe(false);
      await move.finish();
      expect(isRecord(await move.to.read(id))).toBe(false);
      expect(await env.store.read(id)).toMatchObject({ reason: "test" });
      expect(await move.to.count()).toBe(0);
      expect(await env.store.revoke(ending(id))).toEqual({ ended: true, record: null });
    });

    at("a reused token that is in its grace, or current, ends nothing", async (move) => {
      const { env } = move;
      const { id } = await move.begun("ada");
      await reach(move, id);
      expect(await env.store.revoke({ ...ending(id, "reused"), reusedGeneration: 0 })).toMatchObject({ ended: false });
      expect(isRecord(await env.store.read(id))).toBe(true);
      expect(await env.store.revoke(ending(env.made().id))).toEqual({ ended: false, record: null });
    });

    at("F6 revokeUser ends it, and leaves the exception and later logins", async (move) => {
      const { env } = move;
      const [mine, kept, others] = [await move.begun("ada"), await move.begun("ada"), await move.begun("grace")];
      for (const { id } of [mine, kept]) await reach(move, id);
      const { ended } = await env.store.revokeUser(endingUser(env.userKey("ada"), kept.id));
      expect(ended).toBe(1);
      const later = await env.created({ userId: "ada" });
      await move.finish();
      expect(isRecord(await move.to.read(mine.id))).toBe(false);
      for (const { id } of [kept, others, later]) expect(isRecord(await move.to.read(id))).toBe(true);
      expect((await env.store.revokeUser(endingUser(env.userKey("ada")))).ended).toBe(2);
      expect(await move.to.count()).toBe(1);
    });

    at("F6 revokeBefore ends it, and leaves what begins later", async (move) => {
      const { env } = move;
      const { id } = await move.begun("ada");
      await reach(move, id);
      await env.clock.advance(MINUTE);
      const everything = { policy: null, before: env.store.now(), reason: "test", actor: null, keptMs: ABSOLUTE };
      await whileAdvancing(env.clock, env.store.revokeBefore(everything));
      const later = await env.created({ userId: "ada" });
      await move.finish();
      expect(isRecord(await move.to.read(id))).toBe(false);
      expect((await env.store.listUser(env.userKey("ada"))).map((each) => each.id)).toEqual([later.id]);
    });

    at("a limit counts it, and a login takes its place", async (move) => {
      const { env } = move;
      const [oldest, replaced] = [await move.begun("ada"), await move.begun("ada")];
      for (const { id } of [oldest, replaced]) await reach(move, id);
      await env.clock.advance(1_000);
      const limit = { perUser: 2, onExceed: "reject", confirmGraceMs: ABSOLUTE } as const;
      expect(await env.store.create({ ...env.made({ userId: "ada" }), limit })).toEqual({
        status: "limited",
        count: 2,
      });
      const successor = env.made({ userId: "ada" });
      const replaces = ending(replaced.id, "login");
      expect((await env.store.create({ ...successor, limit, replaces })).status).toBe("created");
      const evicting = { ...limit, onExceed: "evictOldest" } as const;
      expect((await env.store.create({ ...env.made({ userId: "ada" }), limit: evicting })).status).toBe("created");
      await move.finish();
      const live = (await move.to.listUser(env.userKey("ada"))).map((each) => each.id);
      expect(live).toContain(successor.id);
      expect(live).not.toContain(replaced.id);
      expect(live).not.toContain(oldest.id);
      expect(live).toHaveLength(2);
    });

    at("its beginning, sent again, changes nothing", async (move) => {
      const { env } = move;
      const made = await move.begun("ada");
      await reach(move, made.id);
      await patch(env.store, made.id, [set("a", 1)]);
      await move.from.create(made);
      await env.store.create(made);
      await move.finish();
      expect(await env.data(made.id, move.to)).toEqual({ a: 1 });
    });
  }

  test("F2 G2 one hundred sessions that move, are written and are ended at once: what was acknowledged is so", async () => {
    const move = await opened(openFrom, openTo);
    const { env } = move;
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => move.begun(`user-${i % 10}`)));
    const written = new Map<string, number>();
    const acted = all.map(async ({ id }, i) => {
      if (i % 3 === 0) await env.store.revoke(ending(id));
      for (let n = 0; n < 5; n++) {
        const { status } = await patch(env.other, id, [{ kind: "increment", name: "n", by: 1 }]);
        if (status === "patched") written.set(id, (written.get(id) ?? 0) + 1);
      }
    });
    const moved = all.flatMap(({ id }) => [bring(id, move), bring(id, move)]);
    await Promise.all([...acted, ...moved]);
    await move.finish();
    for (const [i, { id }] of all.entries()) {
      if (i % 3 === 0) expect(isRecord(await move.to.read(id)), `${i}`).toBe(false);
      else expect(await env.data(id, move.to)).toEqual({ n: 5 });
    }
    expect([...written.values()].every((n) => n === 5)).toBe(true);
    expect(await move.to.count()).toBe(66);
    await env.store.close();
  });
});

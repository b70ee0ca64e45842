/** Cases: reaping, and indexes that agree with records. */

import assert from "node:assert/strict";
import { isRecord, REAP_GRACE_MS, type Store } from "../../store/store.ts";
import type { IndexDifference } from "../../store/upkeep.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, endingUser, type Environment, HOUR, IDLE, MINUTE } from "./environment.ts";

/** Reaps until nothing is due; answers how many sessions it ended. */
async function reapAll(store: Store): Promise<number> {
  let ended = 0;
  for (let part = 0; part < store.parts; part++) {
    for (let more = true; more; ) {
      const reaped = await store.reap({ part, notWithinMs: 0 });
      ended += reaped.expired;
      more = reaped.more;
    }
  }
  return ended;
}

async function differencesIn(store: Store): Promise<{ checked: number; differences: IndexDifference[] }> {
  const all = { checked: 0, differences: new Array<IndexDifference>() };
  for (let part = 0; part < store.parts; part++) {
    let cursor: string | null = null;
    do {
      const page = await store.checkIndexes({ part, cursor, repair: false });
      all.checked += page.checked;
      all.differences.push(...page.differences);
      cursor = page.cursor;
    } while (cursor !== null);
  }
  return all;
}

async function createMany(env: Environment, count: number, idleMs = IDLE): Promise<void> {
  const make = (i: number): Promise<unknown> =>
    env.created(i % 3 === 0 ? { idleMs } : { idleMs, userId: `user-${i % 50}` }, i % 2 === 0 ? env.store : env.other);
  await Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

export const UPKEEP: readonly ConformanceCase[] = [
  {
    name: "reap ends what is due, says so in its tombstone, and leaves the rest",
    async run(env) {
      const [due, live] = [
        await env.created({ userId: "ada" }),
        await env.created({ userId: "ada", idleMs: 2 * IDLE }),
      ];
      assert.equal(await reapAll(env.store), 0);
      await env.clock.advance(IDLE + MINUTE);
      assert.equal(await reapAll(env.other), 1);
      const createdAt = due.record.readUIntBE(14, 6);
      const tombstone = { reason: "expired", actor: null, createdAt, endedAt: createdAt + IDLE };
      assert.deepEqual(await env.store.read(due.id), tombstone);
      assert.ok(isRecord(await env.store.read(live.id)));
      assert.equal(await env.store.count(), 1);
      assert.equal(await env.store.countUsers(), 1);
      assert.equal(await reapAll(env.store), 0);
      assert.equal((await env.store.create(due)).status, "gone");
      const { created, ended } = await env.store.totals();
      assert.deepEqual([created, ended], [2, new Map([["expired", 1]])]);
    },
  },
  {
    name: "a session that was touched in time is not reaped",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await env.clock.advance(50 * MINUTE);
      await env.other.touch({ id, minIntervalMs: 0, confirm: false });
      await env.clock.advance(50 * MINUTE);
      assert.equal(await reapAll(env.store), 0);
      assert.equal(await env.store.expire(id), false);
      assert.ok(isRecord(await env.store.read(id)));
    },
  },
  {
    name: "several that reap at once end each session once",
    async run(env) {
      await createMany(env, 600);
      await createMany(env, 30, 10 * IDLE);
      await env.clock.advance(IDLE + MINUTE);
      const ended = await Promise.all([env.store, env.other, env.store, env.other].map(reapAll));
      assert.equal(
        ended.reduce((sum, each) => sum + each),
        600,
      );
      assert.deepEqual((await env.store.totals()).ended, new Map([["expired", 600]]));
      assert.equal((await env.store.totals()).durationMs, 600 * IDLE);
      assert.deepEqual(await differencesIn(env.store), { checked: 30, differences: [] });
      assert.equal(await env.store.count(), 30);
    },
  },
  {
    name: "what nobody reaped in its grace still counts once as expired",
    async run(env) {
      await createMany(env, 20);
      const { id } = await env.created({ userId: "ada", idleMs: 2 * IDLE });
      await env.clock.advance(IDLE + REAP_GRACE_MS - MINUTE);
      assert.equal(await env.other.expire(id), false);
      await env.clock.advance(HOUR + 2 * REAP_GRACE_MS);
      await env.store.revoke(ending(id));
      await env.store.revokeUser(endingUser(env.userKey("user-1")));
      await reapAll(env.store);
      await reapAll(env.other);
      const { created, ended } = await env.store.totals();
      assert.deepEqual([created, ended], [21, new Map([["expired", 21]])]);
      assert.deepEqual(await differencesIn(env.store), { checked: 0, differences: [] });
    },
  },
  {
    name: "expire ends one session that is due, once, and no other",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      assert.equal(await env.store.expire(id), false);
      await env.clock.advance(IDLE + 1000);
      assert.equal(await env.store.expire(env.made().id), false);
      const both = await Promise.all([env.store.expire(id), env.other.expire(id)]);
      assert.equal(both.filter(Boolean).length, 1);
      const tombstone = await env.store.read(id);
      assert.ok(tombstone !== null && !isRecord(tombstone) && tombstone.reason === "expired");
      assert.equal(await env.store.countUsers(), 0);
    },
  },
  {
    name: "indexes agree with the records after whatever happened",
    async run(env) {
      await createMany(env, 200);
      const some = await Promise.all(Array.from({ length: 20 }, () => env.created({ userId: "ada" })));
      await env.clock.advance(30 * MINUTE);
      for (const { id } of some) await env.store.touch({ id, minIntervalMs: 0, confirm: true });
      for (const { id } of some.slice(0, 5)) await env.other.revoke(ending(id));
      await env.store.revokeUser(endingUser(env.userKey("user-1")));
      const { checked, differences } = await differencesIn(env.other);
      assert.deepEqual(differences, []);
      assert.equal(checked, await env.store.count());
    },
  },
];

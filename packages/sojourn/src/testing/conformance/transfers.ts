/** Cases: sessions that are taken away, and sessions that arrive. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { bucketOf } from "../../data/session-id.ts";
import { isRecord, type Store } from "../../store/store.ts";
import { MOVED } from "../../store/transfer.ts";
import type { ConformanceCase } from "./case.ts";
import {
  ABSOLUTE,
  ending,
  endingUser,
  type Environment,
  IDLE,
  type MadeSession,
  MINUTE,
  patch,
  set,
  whileAdvancing,
} from "./environment.ts";
import { confirmation, elevation, renewal } from "./tokens.ts";

function transferCase(name: string, run: (env: Environment) => Promise<void>): ConformanceCase {
  return { name, needs: "transfer", run };
}

async function assertNowhere(store: Store, { id, userKey }: MadeSession): Promise<void> {
  assert.equal(isRecord(await store.read(id)), false);
  assert.deepEqual((await store.page({ cursor: null, limit: 10 })).items, []);
  if (userKey !== null) assert.deepEqual(await store.listUser(userKey), []);
  assert.deepEqual([await store.count(), await store.countUsers()], [0, 0]);
}

async function differences(store: Store): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let part = 0; part < store.parts; part++) {
    for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
      const page: Awaited<ReturnType<Store["checkIndexes"]>> = await store.checkIndexes({
        part,
        cursor,
        repair: false,
      });
      found.push(...page.differences);
      ({ cursor } = page);
    }
  }
  return found;
}

export const TRANSFERS: readonly ConformanceCase[] = [
  transferCase(
    "takeAway leaves nothing but its tombstone, and answers the last record until it is settled",
    async (env) => {
      const made = await env.created({ userId: "ada" });
      await patch(env.other, made.id, [set("a", 1)]);
      const last = await env.store.read(made.id);
      const taken = await env.store.transfer.takeAway(made.id);
      assert.deepEqual(taken, last);
      assert.deepEqual(await env.other.transfer.takeAway(made.id), last);
      const left = await env.other.read(made.id);
      assert.ok(left !== null && !isRecord(left) && left.reason === MOVED);
      await assertNowhere(env.other, made);
      assert.deepEqual(await differences(env.store), []);
      const bucketOfIt = await env.other.transfer.taken(bucketOf(made.id));
      assert.deepEqual([bucketOfIt, await env.store.transfer.taken()], [[made.id], [made.id]]);
      assert.deepEqual(await env.store.transfer.taken((bucketOf(made.id) + 1) % 1024), []);
      await env.other.transfer.settle(made.id);
      assert.deepEqual(await env.store.transfer.taken(), []);
      assert.equal(await env.store.transfer.takeAway(made.id), null);
    },
  ),
  transferCase("takeAway takes no session that is over, was ended, or never was; it is no ending", async (env) => {
    const [expired, ended, live] = [
      await env.created({ idleMs: MINUTE }),
      await env.created({ userId: "ada" }),
      await env.created({ userId: "ada" }),
    ];
    await env.store.revoke(ending(ended.id));
    await env.clock.advance(2 * MINUTE);
    for (const { id } of [expired, ended, env.made()]) assert.equal(await env.store.transfer.takeAway(id), null);
    assert.deepEqual(await env.store.transfer.taken(), []);
    assert.ok((await env.store.transfer.takeAway(live.id)) !== null);
    const { created, ended: endings } = await env.store.totals();
    assert.deepEqual([created, endings.has(MOVED), endings.get("test")], [3, false, 1]);
  }),
  transferCase(
    "F2 no write finds a session that was taken away, and create sent again does not bring it back",
    async (env) => {
      const made = await env.created({ userId: "ada" });
      const [renewed, elevated] = [await renewal(env, made.id), await elevation(env, made.id)];
      await env.store.transfer.takeAway(made.id);
      const outcomes = await Promise.all([
        env.other.create(made),
        patch(env.other, made.id, [set("a", 1)]),
        env.other.touch({ id: made.id, minIntervalMs: 0, confirm: true }),
        env.other.rotate(renewed),
        env.other.confirm(confirmation(renewed, true)),
        env.other.elevate(elevated),
      ]);
      for (const outcome of outcomes) {
        assert.ok(outcome.status === "gone" && outcome.tombstone?.reason === MOVED, outcome.status);
      }
      await assertNowhere(env.store, made);
    },
  ),
  transferCase(
    "G2 takeAway races with writers: each that was acknowledged is in the record that it answers",
    async (env) => {
      for (let round = 0; round < 20; round++) {
        const { id } = await env.created({ userId: "ada" });
        const writes = Array.from({ length: 8 }, (_, i) =>
          patch(i % 2 === 0 ? env.store : env.other, id, [set(`k${i}`, i)]),
        );
        const taken = env.other.transfer.takeAway(id);
        const acknowledged = (await Promise.all(writes)).filter(({ status }) => status === "patched").length;
        const record = await taken;
        assert.ok(record !== null);
        assert.equal(record.readUInt32BE(4), acknowledged);
      }
    },
  ),
  transferCase("admit stores the bytes as they are, in every index, for the rest of their time, once", async (env) => {
    const made = env.made({ userId: "ada" });
    await env.clock.advance(MINUTE);
    assert.equal(await env.store.transfer.admit(made), "admitted");
    assert.deepEqual(await env.other.read(made.id), made.record);
    assert.equal(await env.other.transfer.admit(made), "known");
    assert.deepEqual(
      (await env.other.listUser(env.userKey("ada"))).map(({ id }) => id),
      [made.id],
    );
    assert.deepEqual([await env.store.count(), await env.store.countUsers()], [1, 1]);
    assert.deepEqual(await differences(env.store), []);
    assert.equal((await env.store.totals()).created, 0);
    await env.clock.advance(IDLE);
    assert.equal(await env.store.expire(made.id), true);
  }),
  transferCase(
    "F2 admit never brings back what has ended here, not even when nobody knows of the end any more",
    async (env) => {
      const made = env.made({ userId: "ada" });
      await env.store.transfer.admit(made);
      await env.other.revoke(ending(made.id));
      assert.equal(await env.store.transfer.admit(made), "known");
      await env.clock.advance(2 * IDLE);
      const long = env.made({ userId: "ada", idleMs: ABSOLUTE });
      await env.store.transfer.admit(long);
      await env.other.revoke(ending(long.id));
      await env.clock.advance(2 * IDLE);
      assert.equal(await env.store.read(long.id), null);
      assert.equal(await env.other.transfer.admit(long), "known");
      await assertNowhere(env.store, long);
      await env.store.transfer.forgetAdmitted();
      const ended = await env.created({ idleMs: ABSOLUTE });
      await env.store.revoke(ending(ended.id));
      assert.equal(await env.other.transfer.admit(ended), "refused");
    },
  ),
  transferCase("admit takes back a session that has left", async (env) => {
    const made = await env.created({ userId: "ada" });
    const record = await env.store.transfer.takeAway(made.id);
    assert.ok(record !== null);
    await env.store.transfer.settle(made.id);
    assert.equal(await env.other.transfer.admit({ id: made.id, record }), "admitted");
    assert.deepEqual(await env.store.read(made.id), record);
    assert.deepEqual(await env.store.revoke(ending(made.id)), { ended: true, record: null });
    const left = await env.other.read(made.id);
    assert.ok(left !== null && !isRecord(left) && left.reason === "test");
  }),
  transferCase("F2 F6 admit refuses what began before its user's epoch or a cut-off, and what is over", async (env) => {
    const before = env.made({ userId: "ada" });
    const [covered, over] = [env.made({ idleMs: ABSOLUTE }), env.made({ idleMs: MINUTE })];
    await env.clock.advance(2 * MINUTE);
    await env.store.revokeUser(endingUser(env.userKey("ada")));
    const everything = { policy: null, before: env.store.now(), reason: "test", actor: null, keptMs: ABSOLUTE };
    assert.equal(await env.other.transfer.admit(before), "refused");
    await whileAdvancing(env.clock, env.store.revokeBefore(everything));
    for (const each of [covered, over]) assert.equal(await env.other.transfer.admit(each), "refused");
    await assertNowhere(env.store, before);
    const later = env.made();
    assert.equal(await env.other.transfer.admit(later), "admitted");
  }),
  transferCase("a takeAway or an admit past its notAfter changes nothing", async (env) => {
    const [here, elsewhere] = [await env.created(), env.made()];
    const call = { notAfter: env.store.now() - 1 };
    await assert.rejects(env.store.transfer.takeAway(here.id, call), { reason: "late", outcome: "not_executed" });
    await assert.rejects(env.store.transfer.admit(elsewhere, call), { reason: "late", outcome: "not_executed" });
    assert.ok(isRecord(await env.store.read(here.id)));
    assert.equal(await env.store.count(), 1);
  }),
  transferCase("adopt takes another store's salt, and none where there are sessions under its own", async (env) => {
    const salt = randomBytes(32);
    await env.store.transfer.adopt(salt);
    assert.deepEqual((await env.store.ready()).salt, salt);
    await env.created();
    await env.store.transfer.adopt(salt);
    await assert.rejects(env.store.transfer.adopt(randomBytes(32)), { code: "config_invalid" });
    assert.deepEqual((await env.store.ready()).salt, salt);
  }),
  transferCase("a move is begun once, and every process knows; disabled users are known by their keys", async (env) => {
    assert.equal(await env.other.transfer.begun(), null);
    const move = await env.store.transfer.begin();
    assert.deepEqual([await env.other.transfer.begun(), await env.other.transfer.begin()], [move, move]);
    await env.other.transfer.forgetMove();
    assert.equal(await env.store.transfer.begun(), null);
    const keys = ["ada", "grace"].map((userId) => env.userKey(userId));
    for (const userKey of keys) await env.store.disableUser({ userKey, disabled: true });
    assert.deepEqual((await env.other.transfer.disabledUsers()).toSorted(), keys.toSorted());
  }),
];

/** Cases: revokeBefore, its cut-offs and what it sweeps. */

import assert from "node:assert/strict";
import { isRecord, type RevokeBeforeInput, type Store } from "../../store/store.ts";
import { amendment } from "./amending.ts";
import type { ConformanceCase } from "./case.ts";
import {
  ABSOLUTE,
  type Environment,
  HOUR,
  IDLE,
  type MadeSession,
  MINUTE,
  patch,
  set,
  whileAdvancing,
} from "./environment.ts";
import { confirmation, elevation, renewal } from "./tokens.ts";

async function revokedBefore(
  env: Environment,
  input: Partial<RevokeBeforeInput> = {},
  store: Store = env.store,
): Promise<number> {
  const everything = { policy: null, before: env.store.now() + HOUR, reason: "test", actor: null, keptMs: ABSOLUTE };
  return (await whileAdvancing(env.clock, store.revokeBefore({ ...everything, ...input }))).ended;
}

/** A time after what was created until now, before what is created from now on. */
async function between(env: Environment): Promise<number> {
  await env.clock.advance(MINUTE);
  const time = env.store.now();
  await env.clock.advance(MINUTE);
  return time;
}

async function assertEnded(env: Environment, sessions: readonly MadeSession[], reason = "test"): Promise<void> {
  for (const { id } of sessions) {
    for (const store of [env.store, env.other]) {
      const outcome = await store.read(id);
      assert.ok(outcome !== null && !isRecord(outcome), `session ${id} is read after revokeBefore`);
      assert.equal(outcome.reason, reason);
    }
  }
}

function createdTimes(env: Environment, n: number, shape: Parameters<Environment["created"]>[0] = {}) {
  return Promise.all(Array.from({ length: n }, () => env.created({ idleMs: 10 * IDLE, ...shape })));
}

export const CUT_OFFS: readonly ConformanceCase[] = [
  {
    name: "F6 revokeBefore ends every session that began before, on every process, and says why; later ones stay",
    async run(env) {
      const ada = await createdTimes(env, 3, { userId: "ada" });
      const old = [...ada, await env.created(), await env.created({ userId: "grace" }, env.other)];
      for (const { id } of old) await env.other.read(id);
      const before = await between(env);
      const later = await env.created({ userId: "ada" });
      assert.equal(await revokedBefore(env, { before, reason: "key_leak", actor: "ops" }), 5);
      for (const { id } of old) assert.equal(env.store.near(id), null);
      await assertEnded(env, old, "key_leak");
      const outcome = await env.other.read(later.id);
      assert.ok(isRecord(outcome));
      assert.deepEqual(
        (await env.other.listUser(env.userKey("ada"))).map(({ id }) => id),
        [later.id],
      );
      assert.deepEqual([await env.store.count(), await env.other.countUsers()], [1, 1]);
      const tombstone = await env.other.read(old[0]?.id ?? "");
      assert.ok(tombstone !== null && !isRecord(tombstone));
      assert.equal(tombstone.actor, "ops");
      assert.ok(tombstone.createdAt < before && tombstone.endedAt >= before);
    },
  },
  {
    name: "F6 a time that is still to come counts as now: logins after revokeBefore stay",
    async run(env) {
      const old = await createdTimes(env, 2, { userId: "ada" });
      assert.equal(await revokedBefore(env, { before: Number.MAX_SAFE_INTEGER }), 2);
      const later = await env.created({ userId: "ada" }, env.other);
      await assertEnded(env, old);
      assert.equal((await patch(env.store, later.id, [set("a", 1)])).status, "patched");
      await env.clock.advance(10 * MINUTE);
      assert.ok(isRecord(await env.other.read(later.id)));
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
    },
  },
  {
    name: "F6 revokeBefore of one policy leaves the others alone",
    async run(env) {
      const short = await createdTimes(env, 2, { userId: "ada", policy: "short \u{1f511}" });
      const other = await createdTimes(env, 2, { userId: "ada", policy: "short" });
      assert.equal(await revokedBefore(env, { policy: "short \u{1f511}" }), 2);
      await assertEnded(env, short);
      for (const { id } of other) assert.ok(isRecord(await env.other.read(id)));
      assert.equal((await env.other.listUser(env.userKey("ada"))).length, 2);
      assert.equal(await revokedBefore(env, { policy: "*" }), 0);
      assert.equal(await env.store.count(), 2);
      assert.equal(await revokedBefore(env, { policy: "short", reason: "second" }), 2);
      await assertEnded(env, other, "second");
      await assertEnded(env, short);
    },
  },
  {
    name: "F6 revokeBefore called again ends nothing more; an earlier time takes nothing back",
    async run(env) {
      const first = await env.created();
      const early = await between(env);
      const second = await env.created();
      const late = await between(env);
      const third = await env.created();
      assert.equal(await revokedBefore(env, { before: late }), 2);
      assert.equal(await revokedBefore(env, { before: late }), 0);
      assert.equal(await revokedBefore(env, { before: early }, env.other), 0);
      assert.equal((await env.store.create(second)).status, "gone");
      await assertEnded(env, [first, second]);
      assert.ok(isRecord(await env.store.read(third.id)));
    },
  },
  {
    name: "F2 no write to a session that revokeBefore ended succeeds",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      const [renewed, elevated, amended] = [
        await renewal(env, id),
        await elevation(env, id),
        await amendment(env, id, "web-2"),
      ];
      await revokedBefore(env);
      const outcomes = await Promise.all([
        patch(env.other, id, [set("a", 1)]),
        env.other.touch({ id, minIntervalMs: 0, confirm: true }),
        env.other.rotate(renewed),
        env.other.confirm(confirmation(renewed, true)),
        env.other.elevate(elevated),
        env.other.amend(amended),
      ]);
      for (const outcome of outcomes) {
        assert.ok(outcome.status === "gone" && outcome.tombstone?.reason === "test", outcome.status);
      }
      await assertEnded(env, [{ id, userKey: null, record: Buffer.alloc(0) }]);
    },
  },
  {
    name: "F2 a create from before a cut-off is gone, however late it arrives",
    async run(env) {
      const mine = env.made({ userId: "ada", policy: "short" });
      const anonymous = env.made({ policy: "short" });
      const another = env.made({ userId: "ada" });
      await env.clock.advance(MINUTE);
      await revokedBefore(env, { policy: "short" });
      for (const late of [mine, anonymous]) {
        const outcome = await env.other.create(late);
        assert.ok(outcome.status === "gone" && outcome.tombstone?.reason === "test");
        assert.equal(isRecord(await env.store.read(late.id)), false);
      }
      assert.equal((await env.other.create(another)).status, "created");
      assert.deepEqual([await env.store.count(), await env.store.countUsers()], [1, 1]);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
    },
  },
  {
    name: "F6 revokeBefore sweeps 2,000 sessions of 40 users exactly; what was over is not counted",
    async run(env) {
      const expired = await Promise.all([0, 1].map(() => env.created({ idleMs: MINUTE })));
      const shapes = Array.from({ length: 2_000 }, (_, i) => ({ userId: `user-${i % 40}`, idleMs: 10 * IDLE }));
      const old = await Promise.all(shapes.map((shape) => env.created(shape)));
      const before = await between(env);
      const later = await createdTimes(env, 20, { userId: "user-7" });
      assert.equal(await revokedBefore(env, { before }), 2_000);
      assert.deepEqual([await env.store.count(), await env.store.countUsers()], [20, 1]);
      await assertEnded(env, old);
      for (const { id } of expired)
        assert.equal((await env.other.touch({ id, minIntervalMs: 0, confirm: false })).status, "gone");
      const { ended } = await env.store.totals();
      assert.deepEqual([...ended], [["test", 2_000]]);
      const live = (await env.other.listUser(env.userKey("user-7"))).map(({ id }) => id);
      assert.deepEqual(live.toSorted(), later.map(({ id }) => id).toSorted());
      assert.deepEqual(await env.store.listUser(env.userKey("user-8")), []);
    },
  },
  {
    name: "F6 revokeBefore against logins: each that was acknowledged is either later and lives, or earlier and over",
    async run(env) {
      await createdTimes(env, 50, { userId: "ada" });
      const revoked = revokedBefore(env);
      const during: MadeSession[] = [];
      for (let i = 0; i < 100; i++) {
        const made = env.made({ userId: i % 2 === 0 ? "ada" : "grace", idleMs: 10 * IDLE });
        const { status } = await (i % 3 === 0 ? env.store : env.other).create(made);
        if (status === "created") during.push(made);
      }
      await revoked;
      const after = await createdTimes(env, 5, { userId: "ada" });
      const live = new Set<string>();
      for (const { id } of [...during, ...after]) {
        const outcomes = await Promise.all([env.store.read(id), env.other.read(id)]);
        assert.equal(isRecord(outcomes[0]), isRecord(outcomes[1]));
        if (isRecord(outcomes[0])) live.add(id);
        assert.equal((await patch(env.other, id, [set("a", 1)])).status, live.has(id) ? "patched" : "gone");
      }
      for (const { id } of after) assert.ok(live.has(id));
      assert.equal(await env.store.count(), live.size);
    },
  },
  {
    name: "F6 activity and elevation hide no session from revokeBefore",
    async run(env) {
      const old = await createdTimes(env, 1_200, { userId: "ada" });
      const elevations = await Promise.all(old.slice(0, 300).map(({ id }) => elevation(env, id)));
      await env.clock.advance(MINUTE);
      const revoked = revokedBefore(env);
      for (let i = 0; i < 600; i++) {
        const [moved, shortened] = [old[600 + i], elevations[i % 300]];
        await Promise.all([
          moved && env.other.touch({ id: moved.id, minIntervalMs: 0, confirm: false }),
          // A shorter lifetime moves it to the front of every index of expiries.
          shortened && env.other.elevate({ ...shortened, absoluteMs: 5 * MINUTE }),
        ]);
      }
      await revoked;
      assert.equal(await env.store.count(), 0);
      await assertEnded(env, old);
    },
  },
];

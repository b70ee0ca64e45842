/** Cases: revokeUser and its epoch. */

import assert from "node:assert/strict";
import { bucketOf } from "../../data/session-id.ts";
import { isRecord } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import {
  ending,
  endingUser,
  type Environment,
  HOUR,
  IDLE,
  type MadeSession,
  MINUTE,
  set,
  patch,
} from "./environment.ts";

async function liveIds(env: Environment, userId: string): Promise<string[]> {
  return (await env.store.listUser(env.userKey(userId))).map((session) => session.id).toSorted();
}

/** Another user whose sessions lie in the same bucket. */
function neighbourOf(env: Environment, userId: string): string {
  const bucket = bucketOf(env.userKey(userId));
  for (let i = 0; ; i++) if (bucketOf(env.userKey(`user-${i}`)) === bucket) return `user-${i}`;
}

export const USERS: readonly ConformanceCase[] = [
  {
    name: "listUser answers the latest only, so many as asked for, and passes over none of them",
    async run(env) {
      const due = await env.created({ userId: "ada", idleMs: MINUTE });
      const made: MadeSession[] = [];
      for (let i = 0; i < 12; i++) made.push(await env.created({ userId: "ada", idleMs: HOUR - i * MINUTE }));
      await env.created({ userId: "grace", idleMs: 2 * HOUR });
      const latest = async (n: number): Promise<string[]> =>
        (await env.other.listUser(env.userKey("ada"), { latest: n })).map(({ id }) => id).toSorted();
      const first = (n: number): string[] =>
        made
          .slice(0, n)
          .map(({ id }) => id)
          .toSorted();
      for (const n of [1, 5, 12]) assert.deepEqual(await latest(n), first(n));
      assert.ok((await latest(13)).includes(due.id));
      await env.clock.advance(20 * MINUTE);
      assert.deepEqual(await latest(1_000), first(12));
      const touched = made[11]?.id ?? "";
      await env.store.touch({ id: touched, minIntervalMs: 0, confirm: false });
      const [listed] = await env.other.listUser(env.userKey("ada"), { latest: 1 });
      assert.deepEqual(listed, { id: touched, record: await env.store.read(touched) });
      await env.store.revoke(ending(touched));
      assert.deepEqual(await latest(1), first(1));
      assert.deepEqual(await env.store.listUser(env.userKey("nobody"), { latest: 1 }), []);
    },
  },
  {
    name: "F3 revokeUser ends all sessions of the user and of nobody else",
    async run(env) {
      const ada = await Promise.all(Array.from({ length: 5 }, () => env.created({ userId: "ada" })));
      const grace = await env.created({ userId: "grace" });
      assert.deepEqual(await env.other.revokeUser(endingUser(env.userKey("ada"))), { ended: 5 });
      for (const { id } of ada) {
        const outcome = await env.store.read(id);
        assert.ok(outcome !== null && !isRecord(outcome) && outcome.reason === "test");
      }
      assert.deepEqual(await liveIds(env, "ada"), []);
      assert.deepEqual(await liveIds(env, "grace"), [grace.id]);
      assert.equal(await env.store.count(), 1);
      assert.equal(await env.store.countUsers(), 1);
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("nobody"))), { ended: 0 });
    },
  },
  {
    name: "F3 revokeUser keeps the excepted session, again and again",
    async run(env) {
      const kept = await env.created({ userId: "ada" });
      for (let round = 0; round < 3; round++) {
        await env.created({ userId: "ada" });
        assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("ada"), kept.id)), { ended: 1 });
        assert.deepEqual(await liveIds(env, "ada"), [kept.id]);
      }
      assert.equal((await patch(env.store, kept.id, [set("a", 1)])).status, "patched");
    },
  },
  {
    name: "F10 an exception that is another user's session protects nothing and loses nothing",
    async run(env) {
      await env.created({ userId: "ada" });
      const grace = await env.created({ userId: "grace" });
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("ada"), grace.id)), { ended: 1 });
      assert.deepEqual(await liveIds(env, "grace"), [grace.id]);
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("grace"))), { ended: 1 });
    },
  },
  {
    name: "F10 an exception that is another user's session of the same bucket keeps its bytes, epoch included",
    async run(env) {
      await env.created({ userId: "ada" });
      const neighbour = await env.created({ userId: neighbourOf(env, "ada") });
      const before = await env.store.read(neighbour.id);
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("ada"), neighbour.id)), { ended: 1 });
      assert.deepEqual(await env.store.read(neighbour.id), before);
    },
  },
  {
    name: "F3 logins after revokeUser stay, and carry its epoch",
    async run(env) {
      await env.created({ userId: "ada" });
      await env.store.revokeUser(endingUser(env.userKey("ada")));
      const later = env.made({ userId: "ada" });
      const created = await env.other.create(later);
      assert.ok(created.status === "created" && created.userEpoch > 0);
      assert.deepEqual(await liveIds(env, "ada"), [later.id]);
      await env.store.revokeUser(endingUser(env.userKey("ada")));
      assert.deepEqual(await liveIds(env, "ada"), []);
    },
  },
  {
    name: "F3 revokeUser against logins: what was acknowledged before is over, what began after lives",
    async run(env) {
      const before = await Promise.all(Array.from({ length: 20 }, () => env.created({ userId: "ada" })));
      const during: Promise<unknown>[] = [];
      for (let i = 0; i < 10; i++) during.push(env.created({ userId: "ada" }, i % 2 === 0 ? env.store : env.other));
      const revoked = env.store.revokeUser(endingUser(env.userKey("ada")));
      for (let i = 0; i < 10; i++) during.push(env.created({ userId: "ada" }, i % 2 === 0 ? env.store : env.other));
      await revoked;
      const after = await Promise.all(Array.from({ length: 5 }, () => env.created({ userId: "ada" }, env.other)));
      await Promise.all(during);
      const live = new Set(await liveIds(env, "ada"));
      for (const { id } of before) assert.equal(live.has(id), false);
      for (const { id } of after) assert.equal(live.has(id), true);
      assert.equal(await env.store.count(), live.size);
    },
  },
  {
    name: "F3 revokeUser of all beside one with an exception: the exception saves nothing",
    async run(env) {
      for (let round = 0; round < 5; round++) {
        const { id } = await env.created({ userId: "ada" });
        await env.created({ userId: "ada" });
        await Promise.all([
          env.store.revokeUser(endingUser(env.userKey("ada"))),
          env.other.revokeUser(endingUser(env.userKey("ada"), id)),
        ]);
        assert.deepEqual(await liveIds(env, "ada"), []);
      }
    },
  },
  {
    name: "F3 revokeUser ends 1,203 sessions, expired ones too but uncounted",
    async run(env) {
      await env.created({ userId: "ada", idleMs: MINUTE });
      await Promise.all(Array.from({ length: 1202 }, () => env.created({ userId: "ada", idleMs: 10 * IDLE })));
      await env.clock.advance(2 * MINUTE);
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("ada"))), { ended: 1202 });
      assert.equal(await env.store.count(), 0);
      assert.equal(await env.store.countUsers(), 0);
    },
  },
  {
    name: "F5 create refuses a disabled user, and nobody else, until they are enabled",
    async run(env) {
      const disable = (disabled: boolean, userId = "ada"): Promise<void> =>
        env.store.disableUser({ userKey: env.userKey(userId), disabled });
      const before = await env.created({ userId: "ada" });
      await disable(true);
      await disable(true);
      const made = env.made({ userId: "ada" });
      for (const store of [env.store, env.other]) {
        assert.deepEqual(await store.create(made), { status: "disabled" });
        assert.equal((await store.create(before)).status, "created");
      }
      assert.deepEqual(await liveIds(env, "ada"), [before.id]);
      for (const userId of [neighbourOf(env, "ada"), undefined]) {
        assert.equal((await env.store.create(env.made(userId === undefined ? {} : { userId }))).status, "created");
      }
      await env.clock.advance(400 * 24 * HOUR);
      assert.deepEqual(await env.other.create(env.made({ userId: "ada" })), { status: "disabled" });
      await disable(false);
      await disable(false, "nobody");
      assert.equal((await env.other.create(env.made({ userId: "ada" }))).status, "created");
    },
  },
  {
    name: "F5 a disabled user's create ends nobody, and disabling late changes nothing",
    async run(env) {
      const before = await env.created({ userId: "ada" });
      const late = { notAfter: env.store.now() - 1000 };
      const input = { userKey: env.userKey("ada"), disabled: true };
      await assert.rejects(env.store.disableUser(input, late), { reason: "late" });
      await env.store.disableUser(input);
      const limit = { perUser: 1, onExceed: "evictOldest", confirmGraceMs: 0 } as const;
      const replaces = { id: before.id, reason: "login", actor: null };
      for (const more of [{ limit }, { replaces }]) {
        assert.deepEqual(await env.store.create({ ...env.made({ userId: "ada" }), ...more }), { status: "disabled" });
      }
      assert.deepEqual(await liveIds(env, "ada"), [before.id]);
    },
  },
];

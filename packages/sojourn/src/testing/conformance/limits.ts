/** Cases: how many sessions a user may have, kept inside create. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { bucketOf } from "../../data/session-id.ts";
import { type CreateOutcome, isRecord, type NewSession, type SessionLimit, type Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, type Environment, HOUR, IDLE, type MadeSession, MINUTE, type SessionShape } from "./environment.ts";

const SECOND = 1_000;

function atMost(perUser: number, onExceed: SessionLimit["onExceed"] = "evictOldest"): SessionLimit {
  return { perUser, onExceed, confirmGraceMs: MINUTE };
}

/** A session of ada's whose token came back, one second after what was before. */
async function login(
  env: Environment,
  more: Partial<NewSession> = {},
  shape: SessionShape = { userId: "ada" },
): Promise<MadeSession> {
  await env.clock.advance(SECOND);
  const made = env.made(shape);
  assert.equal((await env.store.create({ ...made, ...more })).status, "created");
  await confirm(env, made);
  return made;
}

async function confirm(env: Environment, { id }: MadeSession, store = env.store): Promise<void> {
  await env.clock.advance(SECOND);
  assert.equal((await store.touch({ id, minIntervalMs: 0, confirm: true })).status, "touched");
}

async function liveIds(env: Environment, store: Store = env.store): Promise<string[]> {
  return (await store.listUser(env.userKey("ada"))).map(({ id }) => id).toSorted();
}

async function assertLive(env: Environment, expected: readonly MadeSession[]): Promise<void> {
  const ids = expected.map(({ id }) => id).toSorted();
  assert.deepEqual(await liveIds(env, env.other), ids);
  for (const id of ids) assert.ok(isRecord(await env.store.read(id)));
  assert.equal(await env.store.count(), ids.length);
  assert.equal(await env.store.countUsers(), 1);
}

async function assertEnded(env: Environment, { id }: MadeSession, reason = "evicted"): Promise<void> {
  const outcome = await env.other.read(id);
  assert.ok(outcome !== null && !isRecord(outcome), `${id} is not ended`);
  assert.equal(outcome.reason, reason);
}

/** So many sessions of ada's without a limit; the first to expire come last. */
async function crowd(env: Environment, size: number): Promise<MadeSession[]> {
  const made = Array.from({ length: size }, (_, i) =>
    env.made({ userId: "ada", idleMs: IDLE + (size - i) * SECOND, absoluteMs: 100 * HOUR }),
  );
  await Promise.all(made.map((each) => env.store.create(each)));
  return made;
}

export const LIMITS: readonly ConformanceCase[] = [
  {
    name: "G1 a new session over the limit ends the one seen least recently, not the oldest",
    async run(env) {
      const limit = atMost(3);
      const [first, second, third] = [await login(env), await login(env, { limit }), await login(env, { limit })];
      await confirm(env, first);
      const fourth = await login(env, { limit });
      await assertEnded(env, second);
      await assertLive(env, [first, third, fourth]);
      const fifth = await login(env, { limit });
      await assertEnded(env, third);
      await assertLive(env, [first, fourth, fifth]);
    },
  },
  {
    name: "G1 a limit that rejects stores nothing and ends nobody, until there is room",
    async run(env) {
      const limit = atMost(2, "reject");
      const [first, second] = [
        await login(env, { limit }),
        await login(env, { limit }, { userId: "ada", idleMs: HOUR }),
      ];
      const refused = env.made({ userId: "ada" });
      assert.deepEqual(await env.other.create({ ...refused, limit }), { status: "limited", count: 2 });
      assert.equal(await env.store.read(refused.id), null);
      await assertLive(env, [first, second]);
      await env.store.revoke(ending(first.id));
      const third = await login(env, { limit });
      await assertLive(env, [second, third]);
      await env.clock.advance(30 * MINUTE);
      await confirm(env, third);
      await env.clock.advance(40 * MINUTE);
      await assertLive(env, [third, await login(env, { limit })]);
    },
  },
  {
    name: "G1 the new session is never the one to go, however old its record is",
    async run(env) {
      const made = env.made({ userId: "ada" });
      const before = await login(env);
      assert.equal((await env.store.create({ ...made, limit: atMost(1) })).status, "created");
      await assertEnded(env, before);
      await assertLive(env, [made]);
    },
  },
  {
    name: "G1 a limit is the user's own: sessions of others and of nobody stay",
    async run(env) {
      const others = [await env.created({ userId: "grace" }), await env.created()];
      for (let i = 0; i < 3; i++) await login(env, { limit: atMost(1) });
      for (const { id } of others) assert.ok(isRecord(await env.store.read(id)));
      assert.equal(await env.store.count(), 3);
    },
  },
  {
    name: "G1 create sent again ends nobody more and is not rejected; sent again after its own eviction it stays ended",
    async run(env) {
      const limit = atMost(2);
      const [first, second, third] = [
        await login(env, { limit }),
        await login(env, { limit }),
        await login(env, { limit }),
      ];
      await assertEnded(env, first);
      for (const again of [limit, atMost(2, "reject"), atMost(1), atMost(1, "reject")]) {
        assert.equal((await env.other.create({ ...third, limit: again })).status, "created");
        await assertLive(env, [second, third]);
      }
      const outcome = await env.store.create({ ...first, limit });
      assert.equal(outcome.status === "gone" ? outcome.tombstone?.reason : outcome.status, "evicted");
      await assertLive(env, [second, third]);
    },
  },
  {
    name: "a create past its notAfter ends nobody",
    async run(env) {
      const [first, second] = [await login(env), await login(env)];
      const late = { notAfter: env.store.now() - 1000 };
      const input = { ...env.made({ userId: "ada" }), limit: atMost(1), replaces: ending(first.id) };
      await assert.rejects(env.store.create(input, late), { reason: "late" });
      await assertLive(env, [first, second]);
    },
  },
  {
    name: "a session whose token never came back counts for its grace, then it does not and goes first",
    async run(env) {
      const reject = atMost(2, "reject");
      const known = await login(env, { limit: reject });
      const unknown = env.made({ userId: "ada" });
      await env.store.create({ ...unknown, limit: reject });
      await env.clock.advance(MINUTE - 5 * SECOND);
      const early = await env.store.create({ ...env.made({ userId: "ada" }), limit: reject });
      assert.deepEqual(early, { status: "limited", count: 2 });
      await env.clock.advance(6 * SECOND);
      const third = await login(env, { limit: reject });
      await assertEnded(env, unknown);
      await assertLive(env, [known, third]);

      const lost = env.made({ userId: "ada" });
      await env.store.create({ ...lost, limit: atMost(3) });
      await env.clock.advance(MINUTE + SECOND);
      const fourth = await login(env, { limit: atMost(3) });
      await assertEnded(env, lost);
      await assertLive(env, [known, third, fourth]);
    },
  },
  {
    name: "within its grace a session whose token has not come back is not ended before one seen earlier",
    async run(env) {
      const known = await login(env);
      await env.clock.advance(SECOND);
      const fresh = env.made({ userId: "ada" });
      await env.store.create(fresh);
      const third = await login(env, { limit: atMost(2) });
      await assertEnded(env, known);
      await assertLive(env, [fresh, third]);
    },
  },
  {
    name: "while there is room a session whose token never came back stays, and may still come back",
    async run(env) {
      const slow = env.made({ userId: "ada" });
      await env.store.create({ ...slow, limit: atMost(2, "reject") });
      await env.clock.advance(10 * MINUTE);
      const second = await login(env, { limit: atMost(2, "reject") });
      await confirm(env, slow, env.other);
      const third = await env.store.create({ ...env.made({ userId: "ada" }), limit: atMost(2, "reject") });
      assert.deepEqual(third, { status: "limited", count: 2 });
      await assertLive(env, [slow, second]);
    },
  },
  {
    name: "G1 the session that a new one replaces does not count and ends with its reason in the same step",
    async run(env) {
      const limit = atMost(1, "reject");
      const first = await login(env, { limit });
      const replaces = { id: first.id, reason: "login", actor: "ada" };
      const second = await login(env, { limit, replaces });
      await assertEnded(env, first, "login");
      await assertLive(env, [second]);
      assert.equal((await env.store.create({ ...second, limit, replaces })).status, "created");
      const third = await login(env, { replaces: ending(second.id) });
      await assertEnded(env, second, "test");
      const fourth = await login(env, { replaces: ending(env.made({ userId: "ada" }).id) });
      await assertLive(env, [third, fourth]);
      const refused = await env.store.create({ ...env.made({ userId: "ada" }), limit, replaces: ending(third.id) });
      assert.deepEqual(refused, { status: "limited", count: 1 });
      await assertLive(env, [third, fourth]);
    },
  },
  {
    name: "a replaced session of another user of the bucket leaves that user's lists and counts",
    async run(env) {
      const bucket = bucketOf(env.userKey("ada"));
      let neighbour = 0;
      while (bucketOf(env.userKey(`user-${neighbour}`)) !== bucket) neighbour++;
      const theirs = await env.created({ userId: `user-${neighbour}` });
      const mine = await login(env, { replaces: ending(theirs.id), limit: atMost(1) });
      await assertEnded(env, theirs, "test");
      assert.deepEqual(await env.store.listUser(env.userKey(`user-${neighbour}`)), []);
      await assertLive(env, [mine]);
    },
  },
  {
    name: "G1 fifty parallel logins, a limit of 3, looked at all the while: never more than 3",
    async run(env) {
      const creates: Promise<CreateOutcome>[] = [];
      for (let i = 0; i < 50; i++) {
        const store = i % 2 === 0 ? env.store : env.other;
        creates.push(store.create({ ...env.made({ userId: "ada" }), limit: atMost(3) }));
      }
      const logins = { done: false };
      const finished = Promise.all(creates).finally(() => {
        logins.done = true;
      });
      while (!logins.done) {
        const [live, count] = [await liveIds(env), await env.other.count()];
        assert.ok(live.length <= 3 && count <= 3, `${live.length} live, ${count} counted`);
        // A store that answers without I/O would never let the others go on.
        await setImmediate();
      }
      assert.ok((await finished).every(({ status }) => status === "created"));
      assert.equal((await liveIds(env)).length, 3);
      assert.equal(await env.store.count(), 3);
    },
  },
  {
    name: "G1 fifty parallel logins, a limit of 3 that rejects: three are stored",
    async run(env) {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 === 0 ? env.store : env.other).create({ ...env.made({ userId: "ada" }), limit: atMost(3, "reject") }),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === "created").length, 3);
      assert.equal(outcomes.filter(({ status }) => status === "limited").length, 47);
      assert.equal((await liveIds(env)).length, 3);
    },
  },
  {
    name: "G1 a limit far below what a user has is kept by the next login: those seen last stay, whenever they expire",
    async run(env) {
      const many = await crowd(env, 500);
      const [near, far] = [many.at(-1), many[0]];
      assert.ok(near !== undefined && far !== undefined);
      await confirm(env, far);
      await confirm(env, near);
      const newest = await login(env, { limit: atMost(3) });
      await assertLive(env, [near, far, newest]);
      const gone = many[250];
      assert.ok(gone !== undefined);
      await assertEnded(env, gone);
      const { created, ended } = await env.store.totals();
      assert.deepEqual([created, [...ended]], [501, [["evicted", 498]]]);
    },
  },
  {
    name: "G1 a limit that rejects, far below what a user has, ends nobody",
    async run(env) {
      const many = await crowd(env, 300);
      const refused = await env.store.create({ ...env.made({ userId: "ada" }), limit: atMost(3, "reject") });
      assert.ok(refused.status === "limited" && refused.count >= 3);
      await assertLive(env, many);
    },
  },
];

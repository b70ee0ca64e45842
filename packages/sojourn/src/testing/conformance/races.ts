/** Cases: writers that race, writes that come late, and writes that come twice. */

import assert from "node:assert/strict";
import { SessionRecord } from "../../data/session-record.ts";
import { isRecord, type Store, type WriteCall } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, endingUser, type Environment, HOUR, IDLE, MAX_BYTES, MINUTE, patch, set } from "./environment.ts";

/** Adds one to field `n` by reading, adding and writing under the revision read, until it succeeds. */
async function addOne(env: Environment, store: Store, id: string): Promise<void> {
  let record = await env.record(id, store);
  for (;;) {
    const n = Number(record.plainData()["n"] ?? 0);
    const outcome = await patch(store, id, [set("n", n + 1)], { expectedRevision: record.revision });
    if (outcome.status !== "conflict") {
      assert.equal(outcome.status, "patched");
      return;
    }
    record = new SessionRecord(outcome.record);
  }
}

/** Reads again and again until the session has ended: one read or another is always on its way. */
async function readUntilEnded(store: Store, id: string): Promise<void> {
  while (isRecord(await store.read(id))) await new Promise((resolve) => setImmediate(resolve));
}

async function liveIds(env: Environment, userId: string): Promise<string[]> {
  return (await env.store.listUser(env.userKey(userId))).map(({ id }) => id);
}

const LATE = { code: "store_unavailable", reason: "late", outcome: "not_executed" };

export const RACES: readonly ConformanceCase[] = [
  {
    name: "G2 two writers of different keys lose nothing",
    async run(env) {
      const { id } = await env.created();
      const write = (store: Store, who: string) =>
        Array.from({ length: 50 }, (_, i) => patch(store, id, [set(`${who}${i}`, i)]));
      await Promise.all([...write(env.store, "a"), ...write(env.other, "b")]);
      assert.equal(Object.keys(await env.data(id)).length, 100);
    },
  },
  {
    name: "G2 two readers-and-writers of one key lose no update",
    async run(env) {
      const { id } = await env.created();
      const write = async (store: Store): Promise<void> => {
        for (let i = 0; i < 25; i++) await addOne(env, store, id);
      };
      await Promise.all([write(env.store), write(env.other)]);
      assert.deepEqual(await env.data(id), { n: 50 });
    },
  },
  {
    name: "G2 a hundred parallel increments make a hundred",
    async run(env) {
      const { id } = await env.created();
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          patch(i % 2 === 0 ? env.store : env.other, id, [{ kind: "increment", name: "n", by: 1 }]),
        ),
      );
      assert.deepEqual(await env.data(id), { n: 100 });
    },
  },
  {
    name: "G2 a patch answers the revision that it met, so that its writer notices a foreign one between",
    async run(env) {
      const { id } = await env.created();
      const own = await patch(env.store, id, [set("a", 1)]);
      await patch(env.other, id, [set("n", 10)]);
      const next = await patch(env.store, id, [set("a", 2)]);
      const revisions = [own, next].map((each) =>
        each.status === "patched" ? [each.previousRevision, each.revision] : [],
      );
      assert.deepEqual(revisions, [
        [0, 1],
        [2, 3],
      ]);
      const outdated = await patch(env.store, id, [set("n", 1)], { expectedRevision: 1 });
      assert.equal(outdated.status, "conflict");
      assert.deepEqual(await env.data(id), { a: 2, n: 10 });
    },
  },
  {
    name: "F2 writers and touches that race with a revoke never bring the session back",
    async run(env) {
      for (let round = 0; round < 10; round++) {
        const { id, userKey, record } = await env.created({ userId: "ada" });
        const racers = [env.store, env.other].flatMap((store) => [
          patch(store, id, [set("a", round)]),
          store.touch({ id, minIntervalMs: 0, confirm: false }),
          store.create({ id, userKey, record }),
        ]);
        await env.store.revoke(ending(id));
        assert.equal(isRecord(await env.other.read(id)), false);
        await Promise.all(racers);
        await Promise.all([
          patch(env.other, id, [set("b", 1)]),
          env.store.touch({ id, minIntervalMs: 0, confirm: true }),
        ]);
        assert.equal(isRecord(await env.store.read(id)), false);
        assert.deepEqual(await env.store.listUser(env.userKey("ada")), []);
      }
    },
  },
  {
    name: "F1 a read begun after an acknowledged revoke sees the end, though another read is in flight",
    async run(env) {
      const { id } = await env.created();
      const inFlight = env.store.read(id);
      const revoked = env.store.revoke(ending(id)).then(() => env.store.read(id));
      await inFlight;
      assert.equal(isRecord(await revoked), false);
      for (let round = 0; round < 10; round++) {
        const next = await env.created();
        const readers = Array.from({ length: 8 }, () => readUntilEnded(env.store, next.id));
        await env.other.revoke(ending(next.id));
        assert.equal(isRecord(await env.store.read(next.id)), false);
        await Promise.all(readers);
      }
    },
  },
  {
    name: "F2 a login, a logout and a touch that arrive again late revive nothing and end nothing new",
    async run(env) {
      const call: WriteCall = { notAfter: env.store.now() + 5 * MINUTE };
      const before = await env.created({ userId: "ada" });
      const login = env.made({ userId: "ada", idleMs: 3 * HOUR });
      const writes: readonly ((store: Store) => Promise<unknown>)[] = [
        (store) => store.create(login, call),
        (store) => store.revoke(ending(before.id, "login"), call),
        (store) => store.touch({ id: login.id, minIntervalMs: 0, confirm: true }, call),
        (store) => store.revoke(ending(login.id, "logout"), call),
      ];
      for (const write of writes) await write(env.store);
      const later = await env.created({ userId: "ada", idleMs: 3 * HOUR });
      for (const write of writes) await write(env.other);
      assert.deepEqual(await liveIds(env, "ada"), [later.id]);
      // Nothing tells of the endings any more: from here on it is the fence that holds.
      await env.clock.advance(HOUR + MINUTE);
      for (const write of writes) await assert.rejects(write(env.other), LATE);
      await assert.rejects(env.other.revokeUser(endingUser(env.userKey("ada")), call), LATE);
      assert.deepEqual(await liveIds(env, "ada"), [later.id]);
      assert.equal(await env.store.read(login.id), null);
    },
  },
  {
    name: "a write past its notAfter changes nothing",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      const call = { notAfter: env.store.now() - 1000 };
      const fresh = env.made({ userId: "ada" });
      const before = await env.store.read(id);
      await assert.rejects(env.store.create(fresh, call), LATE);
      await assert.rejects(patch(env.store, id, [set("a", 1)], {}, call), LATE);
      await assert.rejects(env.store.touch({ id, minIntervalMs: 0, confirm: true }, call), LATE);
      await assert.rejects(env.store.revoke(ending(id), call), LATE);
      await assert.rejects(env.store.revokeUser(endingUser(env.userKey("ada")), call), LATE);
      assert.equal(await env.store.read(fresh.id), null);
      assert.deepEqual(await env.store.read(id), before);
      assert.equal(await env.store.count(), 1);
    },
  },
  {
    name: "a patch sent again with its operation id after another's changes nothing more and answers the same",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created();
      const a = { operationId: "operation-a" };
      const changes = [{ kind: "increment", name: "n", by: 1 } as const, set("who", "a")];
      const first = await patch(env.store, id, changes, {}, a);
      await patch(env.other, id, [set("who", "b")], {}, { operationId: "operation-b" });
      assert.deepEqual(await patch(env.other, id, changes, {}, a), first);
      assert.deepEqual(await env.data(id), { n: 1, who: "b" });
    },
  },
  {
    name: "an increment sent again with its operation id answers the largest integers exactly",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created();
      const call = { operationId: "operation-e" };
      const changes = [{ kind: "increment", name: "n", by: 9007199254740989 } as const];
      const first = await patch(env.store, id, changes, {}, call);
      assert.deepEqual(first.status === "patched" ? first.increments : null, [9007199254740989]);
      assert.deepEqual(await patch(env.other, id, changes, {}, call), first);
    },
  },
  {
    name: "a patch that was executed answers so, also when it is sent again past its notAfter",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created();
      const call = { operationId: "operation-e", notAfter: env.store.now() + 500 };
      const changes = [{ kind: "increment", name: "n", by: 1 } as const];
      const first = await patch(env.store, id, changes, {}, call);
      await env.clock.advance(800);
      assert.deepEqual(await patch(env.other, id, changes, {}, call), first);
      assert.deepEqual(await env.data(id), { n: 1 });
    },
  },
  {
    name: "revoke sent again with its operation id answers the late record again",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created();
      await patch(env.store, id, [set("late", true)]);
      const call = { operationId: "operation-f" };
      const first = await env.store.revoke({ ...ending(id), knownRevision: 0 }, call);
      assert.ok(first.record !== null);
      assert.deepEqual(await env.other.revoke({ ...ending(id), knownRevision: 0 }, call), first);
    },
  },
  {
    name: "revokeUser sent again with its operation id answers the same and spares the logins in between",
    needs: "operation ids",
    async run(env) {
      await env.created({ userId: "ada" });
      const call = { operationId: "operation-c" };
      await env.created({ userId: "ada" });
      const first = await env.store.revokeUser(endingUser(env.userKey("ada")), call);
      assert.deepEqual(first, { ended: 2 });
      const between = await env.created({ userId: "ada" });
      assert.deepEqual(await env.other.revokeUser(endingUser(env.userKey("ada")), call), first);
      assert.equal(isRecord(await env.store.read(between.id)), true);
    },
  },
  {
    name: "F2 disableUser sent again with its operation id undoes nothing that was said in between",
    needs: "operation ids",
    async run(env) {
      const userKey = env.userKey("ada");
      const [enable, disable] = [{ operationId: "operation-g" }, { operationId: "operation-h" }];
      const say = (store: Store, disabled: boolean, call: WriteCall) => store.disableUser({ userKey, disabled }, call);
      await say(env.store, false, enable);
      await say(env.other, true, disable);
      await say(env.store, false, enable);
      assert.deepEqual(await env.store.create(env.made({ userId: "ada" })), { status: "disabled" });
      await say(env.other, false, { operationId: "operation-i" });
      await say(env.store, true, disable);
      assert.equal((await env.store.create(env.made({ userId: "ada" }))).status, "created");
    },
  },
  {
    name: "a patch re-sent to a session that was revoked meanwhile answers what it did and revives nothing",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created({ idleMs: IDLE });
      const call = { operationId: "operation-d" };
      const first = await env.store.patch({ id, changes: [set("a", 1)], maxBytes: MAX_BYTES }, call);
      await env.store.revoke(ending(id));
      assert.deepEqual(await env.store.patch({ id, changes: [set("a", 1)], maxBytes: MAX_BYTES }, call), first);
      assert.equal(isRecord(await env.store.read(id)), false);
    },
  },
];

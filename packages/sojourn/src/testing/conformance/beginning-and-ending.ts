/** Cases: create, read, touch, revoke and time. */

import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../errors.ts";
import { isRecord, REAP_GRACE_MS, type Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ABSOLUTE, ending, endingUser, HOUR, IDLE, MINUTE, patch, set } from "./environment.ts";

export const BEGINNING_AND_ENDING: readonly ConformanceCase[] = [
  {
    name: "ready answers the same 32 bytes of salt to every process",
    async run({ store, other }) {
      const [mine, theirs] = await Promise.all([store.ready(), other.ready()]);
      assert.equal(mine.salt.length, 32);
      assert.deepEqual(mine.salt, theirs.salt);
    },
  },
  {
    name: "create then read answers the record",
    async run(env) {
      const made = env.made({ userId: "ada" });
      assert.deepEqual(await env.store.create(made), { status: "created", userEpoch: 0 });
      assert.deepEqual(await env.other.read(made.id), made.record);
    },
  },
  {
    name: "read of an id nobody knows is null",
    async run(env) {
      assert.equal(await env.store.read(env.made().id), null);
    },
  },
  {
    name: "create sent again answers the same and takes nothing back",
    async run(env) {
      const { id, userKey, record } = await env.created({ userId: "ada" });
      await patch(env.store, id, [set("a", 1)]);
      assert.equal((await env.store.create({ id, userKey, record })).status, "created");
      assert.deepEqual(await env.data(id), { a: 1 });
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
    },
  },
  {
    name: "create sent again after revoke does not bring the session back",
    async run(env) {
      const { id, userKey, record } = await env.created({ userId: "ada" });
      await env.store.revoke(ending(id));
      assert.equal((await env.other.create({ id, userKey, record })).status, "gone");
      assert.equal(isRecord(await env.store.read(id)), false);
      assert.deepEqual(await env.store.listUser(env.userKey("ada")), []);
      assert.equal(await env.store.count(), 0);
    },
  },
  {
    name: "a record stays for the reap grace after its expiry and then is gone",
    async run(env) {
      const { id } = await env.created();
      await env.clock.advance(IDLE + MINUTE);
      assert.equal((await env.record(id)).expiresAt < env.store.now(), true);
      await env.clock.advance(REAP_GRACE_MS);
      assert.equal(await env.store.read(id), null);
    },
  },
  {
    name: "touch moves the idle deadline, not data or revision",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await patch(env.store, id, [set("a", 1)]);
      const before = await env.record(id);
      await env.clock.advance(30 * MINUTE);
      const outcome = await env.other.touch({ id, minIntervalMs: 0, confirm: false });
      assert.equal(outcome.status, "touched");
      const after = await env.record(id);
      const moved = after.expiresAt - before.expiresAt;
      assert.ok(moved >= 30 * MINUTE && moved < 31 * MINUTE, `moved ${moved} ms`);
      assert.equal(after.revision, 1);
      assert.deepEqual(after.plainData(), { a: 1 });
      await env.clock.advance(45 * MINUTE);
      assert.equal(await env.store.count(), 1);
      assert.equal(await env.store.countUsers(), 1);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
    },
  },
  {
    name: "touch within the least interval stores nothing",
    async run(env) {
      const { id, record } = await env.created();
      await env.clock.advance(MINUTE);
      const outcome = await env.store.touch({ id, minIntervalMs: 5 * MINUTE, confirm: false });
      assert.equal(outcome.status, "touched");
      assert.deepEqual(await env.store.read(id), record);
    },
  },
  {
    name: "touch can note that the token came back, whatever the interval",
    async run(env) {
      const { id } = await env.created();
      await env.store.touch({ id, minIntervalMs: HOUR, confirm: true });
      assert.equal((await env.record(id)).confirmed, true);
    },
  },
  {
    name: "touch that notes that the token came back may give the session another idle timeout, once",
    async run(env) {
      const { id, record } = await env.created({ userId: "ada", idleMs: 10 * MINUTE });
      await env.clock.advance(9 * MINUTE);
      await env.store.touch({ id, minIntervalMs: HOUR, confirm: true, confirmedIdleMs: HOUR });
      const confirmed = await env.record(id, env.other);
      assert.deepEqual([confirmed.confirmed, confirmed.idleMs], [true, HOUR]);
      assert.equal(confirmed.expiresAt, confirmed.lastSeenAt + HOUR);
      assert.equal(confirmed.absoluteExpiresAt, record.readUIntBE(26, 6));
      await env.other.touch({ id, minIntervalMs: MINUTE, confirm: true, confirmedIdleMs: 10 * MINUTE });
      assert.deepEqual(await env.store.read(id), confirmed.bytes);
      await env.clock.advance(59 * MINUTE);
      assert.equal(await env.store.count(), 1);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
      await env.clock.advance(2 * MINUTE);
      assert.equal(await env.store.count(), 0);
      assert.equal(await env.store.countUsers(), 0);
      await env.clock.advance(REAP_GRACE_MS);
      assert.equal(await env.store.read(id), null);
    },
  },
  {
    name: "touch can say when the session is to end, sooner or later than before, never behind its absolute deadline",
    async run(env) {
      const { id, record } = await env.created({ userId: "ada", idleMs: 10 * MINUTE, absoluteMs: 3 * HOUR });
      await env.created({ userId: "ada", idleMs: 5 * MINUTE });
      const ends = async (store: Store, expiresAt: number): Promise<number> => {
        await store.touch({ id, minIntervalMs: 0, confirm: false, expiresAt });
        return (await env.record(id)).expiresAt;
      };
      const absolute = record.readUIntBE(26, 6);
      assert.equal(await ends(env.other, absolute + HOUR), absolute);
      const later = env.store.now() + HOUR;
      assert.equal(await ends(env.other, later), later);
      await env.clock.advance(59 * MINUTE);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
      const sooner = env.store.now() + 30_000;
      assert.equal(await ends(env.store, sooner), sooner);
      await env.clock.advance(MINUTE);
      assert.deepEqual([await env.store.count(), await env.store.countUsers()], [0, 0]);
      assert.equal((await env.store.touch({ id, minIntervalMs: 0, confirm: false, expiresAt: later })).status, "gone");
    },
  },
  {
    name: "D2 touch never moves the absolute deadline",
    async run(env) {
      const { id, record } = await env.created({ idleMs: IDLE, absoluteMs: 2 * IDLE });
      for (let i = 0; i < 2; i++) {
        await env.clock.advance(50 * MINUTE);
        assert.equal((await env.store.touch({ id, minIntervalMs: 0, confirm: false })).status, "touched");
      }
      const after = await env.record(id);
      assert.equal(after.expiresAt, record.readUIntBE(26, 6));
      await env.clock.advance(21 * MINUTE);
      assert.equal((await env.store.touch({ id, minIntervalMs: 0, confirm: false })).status, "gone");
      assert.equal(await env.store.count(), 0);
    },
  },
  {
    name: "F2 touch and patch in the reap grace revive nothing",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await env.clock.advance(IDLE + 1000);
      const before = await env.store.read(id);
      assert.equal((await env.store.touch({ id, minIntervalMs: 0, confirm: false })).status, "gone");
      assert.equal((await patch(env.store, id, [set("a", 1)])).status, "gone");
      assert.deepEqual(await env.store.read(id), before);
      assert.deepEqual(await env.store.listUser(env.userKey("ada")), []);
    },
  },
  {
    name: "revoke ends a session and says why for an hour",
    async run(env) {
      const { id, record } = await env.created({ userId: "ada" });
      await env.clock.advance(MINUTE);
      const outcome = await env.store.revoke({ id, reason: "stolen", actor: "admin-1" });
      assert.deepEqual(outcome, { ended: true, record: null });
      const tombstone = await env.other.read(id);
      assert.ok(tombstone !== null && !isRecord(tombstone));
      assert.equal(tombstone.reason, "stolen");
      assert.equal(tombstone.actor, "admin-1");
      assert.equal(tombstone.createdAt, record.readUIntBE(14, 6));
      assert.ok(Math.abs(tombstone.endedAt - env.store.now()) < 5000);
      assert.deepEqual(await env.store.revoke(ending(id)), { ended: true, record: null });
      await env.clock.advance(HOUR + 1000);
      assert.equal(await env.store.read(id), null);
      assert.deepEqual(await env.store.revoke(ending(id)), { ended: false, record: null });
    },
  },
  {
    name: "revoke of an id nobody knows is false",
    async run(env) {
      assert.deepEqual(await env.store.revoke(ending(env.made().id)), { ended: false, record: null });
    },
  },
  {
    name: "F1 a durable revoke or revokeUser is acknowledged, or its outcome is said to be unknown; it has ended either way",
    async run(env) {
      const durable = { durable: true };
      const [one, two] = [await env.created({ userId: "ada" }), await env.created({ userId: "bob" })];
      const endings = [
        () => env.store.revoke(ending(one.id), durable),
        () => env.store.revokeUser(endingUser(env.userKey("bob")), durable),
        () => env.store.revoke(ending(one.id), durable),
      ];
      for (const end of endings) {
        await end().catch((error: unknown) => {
          assert.ok(error instanceof StoreUnavailableError && error.outcome === "unknown", String(error));
        });
      }
      for (const { id } of [one, two]) {
        const outcome = await env.other.read(id);
        assert.ok(outcome !== null && !isRecord(outcome));
      }
      assert.equal((await env.store.revoke(ending(one.id), { durable: false })).ended, true);
    },
  },
  {
    name: "revoke answers the last record when its data is newer than the caller knows",
    async run(env) {
      const one = await env.created();
      const two = await env.created();
      await patch(env.other, one.id, [set("late", true)]);
      const { record } = await env.store.revoke({ ...ending(one.id), knownRevision: 0 });
      assert.ok(record !== null && record.readUInt32BE(4) === 1);
      assert.deepEqual(await env.store.revoke({ ...ending(two.id), knownRevision: 0 }), { ended: true, record: null });
    },
  },
  {
    name: "F2 nothing is written to a revoked session",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await env.store.revoke(ending(id, "logout"));
      const patched = await patch(env.other, id, [set("a", 1)]);
      assert.equal(patched.status, "gone");
      assert.equal(patched.status === "gone" ? patched.tombstone?.reason : null, "logout");
      assert.equal((await env.other.touch({ id, minIntervalMs: 0, confirm: false })).status, "gone");
      assert.equal(isRecord(await env.store.read(id)), false);
      assert.equal(await env.store.count(), 0);
      assert.equal(await env.store.countUsers(), 0);
    },
  },
  {
    name: "counts and lists are exact through create, revoke and expiry",
    async run(env) {
      const first = await env.created({ userId: "ada" });
      await env.created({ userId: "ada", idleMs: 2 * HOUR });
      await env.created({ userId: "grace" });
      await env.created();
      assert.equal(await env.store.count(), 4);
      assert.equal(await env.other.countUsers(), 2);
      await env.store.revoke(ending(first.id));
      assert.equal(await env.store.count(), 3);
      await env.clock.advance(IDLE + MINUTE);
      assert.equal(await env.store.count(), 1);
      assert.equal(await env.store.countUsers(), 1);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
      assert.deepEqual(await env.store.listUser(env.userKey("grace")), []);
      assert.deepEqual(await env.store.listUser(env.userKey("nobody")), []);
      await env.clock.advance(ABSOLUTE);
      assert.equal(await env.store.count(), 0);
      assert.equal(await env.store.countUsers(), 0);
    },
  },
  {
    name: "a session with a rotation block is touched, patched and revoked like any other",
    async run(env) {
      const rotation = {
        state: "pending",
        graceUntil: env.store.now(),
        since: env.store.now(),
        otherHash: Buffer.alloc(16, 1),
        wrap: Buffer.alloc(32, 2),
        wrapKeyId: 7,
      } as const;
      const { id } = await env.created({ userId: "ada", rotation });
      await patch(env.store, id, [set("a", "x")]);
      await env.store.touch({ id, minIntervalMs: 0, confirm: true });
      const record = await env.record(id);
      assert.deepEqual(record.rotation, rotation);
      assert.deepEqual(record.plainData(), { a: "x" });
      assert.equal((await env.store.revoke(ending(id))).ended, true);
    },
  },
  {
    name: "after close every call rejects with store_closed, and close may be called again",
    async run(env) {
      await env.store.close();
      await env.store.close();
      await assert.rejects(env.store.read(env.made().id), { code: "store_closed" });
    },
  },
];

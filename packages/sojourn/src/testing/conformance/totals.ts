/** Cases: totals of what began and ended. */

import assert from "node:assert/strict";
import { isRecord } from "../../store/store.ts";
import { COUNTED_REASONS } from "../../store/totals.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, endingUser, HOUR, IDLE, MINUTE } from "./environment.ts";

/** Real time that a case may take. */
const SLACK = 5_000;

function assertNear(actual: number, expected: number): void {
  assert.ok(actual >= expected && actual < expected + SLACK, `${actual} is not ${expected}`);
}

export const TOTALS: readonly ConformanceCase[] = [
  {
    name: "totals count each beginning and ending once, by reason, also when sent again",
    async run(env) {
      const zero = { created: 0, ended: new Map(), durationMs: 0, recent: { ended: 0, durationMs: 0 } };
      assert.deepEqual(await env.store.totals(), zero);
      const [first, second] = [await env.created({ userId: "ada" }), await env.created()];
      for (let i = 0; i < 3; i++) await env.created({ userId: "grace" });
      await env.other.create(second);
      await env.clock.advance(10 * MINUTE);
      for (const store of [env.store, env.other]) await store.revoke(ending(first.id, "logout"));
      await env.store.revoke(ending(second.id, "stolen"));
      await env.store.revokeUser(endingUser(env.userKey("grace")));
      await env.store.revokeUser(endingUser(env.userKey("grace")));
      await env.store.revoke(ending(env.made().id));
      const totals = await env.other.totals();
      assert.equal(totals.created, 5);
      assert.deepEqual(totals.ended, new Map(Object.entries({ logout: 1, stolen: 1, test: 3 })));
      assertNear(totals.durationMs, 50 * MINUTE);
      assert.deepEqual(totals.recent, { ended: 5, durationMs: totals.durationMs });
    },
  },
  {
    name: "a session that is ended after its expiry had ended by itself, whoever ends it",
    async run(env) {
      const [revoked, ofUser] = [await env.created({ userId: "ada" }), await env.created({ userId: "grace" })];
      await env.clock.advance(IDLE + MINUTE);
      await env.store.revoke({ id: revoked.id, reason: "logout", actor: "ada" });
      await env.store.revokeUser(endingUser(env.userKey("grace")));
      for (const { id, record } of [revoked, ofUser]) {
        const createdAt = record.readUIntBE(14, 6);
        const tombstone = await env.other.read(id);
        assert.deepEqual(tombstone, { reason: "expired", actor: null, createdAt, endedAt: createdAt + IDLE });
      }
      const totals = await env.store.totals();
      assert.deepEqual(totals.ended, new Map([["expired", 2]]));
      assert.equal(totals.durationMs, 2 * IDLE);
    },
  },
  {
    name: "totals of the last 24 hours forget what ended before",
    async run(env) {
      for (let hour = 0; hour < 30; hour++) {
        const { id } = await env.created();
        await env.clock.advance(HOUR / 2);
        await env.store.revoke(ending(id));
        await env.clock.advance(HOUR / 2);
      }
      const { ended, recent, durationMs } = await env.other.totals();
      assert.deepEqual(ended, new Map([["test", 30]]));
      // The clock stands at the end of an hour or a moment later: 24 hours and, counted by the hour, what is left of one.
      assert.ok(recent.ended === 24 || recent.ended === 25, `${recent.ended} in 24 hours`);
      assertNear(durationMs, 15 * HOUR);
      assertNear(recent.durationMs, (recent.ended * HOUR) / 2);
      await env.clock.advance(26 * HOUR);
      assert.deepEqual((await env.store.totals()).recent, { ended: 0, durationMs: 0 });
    },
  },
  {
    name: "sixteen reasons are counted by their names, however many there are",
    async run(env) {
      const reasons = Array.from({ length: COUNTED_REASONS }, (_, i) => `reason ${i}`);
      for (const reason of ["x".repeat(49), ...reasons, "y".repeat(49), ...reasons]) {
        await env.store.revoke(ending((await env.created({ userId: "ada" })).id, reason));
      }
      const { ended } = await env.store.totals();
      for (const reason of reasons) assert.equal(ended.get(reason), 2);
      assert.equal(ended.get("other"), 2);
      for (let i = 0; i < 200; i++) {
        await env.store.revoke(ending((await env.created({ userId: "ada" })).id, `ticket ${i}`));
      }
      const more = (await env.store.totals()).ended;
      assert.ok(more.size < 64, `${more.size} names`);
      assert.equal(
        [...more.values()].reduce((sum, count) => sum + count),
        234,
      );
    },
  },
  {
    name: "what a reason says in totals, its tombstone says in full",
    async run(env) {
      const { id } = await env.created();
      const reason = "✓".repeat(80);
      await env.store.revoke(ending(id, reason));
      const tombstone = await env.store.read(id);
      assert.ok(tombstone !== null && !isRecord(tombstone) && tombstone.reason === reason);
      assert.deepEqual((await env.store.totals()).ended, new Map([["other", 1]]));
    },
  },
];

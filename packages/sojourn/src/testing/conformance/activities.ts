/** Activities of sessions: the last ones, newest first, only of sessions that exist. */

import assert from "node:assert/strict";
import { type ActivityInput, isRecord } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, endingUser, HOUR, MINUTE } from "./environment.ts";

function activity(id: string, entry: string, more: Partial<ActivityInput> = {}): ActivityInput {
  return { id, entry, maxEntries: 5, keptMs: 30 * MINUTE, afterEnding: false, ...more };
}

export const ACTIVITIES: readonly ConformanceCase[] = [
  {
    name: "eraseUser forgets the activities of a user's sessions, ended ones too, and of nobody else",
    async run(env) {
      const grace = await env.created({ userId: "grace" });
      const made = await Promise.all(Array.from({ length: 30 }, () => env.created({ userId: "ada" })));
      for (const { id } of [grace, ...made]) await env.store.recordActivity(activity(id, "login"));
      await env.store.revoke(ending(made[0]?.id ?? ""));
      await env.store.revokeUser(endingUser(env.userKey("ada")));
      const { tombstonesUntil } = await env.other.eraseUser(env.userKey("ada"));
      assert.ok(Math.abs(tombstonesUntil - env.store.now() - HOUR) < MINUTE);
      for (const { id } of made) assert.deepEqual(await env.other.listActivity(id), []);
      assert.deepEqual(await env.other.listActivity(grace.id), ["login"]);
      const later = await env.created({ userId: "ada" });
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
      assert.deepEqual(await env.store.revokeUser(endingUser(env.userKey("ada"))), { ended: 1 });
      assert.equal(isRecord(await env.store.read(later.id)), false);
    },
  },
  {
    name: "activities are listed newest first, and only the last so many are kept",
    async run(env) {
      const [{ id }, other] = [await env.created({ userId: "ada" }), await env.created({ userId: "ada" })];
      for (let i = 1; i <= 7; i++) {
        assert.deepEqual(await env.store.recordActivity(activity(id, `é${i}`)), { status: "recorded" });
      }
      assert.deepEqual(await env.other.listActivity(id), ["é7", "é6", "é5", "é4", "é3"]);
      assert.deepEqual(await env.store.listActivity(other.id), []);
    },
  },
  {
    name: "G2 fifty recorders at once: none is lost",
    async run(env) {
      const { id } = await env.created();
      const entries = Array.from({ length: 50 }, (_, i) => `entry ${i}`);
      const record = (entry: string, i: number) =>
        (i % 2 === 0 ? env.store : env.other).recordActivity(activity(id, entry, { maxEntries: 100 }));
      await Promise.all(entries.map(record));
      assert.deepEqual((await env.store.listActivity(id)).toSorted(), entries.toSorted());
    },
  },
  {
    name: "an activity sent again is recorded once",
    async run(env) {
      const { id } = await env.created();
      await env.store.recordActivity(activity(id, "first"));
      await env.store.recordActivity(activity(id, "second"));
      assert.deepEqual(await env.other.recordActivity(activity(id, "first")), { status: "recorded" });
      assert.deepEqual(await env.store.listActivity(id), ["second", "first"]);
    },
  },
  {
    name: "no activity for a session that never was, is over, or has ended; the ending itself may be noted",
    async run(env) {
      const [never, over, ended] = [env.made(), await env.created(), await env.created({ idleMs: 4 * HOUR })];
      await env.store.recordActivity(activity(ended.id, "login", { keptMs: 8 * HOUR }));
      await env.clock.advance(HOUR + MINUTE);
      await env.store.revoke(ending(ended.id, "logout"));
      const outcomes = [
        await env.store.recordActivity(activity(never.id, "x", { afterEnding: true })),
        await env.store.recordActivity(activity(over.id, "x")),
        await env.store.recordActivity(activity(ended.id, "x")),
      ];
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ["gone", "gone", "gone"],
      );
      await env.store.recordActivity(activity(ended.id, "logout", { afterEnding: true }));
      assert.deepEqual(await env.store.listActivity(ended.id), ["logout", "login"]);
      assert.deepEqual(await env.store.listActivity(over.id), []);
      assert.deepEqual(await env.store.listActivity(never.id), []);
    },
  },
  {
    name: "activities are forgotten after their time, and late ones change nothing",
    async run(env) {
      const { id } = await env.created({ idleMs: 4 * HOUR });
      await env.store.recordActivity(activity(id, "old"));
      await env.clock.advance(31 * MINUTE);
      assert.deepEqual(await env.store.listActivity(id), []);
      const late = { notAfter: env.store.now() - 1000 };
      await assert.rejects(env.store.recordActivity(activity(id, "late"), late), { reason: "late" });
      await env.store.recordActivity(activity(id, "new"));
      assert.deepEqual(await env.store.listActivity(id), ["new"]);
    },
  },
];

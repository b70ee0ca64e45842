/** Values that the store keeps for other libraries. */

import assert from "node:assert/strict";
import type { Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { HOUR, MINUTE } from "./environment.ts";

const ID = "CBAAAAAAAAAAAAAAAAAAAAAA";
const OTHER_ID = "CBAAAAAAAAAAAAAAAAAAAAAQ";

async function set(store: Store, text: string, more: { lastsMs?: number; revives?: boolean } = {}): Promise<boolean> {
  const { lastsMs = HOUR, revives = true } = more;
  return store.values.set(ID, { value: Buffer.from(text), endsAt: store.now() + lastsMs, revives });
}

async function textOf(store: Store, id = ID): Promise<string | null> {
  return (await store.values.get(id))?.toString("latin1") ?? null;
}

export const VALUES: readonly ConformanceCase[] = [
  {
    name: "a value is answered until its time is over, the last one that was stored",
    async run({ store, other, clock }) {
      assert.equal(await textOf(store), null);
      assert.equal(await set(store, "\x00\xff first", { lastsMs: 10 * MINUTE }), true);
      assert.equal(await set(other, "second"), true);
      await clock.advance(59 * MINUTE);
      assert.deepEqual([await textOf(store), await textOf(other, OTHER_ID)], ["second", null]);
      await clock.advance(MINUTE);
      assert.deepEqual([await textOf(store), await other.values.take(ID)], [null, null]);
      assert.deepEqual([await store.count(), (await store.page({ cursor: null, limit: 10 })).items], [0, []]);
    },
  },
  {
    name: "of many who take a value at once one gets it",
    async run({ store, other }) {
      await set(store, "once");
      const taken = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? store : other).values.take(ID)),
      );
      assert.deepEqual(taken.filter((value) => value !== null).map(String), ["once"]);
      assert.equal(await textOf(other), null);
    },
  },
  {
    name: "F2 a value that was taken away comes back only for who may revive it, within ten minutes",
    async run({ store, other, clock }) {
      assert.equal(await set(store, "first", { revives: false }), true);
      assert.equal(await set(store, "second", { revives: false }), true);
      await other.values.take(ID);
      assert.equal(await set(store, "late", { revives: false }), false);
      assert.equal(await textOf(store), null);
      assert.equal(await set(store, "anew"), true);
      assert.equal(await set(other, "again", { revives: false }), true);
      assert.equal(await textOf(store), "again");
      await store.values.take(ID);
      await clock.advance(11 * MINUTE);
      assert.equal(await set(store, "much later", { revives: false }), true);
    },
  },
  {
    name: "increments add up, whoever counts, and end when the first was to",
    async run({ store, other, clock }) {
      const endsAt = store.now() + HOUR;
      const sums = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? store : other).values.increment(ID, endsAt + i * MINUTE)),
      );
      assert.deepEqual(
        sums.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
      assert.equal(await textOf(other), "20");
      await clock.advance(90 * MINUTE);
      assert.equal(await store.values.increment(ID, store.now() + HOUR), 1);
      await store.values.take(ID);
      assert.equal(await store.values.increment(ID, store.now() + HOUR), 1);
      for (const [text, sum] of [
        ["41", 42],
        ["999999999999999", 1_000_000_000_000_000],
        ["0", 1],
        ["01", null],
        ["-1", null],
        ["x", null],
        ["1000000000000000", null],
      ] as const) {
        await set(store, text);
        assert.deepEqual([text, await other.values.increment(ID, 0)], [text, sum]);
      }
    },
  },
  {
    name: "values that come late are refused",
    async run({ store }) {
      const late = { notAfter: store.now() - 1000 };
      const input = { value: Buffer.from("a"), endsAt: store.now() + HOUR, revives: true };
      await assert.rejects(store.values.set(ID, input, late), { reason: "late" });
      await assert.rejects(store.values.take(ID, late), { reason: "late" });
      await assert.rejects(store.values.increment(ID, store.now() + HOUR, late), { reason: "late" });
      assert.equal(await textOf(store), null);
    },
  },
  {
    name: "values sent again with their operation id are stored, taken and counted once",
    needs: "operation ids",
    async run({ store, other }) {
      const endsAt = store.now() + HOUR;
      for (const each of [store, other]) {
        assert.equal(await each.values.increment(ID, endsAt, { operationId: "count" }), 1);
      }
      assert.equal(await textOf(store), "1");
      for (const each of [store, other]) {
        assert.equal((await each.values.take(ID, { operationId: "take" }))?.toString(), "1");
      }
      const input = { value: Buffer.from("a"), endsAt, revives: true };
      await store.values.set(ID, input, { operationId: "set" });
      await store.values.take(ID);
      await other.values.set(ID, input, { operationId: "set" });
      assert.equal(await textOf(store), null);
    },
  },
];

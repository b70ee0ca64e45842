/** Cases: values of other libraries that are taken out of a store, and values that arrive. */

import assert from "node:assert/strict";
import { bucketOf } from "../../data/session-id.ts";
import type { Store } from "../../store/store.ts";
import { packedValue, unpackedValue, valueName } from "../../store/transfer.ts";
import type { ConformanceCase } from "./case.ts";
import { type Environment, HOUR, MINUTE } from "./environment.ts";

const ID = "CBAAAAAAAAAAAAAAAAAAAAAA";
const OTHER_ID = "CBAAAAAAAAAAAAAAAAAAAAAQ";
const BUCKET = bucketOf(ID);

function valueCase(name: string, run: (env: Environment) => Promise<void>): ConformanceCase {
  return { name, needs: "transfer", run };
}

async function set(store: Store, id: string, text: string, { lastsMs = HOUR, revives = true } = {}): Promise<boolean> {
  return store.values.set(id, { value: Buffer.from(text), endsAt: store.now() + lastsMs, revives });
}

async function textOf(store: Store, id: string): Promise<string | null> {
  return (await store.values.get(id))?.toString() ?? null;
}

/** As it comes from elsewhere. */
function arriving(store: Store, id: string, text: string, lastsMs = HOUR) {
  return { id: valueName(id), record: packedValue(Buffer.from(text), store.now() + lastsMs) };
}

export const VALUE_TRANSFERS: readonly ConformanceCase[] = [
  valueCase("values are listed by bucket until they end, with those that are remembered as taken", async (env) => {
    const listed = (limit = 10): Promise<string[]> => env.store.transfer.valueIds(BUCKET, limit);
    await set(env.other, ID, "a", { lastsMs: 30 * MINUTE });
    await env.other.values.increment(OTHER_ID, env.store.now() + HOUR);
    assert.deepEqual((await listed()).toSorted(), [ID, OTHER_ID]);
    assert.equal((await listed(1)).length, 1);
    assert.deepEqual(await env.store.transfer.valueIds(BUCKET + 1, 10), []);
    await env.clock.advance(31 * MINUTE);
    assert.deepEqual(await listed(), [OTHER_ID]);
    await env.other.values.take(OTHER_ID);
    assert.deepEqual(await listed(), [OTHER_ID]);
    await env.clock.advance(11 * MINUTE);
    assert.deepEqual(await listed(), []);
  }),
  valueCase("takeValueAway leaves nothing, and answers value and end until it is settled", async (env) => {
    const endsAt = env.store.now() + HOUR;
    await set(env.other, ID, "kept");
    await env.clock.advance(MINUTE);
    const taken = await env.store.transfer.takeValueAway(ID);
    assert.ok(taken !== null);
    assert.equal(unpackedValue(taken).value.toString(), "kept");
    assert.ok(Math.abs(unpackedValue(taken).endsAt - endsAt) < 2_000);
    assert.deepEqual(await env.other.transfer.takeValueAway(ID), taken);
    assert.deepEqual([await textOf(env.other, ID), await env.other.values.take(ID)], [null, null]);
    assert.deepEqual(await env.store.transfer.valueIds(BUCKET, 10), []);
    assert.deepEqual(await env.other.transfer.taken(BUCKET), [valueName(ID)]);
    await env.other.transfer.settle(valueName(ID));
    assert.deepEqual(await env.store.transfer.taken(), []);
    assert.equal(await env.store.transfer.takeValueAway(ID), null);
  }),
  valueCase("admitValue stores it for the rest of its time, once, and a number counts on", async (env) => {
    const arrival = arriving(env.store, ID, "41");
    assert.equal(await env.store.transfer.admitValue(arrival), "admitted");
    assert.equal(await env.other.transfer.admitValue(arrival), "known");
    assert.equal(await env.other.values.increment(ID, 0), 42);
    assert.deepEqual(await env.store.transfer.valueIds(BUCKET, 10), [ID]);
    await env.clock.advance(HOUR);
    assert.equal(await textOf(env.other, ID), null);
    assert.equal(await env.store.transfer.admitValue(arrival), "known");
    assert.equal(await env.store.transfer.admitValue(arriving(env.store, OTHER_ID, "over", 0)), "refused");
    assert.deepEqual([await textOf(env.store, OTHER_ID), await env.store.count()], [null, 0]);
  }),
  valueCase("F2 what was deleted stays so: here, and where its deletion arrives", async (env) => {
    await set(env.store, ID, "first");
    await env.store.values.take(ID);
    assert.equal(await env.other.transfer.admitValue(arriving(env.store, ID, "old")), "known");
    assert.equal(await textOf(env.store, ID), null);
    const deleted = await env.store.transfer.takeValueAway(ID);
    assert.ok(deleted !== null && unpackedValue(deleted).value.length === 0);
    assert.equal(await env.store.transfer.admitValue({ id: valueName(OTHER_ID), record: deleted }), "admitted");
    assert.equal(await set(env.other, OTHER_ID, "late", { revives: false }), false);
    assert.deepEqual([await textOf(env.store, OTHER_ID), await env.store.values.take(OTHER_ID)], [null, null]);
    await env.store.transfer.admitValue(arriving(env.store, "DBAAAAAAAAAAAAAAAAAAAAAA", "kept", 3 * HOUR));
    await env.other.values.take("DBAAAAAAAAAAAAAAAAAAAAAA");
    await env.clock.advance(HOUR);
    const again = arriving(env.store, "DBAAAAAAAAAAAAAAAAAAAAAA", "kept", HOUR);
    assert.equal(await env.other.transfer.admitValue(again), "known");
    assert.equal(await textOf(env.store, "DBAAAAAAAAAAAAAAAAAAAAAA"), null);
  }),
  valueCase("sessions and values that have left may be admitted again", async (env) => {
    const made = env.made({ userId: "ada" });
    await env.store.transfer.admit(made);
    await env.store.transfer.admitValue(arriving(env.store, ID, "a"));
    await env.other.transfer.takeAway(made.id);
    const record = await env.other.transfer.takeValueAway(ID);
    assert.ok(record !== null);
    for (const name of await env.store.transfer.taken()) await env.store.transfer.settle(name);
    assert.equal(await env.store.transfer.admit(made), "admitted");
    assert.equal(await env.store.transfer.admitValue({ id: valueName(ID), record }), "admitted");
    assert.deepEqual(await env.other.read(made.id), made.record);
    assert.equal(await textOf(env.other, ID), "a");
  }),
  valueCase("a takeValueAway or an admitValue past its notAfter changes nothing", async (env) => {
    await set(env.store, ID, "a");
    const call = { notAfter: env.store.now() - 1 };
    await assert.rejects(env.store.transfer.takeValueAway(ID, call), { reason: "late", outcome: "not_executed" });
    const arrival = arriving(env.store, OTHER_ID, "b");
    await assert.rejects(env.store.transfer.admitValue(arrival, call), { reason: "late", outcome: "not_executed" });
    assert.deepEqual([await textOf(env.store, ID), await textOf(env.store, OTHER_ID)], ["a", null]);
  }),
];

/** Cases: patch. */

import assert from "node:assert/strict";
import type { FieldChange, StoredChange } from "../../data/field-patch.ts";
import { REAP_GRACE_MS } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, IDLE, MAX_BYTES, MINUTE, patch, set } from "./environment.ts";

const increment = (name: string, by: number): FieldChange => ({ kind: "increment", name, by });
const seal = (name: string, bytes: Buffer): StoredChange => ({ kind: "seal", name, bytes });
const remove = (name: string): FieldChange => ({ kind: "delete", name });

export const DATA_WRITES: readonly ConformanceCase[] = [
  {
    name: "patch sets, deletes and increments in order, and counts one revision",
    async run(env) {
      const { id } = await env.created();
      const first = await patch(env.store, id, [set("a", [1, 2]), set("b", "x"), increment("n", 5)]);
      assert.deepEqual(first, { status: "patched", previousRevision: 0, revision: 1, increments: [5] });
      const second = await patch(env.other, id, [
        remove("a"),
        set("a", null),
        remove("b"),
        remove("never"),
        increment("n", -7),
        increment("n", 1),
      ]);
      assert.deepEqual(second, { status: "patched", previousRevision: 1, revision: 2, increments: [-2, -1] });
      assert.deepEqual(await env.data(id), { a: null, n: -1 });
      assert.deepEqual(Object.keys(await env.data(id)).toSorted(), ["a", "n"]);
    },
  },
  {
    name: "patch under a revision that is not the stored one answers the current record and changes nothing",
    async run(env) {
      const { id } = await env.created();
      await patch(env.store, id, [set("a", 1)]);
      const outcome = await patch(env.other, id, [set("a", 2)], { expectedRevision: 0 });
      assert.equal(outcome.status, "conflict");
      assert.deepEqual(outcome.status === "conflict" ? outcome.record : null, await env.store.read(id));
      assert.deepEqual(await env.data(id), { a: 1 });
      assert.equal((await patch(env.other, id, [set("a", 2)], { expectedRevision: 1 })).status, "patched");
    },
  },
  {
    name: "patch moves no deadline",
    async run(env) {
      const { id, record } = await env.created();
      await env.clock.advance(30 * MINUTE);
      await patch(env.store, id, [set("a", 1)]);
      const after = await env.record(id);
      assert.equal(after.lastSeenAt, record.readUIntBE(20, 6));
      await env.clock.advance(IDLE - 30 * MINUTE + REAP_GRACE_MS + MINUTE);
      assert.equal(await env.store.read(id), null);
    },
  },
  {
    name: "M3 patch over maxBytes is refused to the byte, and the old value stays",
    async run(env) {
      const { id } = await env.created();
      await patch(env.store, id, [set("keep", "old")]);
      const used = "keep".length + '"old"'.length;
      const fits = "x".repeat(MAX_BYTES - used - "big".length - 2);
      const refused = await patch(env.store, id, [set("keep", "new"), set("big", `${fits}y`)]);
      assert.equal(refused.status, "too_large");
      assert.deepEqual(await env.data(id), { keep: "old" });
      assert.equal((await patch(env.store, id, [set("big", fits)])).status, "patched");
      const shrunk = await patch(env.store, id, [set("keep", "o")], { maxBytes: 100 });
      assert.equal(shrunk.status, "patched");
      assert.equal((await patch(env.store, id, [set("keep", "older")], { maxBytes: 100 })).status, "too_large");
    },
  },
  {
    name: "M3 patch refuses the 257th field",
    async run(env) {
      const { id } = await env.created();
      const all = Array.from({ length: 256 }, (_, i) => set(`f${i}`, i));
      assert.equal((await patch(env.store, id, all)).status, "patched");
      assert.equal((await patch(env.store, id, [set("one more", 1)])).status, "too_many_fields");
      assert.equal((await patch(env.store, id, [remove("f0"), set("one more", 1)])).status, "patched");
      assert.equal((await env.record(id)).fieldCount, 256);
    },
  },
  {
    name: "increment refuses what is no safe integer, and changes nothing of its patch",
    async run(env) {
      const { id } = await env.created();
      const values = ['"5"', "1.5", "1e3", "true", "[1]", "null", "9007199254740993", "-0", "01"];
      for (const json of values) {
        await patch(env.store, id, [{ kind: "set", name: "v", json }]);
        const outcome = await patch(env.store, id, [set("other", 1), increment("v", 1)]);
        assert.deepEqual(outcome, { status: "wrong_kind", name: "v" }, json);
        assert.equal(
          Object.hasOwn(
            (await env.record(id)).fields().map((field) => field.name),
            "other",
          ),
          false,
        );
      }
      await patch(env.store, id, [set("v", Number.MAX_SAFE_INTEGER)]);
      assert.equal((await patch(env.store, id, [increment("v", 1)])).status, "wrong_kind");
      const down = await patch(env.store, id, [increment("v", -Number.MAX_SAFE_INTEGER)]);
      assert.deepEqual(down.status === "patched" ? down.increments : null, [0]);
    },
  },
  {
    name: "increment is exact up to the largest safe integer, either way",
    async run(env) {
      for (const n of [9007199254740989, 9007199254740990, Number.MAX_SAFE_INTEGER]) {
        for (const by of [n, -n]) {
          const { id } = await env.created();
          const outcome = await patch(env.store, id, [increment("n", by), increment("n", 0)]);
          assert.deepEqual(outcome, { status: "patched", previousRevision: 0, revision: 1, increments: [by, by] });
          assert.deepEqual(await env.data(id), { n: by });
        }
      }
    },
  },
  {
    name: "N1 patch keeps names and values exactly: prototypes' names, empty strings, any Unicode",
    async run(env) {
      const { id } = await env.created();
      const data: Record<string, unknown> = {
        constructor: { prototype: { a: 1 } },
        toString: "x",
        "ключ 🗝": "värde ☃ \u0000 \u2028",
        'a,b{}[]"': [",", "]", '"'],
        ["n".repeat(128)]: "",
        nested: JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
      };
      await patch(
        env.store,
        id,
        Object.entries(data).map(([name, value]) => set(name, value)),
      );
      await patch(env.other, id, [remove("toString"), set("last", 1)]);
      delete data["toString"];
      assert.deepEqual(JSON.stringify(await env.data(id)), JSON.stringify({ ...data, last: 1 }));
      assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
    },
  },
  {
    name: "patch leaves encrypted fields byte for byte where it does not set them",
    async run(env) {
      const secret = Buffer.from([0, 255, 44, 34, 10, 128]);
      const fields = [
        { name: "plain", encrypted: false, bytes: Buffer.from("1") },
        { name: "hidden", encrypted: true, bytes: secret },
        { name: "other", encrypted: true, bytes: Buffer.alloc(40, 7) },
      ];
      const { id } = await env.created({ fields });
      await patch(env.store, id, [set("plain", "longer than before"), set("added", true), remove("other")]);
      const after = (await env.record(id)).fields();
      assert.deepEqual(after.find((field) => field.name === "hidden")?.bytes, secret);
      assert.deepEqual(await env.data(id), { plain: "longer than before", added: true });
      assert.deepEqual(await patch(env.store, id, [increment("hidden", 1)]), { status: "wrong_kind", name: "hidden" });
    },
  },
  {
    name: "patch keeps ciphertext byte for byte and marked, in place of a plain value and the other way round",
    async run(env) {
      const { id } = await env.created();
      await patch(env.store, id, [set("a", 1), set("b", "x")]);
      const bytes = Buffer.from([0, 44, 255, 10, 128, 34, 0]);
      assert.equal((await patch(env.store, id, [seal("a", bytes), seal("empty", Buffer.alloc(0))])).status, "patched");
      const sealed = (await env.record(id)).fields().filter((field) => field.encrypted);
      assert.deepEqual(
        sealed.map(({ name, bytes: stored }) => [name, stored.toString("hex")]),
        [
          ["a", bytes.toString("hex")],
          ["empty", ""],
        ],
      );
      assert.deepEqual(await env.data(id), { b: "x" });
      await patch(env.other, id, [set("a", 2), increment("a", 1), remove("empty")]);
      assert.deepEqual(await env.data(id), { a: 3, b: "x" });
      const large = Buffer.alloc(MAX_BYTES, 7);
      assert.equal((await patch(env.store, id, [seal("a", large)])).status, "too_large");
      assert.deepEqual(await env.data(id), { a: 3, b: "x" });
    },
  },
  {
    name: "patch under a guard answers the current record and changes nothing unless the guarded field is as stated",
    async run(env) {
      const { id } = await env.created();
      const absent = { name: "v", json: null };
      const two = { name: "v", json: "2" };
      const refused = await patch(env.store, id, [set("a", 1)], { guard: two });
      assert.deepEqual(refused, { status: "conflict", record: await env.store.read(id) });
      assert.equal((await patch(env.store, id, [set("v", 2)], { guard: absent })).status, "patched");
      assert.equal((await patch(env.other, id, [set("a", 1)], { guard: absent })).status, "conflict");
      for (const json of ["1", "22", '"2"', "2 "]) {
        assert.equal(
          (await patch(env.other, id, [set("a", 1)], { guard: { name: "v", json } })).status,
          "conflict",
          json,
        );
      }
      assert.deepEqual(await env.data(id), { v: 2 });
      assert.equal((await patch(env.other, id, [set("a", 1)], { guard: two })).status, "patched");
      await patch(env.store, id, [seal("v", Buffer.from("2"))]);
      assert.equal((await patch(env.other, id, [set("a", 2)], { guard: two })).status, "conflict");
      assert.deepEqual(await env.data(id), { a: 1 });
    },
  },
  {
    name: "a corrupt record is not patched, and can be ended",
    async run(env) {
      const made = env.made({ userId: "ada", fields: [{ name: "a", encrypted: false, bytes: Buffer.from('"abc"') }] });
      for (const corrupt of [made.record.subarray(0, -2), Buffer.concat([made.record, Buffer.from("x")])]) {
        const { id, userKey } = env.made({ userId: "ada" });
        await env.store.create({ id, userKey, record: corrupt });
        assert.equal((await patch(env.store, id, [set("b", 1)])).status, "gone");
        assert.deepEqual(await env.store.read(id), corrupt);
        assert.equal((await env.store.revoke({ ...ending(id), knownRevision: 0 })).ended, true);
      }
      assert.deepEqual(await env.store.listUser(env.userKey("ada")), []);
    },
  },
  {
    name: "a record of version 0, which never was, is corrupt: not patched, and can be ended",
    async run(env) {
      const made = env.made();
      const old = Buffer.from(made.record);
      old.writeUInt8(0, 0);
      await env.store.create({ ...made, record: old });
      assert.equal((await patch(env.store, made.id, [set("a", 1)])).status, "gone");
      assert.deepEqual(await env.store.read(made.id), old);
      assert.equal((await env.store.revoke(ending(made.id))).ended, true);
    },
  },
  {
    name: "a record of a newer version is not patched and stays as it is",
    async run(env) {
      const made = env.made();
      const newer = Buffer.from(made.record);
      newer.writeUInt8(2, 0);
      await env.store.create({ ...made, record: newer });
      await assert.rejects(patch(env.store, made.id, [set("a", 1)]), { reason: "unsupported_record" });
      assert.deepEqual(await env.store.read(made.id), newer);
    },
  },
];

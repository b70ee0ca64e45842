import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applicationFieldName } from "../../test/fixtures/records/arbitrary.ts";
import { EncryptionKeyMissingError, InvalidNameError, type InvalidValueError } from "../errors.ts";
import { deepFreeze } from "./codec.ts";
import { dataFrom, draftChanges, type FieldText, textsAfter, valueFrom } from "./draft.ts";
import { applyFieldChanges } from "./field-patch.ts";
import { encodeRecord, type RecordField } from "./record.ts";
import { SessionRecord } from "./session-record.ts";

const HEADER = {
  confirmed: false,
  locked: false,
  aal: 0,
  revision: 0,
  generation: 0,
  floor: 0,
  createdAt: 1_000,
  lastSeenAt: 2_000,
  absoluteExpiresAt: 9_000,
  idleMs: 3_000,
  authenticatedAt: 1_500,
  userEpoch: 0,
  tokenHash: Buffer.alloc(16),
};

type Data = Record<string, unknown>;

function texts(data: Readonly<Data>): Map<string, string> {
  return new Map(Object.entries(data).map(([key, each]) => [key, JSON.stringify(each)]));
}

/** What stored data becomes when the changes between the two are applied to it. */
function storedAfter(before: Data, after: Data): Data {
  const fields: RecordField[] = Object.entries(before).map(([name, value]) => ({
    name,
    encrypted: false,
    bytes: Buffer.from(JSON.stringify(value)),
  }));
  const record = encodeRecord({ header: HEADER, user: null, rotation: null, metadata: { policy: "normal" }, fields });
  const result = applyFieldChanges(record, draftChanges(texts(before), after), 1_000_000);
  if (result.status !== "patched") throw new Error(result.status);
  return new SessionRecord(result.record).plainData();
}

/** JSON values as storing gives them back: no -0. */
const value = fc.jsonValue({ maxDepth: 2 }).map((each) => JSON.parse(JSON.stringify(each)) as unknown);
const name = fc.oneof(
  { arbitrary: fc.constantFrom("a", "b", "constructor", "toString", "hasOwnProperty", "0"), weight: 3 },
  applicationFieldName,
);
const data: fc.Arbitrary<Data> = fc
  .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 })
  .map((entries) => Object.fromEntries(entries));

describe("draftChanges", () => {
  test("exactly the fields that changed; applied to the base they give the draft", () => {
    fc.assert(
      fc.property(data, data, fc.uniqueArray(name), (before, other, kept) => {
        const unchanged = Object.fromEntries(Object.entries(before).filter(([key]) => kept.includes(key)));
        const after = { ...other, ...unchanged };
        const changed = new Set(
          [...Object.keys(before), ...Object.keys(after)].filter((key) => textOf(before, key) !== textOf(after, key)),
        );
        expect(new Set(draftChanges(texts(before), after).map((change) => change.name))).toEqual(changed);
        expect(storedAfter(before, after)).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });

  test("nothing changed, nothing to write", () => {
    fc.assert(
      fc.property(data, (before) => {
        expect(draftChanges(texts(before), dataFrom(texts(before)))).toEqual([]);
      }),
    );
  });

  test("set, delete and undefined", () => {
    const before = { a: 1, b: { c: 2 }, d: 3, e: 4 };
    expect(draftChanges(texts(before), { a: 1, b: { c: 3 }, d: undefined, f: [] })).toEqual([
      { kind: "set", name: "b", json: '{"c":3}' },
      { kind: "set", name: "f", json: "[]" },
      { kind: "delete", name: "d" },
      { kind: "delete", name: "e" },
    ]);
  });

  test.each(["constructor", "toString", "hasOwnProperty", "valueOf"])(
    "N1 a field named %s is set and deleted like any other",
    (inherited) => {
      const change = { kind: "set", name: inherited, json: "1" };
      expect(draftChanges(texts({}), { [inherited]: 1 })).toEqual([change]);
      expect(draftChanges(texts({ [inherited]: 1 }), {})).toEqual([{ kind: "delete", name: inherited }]);
      expect(draftChanges(texts({ [inherited]: 1 }), { [inherited]: 1 })).toEqual([]);
    },
  );

  test("N1 a draft whose prototype was set loses its fields, and no prototype is written", () => {
    const draft = dataFrom(texts({ a: 1 }));
    draft["__proto__"] = { b: 2 };
    delete draft["a"];
    expect(draftChanges(texts({ a: 1, b: 3 }), draft)).toEqual([
      { kind: "delete", name: "a" },
      { kind: "delete", name: "b" },
    ]);
    expect(Reflect.has({}, "b")).toBe(false);
  });

  test("an own __proto__ is refused", () => {
    expect(() => draftChanges(texts({}), JSON.parse('{"__proto__":1}') as Data)).toThrow(InvalidNameError);
  });

  test.each([
    ["a Date", { seen: { at: new Date(0) } }, "seen.at"],
    ["a Map", { cart: new Map() }, "cart"],
    ["NaN", { list: [0, Number.NaN] }, "list[1]"],
  ])("refuses %s with its path", (_, after, path) => {
    expect(() => draftChanges(texts({}), after)).toThrow(expect.objectContaining({ path }) as InvalidValueError);
  });
});

function textOf(from: Data, key: string): string | undefined {
  return Object.hasOwn(from, key) ? JSON.stringify(from[key]) : undefined;
}

describe("dataFrom", () => {
  test("gives back what was stored, and shares nothing with anybody", () => {
    fc.assert(
      fc.property(data, (before) => {
        const stored = texts(before);
        expect(dataFrom(stored)).toEqual(before);
        expect(Object.keys(dataFrom(stored)).toSorted()).toEqual(Object.keys(before).toSorted());
      }),
    );
    const stored = texts({ list: [{ n: 1 }] });
    (dataFrom(stored)["list"] as unknown[]).push(2);
    expect(dataFrom(stored)).toEqual({ list: [{ n: 1 }] });
  });
});

describe("a field that cannot be read", () => {
  const why = new EncryptionKeyMissingError("id", "b");
  const stored = new Map<string, FieldText>([
    ["a", "1"],
    ["b", why],
    ["c", "[3]"],
  ]);

  test("throws where it is read, and stands between the others", () => {
    const draft = dataFrom(stored);
    expect([draft["a"], draft["c"], Object.keys(draft)]).toEqual([1, [3], ["a", "b", "c"]]);
    expect(() => draft["b"]).toThrow(why);
    expect(() => ({ ...draft })).toThrow(why);
    expect(() => valueFrom(stored, "b")).toThrow(why);
    expect(valueFrom(stored, "c")).toEqual([3]);
  });

  test("is left alone by what changes others, can be replaced and deleted", () => {
    const changesOf = (change: (draft: Data) => void) => {
      const draft = dataFrom(stored);
      change(draft);
      return draftChanges(stored, draft);
    };
    expect(changesOf(() => undefined)).toEqual([]);
    expect(changesOf((draft) => void (draft["a"] = 2))).toEqual([{ kind: "set", name: "a", json: "2" }]);
    expect(changesOf((draft) => void (draft["b"] = 2))).toEqual([{ kind: "set", name: "b", json: "2" }]);
    expect(changesOf((draft) => void delete draft["b"])).toEqual([{ kind: "delete", name: "b" }]);
    expect(changesOf((draft) => void (draft["b"] = undefined))).toEqual([{ kind: "delete", name: "b" }]);
  });

  test("does not stand in the way of freezing", () => {
    const frozen = dataFrom(stored);
    deepFreeze(frozen);
    expect([Object.isFrozen(frozen), Object.isFrozen(frozen["c"])]).toEqual([true, true]);
    expect(() => frozen["b"]).toThrow(why);
  });
});

describe("textsAfter", () => {
  test("follows the changes and leaves the base as it was", () => {
    fc.assert(
      fc.property(data, data, (before, after) => {
        const base = texts(before);
        expect(dataFrom(textsAfter(base, draftChanges(base, after)))).toEqual(after);
        expect(dataFrom(base)).toEqual(before);
      }),
    );
  });
});

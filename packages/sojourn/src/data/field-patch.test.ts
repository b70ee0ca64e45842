import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldName, jsonText, recordParts } from "../../test/fixtures/records/arbitrary.ts";
import { applyFieldChanges, dataBytes, type FieldChange } from "./field-patch.ts";
import { encodeRecord, MAX_FIELDS, OFFSET, type RecordField, type RecordParts } from "./record.ts";
import { CorruptRecordError, SessionRecord, UnsupportedRecordError } from "./session-record.ts";

const PARTS: RecordParts = {
  header: {
    confirmed: true,
    locked: false,
    aal: 1,
    revision: 41,
    generation: 2,
    floor: 1,
    createdAt: 1_000,
    lastSeenAt: 2_000,
    absoluteExpiresAt: 9_000,
    idleMs: 3_000,
    authenticatedAt: 1_500,
    userEpoch: 700,
    tokenHash: Buffer.alloc(16, 0xab),
  },
  user: { id: "ada", hash: "0123456789abcdef" },
  rotation: {
    state: "pending",
    graceUntil: 4_000,
    since: 4_000,
    otherHash: Buffer.alloc(16, 1),
    wrap: Buffer.alloc(32, 2),
    wrapKeyId: 3,
  },
  metadata: { policy: "normal", device: { ip: "192.0.2.1" } },
  fields: [],
};
const NO_LIMIT = 1_000_000;

function plain(name: string, json: string): RecordField {
  return { name, encrypted: false, bytes: Buffer.from(json, "utf8") };
}

function encrypted(name: string, length: number): RecordField {
  return { name, encrypted: true, bytes: Buffer.alloc(length, 0xee) };
}

function recordOf(fields: readonly RecordField[]): Buffer {
  return encodeRecord({ ...PARTS, fields });
}

function set(name: string, json: string): FieldChange {
  return { kind: "set", name, json };
}

function remove(name: string): FieldChange {
  return { kind: "delete", name };
}

function increment(name: string, by: number): FieldChange {
  return { kind: "increment", name, by };
}

/** Field names and their stored text after the changes, or the status that refused them. */
function patched(fields: readonly RecordField[], changes: readonly FieldChange[], maxBytes = NO_LIMIT) {
  const result = applyFieldChanges(recordOf(fields), changes, maxBytes);
  if (result.status !== "patched") return result;
  return new SessionRecord(result.record).fields().map(({ name, bytes }) => [name, bytes.toString("utf8")]);
}

interface Expected {
  readonly status: string;
  readonly fields: RecordField[];
  readonly increments: number[];
}

/** The same rules without care for speed: a Map, and BigInt where numbers could round. */
function model(before: readonly RecordField[], changes: readonly FieldChange[], maxBytes: number): Expected {
  const fields = new Map(before.map((field) => [field.name, field]));
  const increments: number[] = [];
  for (const change of changes) {
    if (change.kind === "set") fields.set(change.name, plain(change.name, change.json));
    if (change.kind === "delete") fields.delete(change.name);
    if (change.kind !== "increment") continue;
    const sum = modelSum(fields.get(change.name), change.by);
    if (sum === null) return { status: "wrong_kind", fields: [...before], increments: [] };
    increments.push(Number(sum));
    fields.set(change.name, plain(change.name, String(sum)));
  }
  const after = [...fields.values()];
  const size = sizeOf(after);
  if (after.length > MAX_FIELDS) return { status: "too_many_fields", fields: [...before], increments: [] };
  if (size > Math.max(maxBytes, sizeOf(before))) return { status: "too_large", fields: [...before], increments: [] };
  return { status: "patched", fields: after, increments };
}

function modelSum(field: RecordField | undefined, by: number): bigint | null {
  const text = field?.bytes.toString("utf8") ?? "0";
  const isInteger = /^-?[0-9]+$/.test(text) && String(BigInt(text)) === text;
  if (field?.encrypted === true || !isInteger || !isSafe(BigInt(text))) return null;
  const sum = BigInt(text) + BigInt(by);
  return isSafe(sum) ? sum : null;
}

function isSafe(n: bigint): boolean {
  return n >= -(2n ** 53n) + 1n && n <= 2n ** 53n - 1n;
}

function sizeOf(fields: readonly RecordField[]): number {
  let size = 0;
  for (const { name, bytes } of fields) size += Buffer.from(name, "utf8").length + bytes.length;
  return size;
}

const names = ["a", "b", "counter", "constructor", "toString", "é", "n".repeat(128)];
const name = fc.oneof({ arbitrary: fc.constantFrom(...names), weight: 4 }, fieldName);
const step = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -3, max: 3 })).map((by) => by + 0);
const change: fc.Arbitrary<FieldChange> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), name, json: jsonText }),
  fc.record({ kind: fc.constant("delete" as const), name }),
  fc.record({ kind: fc.constant("increment" as const), name, by: step }),
);
const batch = fc.record({
  changes: fc.array(change, { maxLength: 6 }),
  maxBytes: fc.oneof(fc.nat(400), fc.constant(NO_LIMIT)),
});

describe("applyFieldChanges against a model", () => {
  test("any sequence of batches leaves the fields, order, size and answers of the model", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(recordParts(6), fc.array(batch, { maxLength: 8 }), (parts, batches) => {
        const directoryAt = encodeRecord({ ...parts, fields: [] }).length;
        let record = encodeRecord({ ...parts, header: { ...parts.header, revision: 7 } });
        let fields: RecordField[] = [...parts.fields];
        let revision = 7;
        for (const { changes, maxBytes } of batches) {
          const before = Buffer.from(record);
          const expected = model(fields, changes, maxBytes);
          const result = applyFieldChanges(record, changes, maxBytes);
          seen.set(result.status, (seen.get(result.status) ?? 0) + 1);
          expect(result.status).toBe(expected.status);
          expect(record).toEqual(before);
          if (result.status !== "patched") continue;
          revision += 1;
          fields = expected.fields;
          record = result.record;
          expect(result.increments).toEqual(expected.increments);
          expect(new SessionRecord(record).fields()).toEqual(fields);
          expect(dataBytes(fields)).toBe(sizeOf(fields));
          expect(record).toEqual(encodeRecord({ ...parts, header: { ...parts.header, revision }, fields }));
          expect(untouched(record, directoryAt)).toEqual(untouched(before, directoryAt));
        }
      }),
      { numRuns: 300 },
    );
    for (const status of ["patched", "wrong_kind", "too_large"]) expect(seen.get(status), status).toBeGreaterThan(20);
  });
});

/** Header, user, rotation and metadata but for the two header fields that a patch writes. */
function untouched(record: Buffer, directoryAt: number): Buffer {
  const copy = Buffer.from(record.subarray(0, directoryAt));
  copy.fill(0, OFFSET.revision, OFFSET.revision + 4);
  copy.fill(0, OFFSET.fieldCount, OFFSET.fieldCount + 2);
  return copy;
}

describe("set and delete", () => {
  test("a set field keeps its place, a new one comes last, a deleted and set one too", () => {
    const fields = [plain("a", "1"), plain("b", "2"), plain("c", "3")];
    expect(patched(fields, [set("b", "20"), set("d", "4")])).toEqual([
      ["a", "1"],
      ["b", "20"],
      ["c", "3"],
      ["d", "4"],
    ]);
    expect(patched(fields, [remove("a"), set("a", "5")])).toEqual([
      ["b", "2"],
      ["c", "3"],
      ["a", "5"],
    ]);
  });

  test("changes of one name are applied in order", () => {
    expect(patched([], [set("a", "1"), increment("a", 2), set("b", "0"), remove("b"), increment("a", 3)])).toEqual([
      ["a", "6"],
    ]);
  });

  test("deleting what is not there counts a revision and changes nothing else", () => {
    const before = recordOf([plain("a", "1")]);
    const result = applyFieldChanges(before, [remove("b")], NO_LIMIT);
    expect(result).toEqual({
      status: "patched",
      record: encodeRecord({ ...PARTS, header: { ...PARTS.header, revision: 42 }, fields: [plain("a", "1")] }),
      increments: [],
    });
  });

  test("a plain value takes the place of an encrypted one, and the others stay encrypted", () => {
    const result = applyFieldChanges(recordOf([encrypted("a", 9), encrypted("b", 4)]), [set("a", "1")], NO_LIMIT);
    const record = result.status === "patched" ? new SessionRecord(result.record) : null;
    expect(record?.fields()).toEqual([plain("a", "1"), encrypted("b", 4)]);
  });

  test("all or none: one refused change refuses those before and after it", () => {
    const before = recordOf([plain("a", "1"), plain("text", '"x"')]);
    const copy = Buffer.from(before);
    const result = applyFieldChanges(before, [set("a", "2"), increment("text", 1), set("b", "3")], NO_LIMIT);
    expect(result).toEqual({ status: "wrong_kind", name: "text" });
    expect(before).toEqual(copy);
  });

  test("the result shares no bytes with what was given", () => {
    const before = recordOf([plain("a", "1")]);
    const result = applyFieldChanges(before, [set("b", "2")], NO_LIMIT);
    before.fill(0xff);
    expect(result.status === "patched" && new SessionRecord(result.record).plainData()).toEqual({ a: 1, b: 2 });
  });
});

describe("increment", () => {
  test("absent counts as 0, and every sum of a call is answered in order", () => {
    const changes = [increment("n", 5), increment("m", -2), increment("n", -7)];
    const result = applyFieldChanges(recordOf([plain("m", "10")]), changes, NO_LIMIT);
    expect(result).toMatchObject({ status: "patched", increments: [5, 8, -2] });
    expect(patched([plain("m", "10")], changes)).toEqual([
      ["m", "8"],
      ["n", "-2"],
    ]);
  });

  test.each(["0", "1", "-1", "9", "10", "9007199254740990", "-9007199254740991", "9007199254740991"])(
    "%s is an integer",
    (text) => {
      const by = text.startsWith("-") ? 1 : -1;
      expect(patched([plain("n", text)], [increment("n", by)])).toEqual([["n", String(Number(text) + by)]]);
      expect(patched([plain("n", text)], [increment("n", 0)])).toEqual([["n", text]]);
    },
  );

  test.each([
    "1e3",
    "1E3",
    "01",
    "-01",
    "00",
    "-0",
    "1.0",
    "0.5",
    "+1",
    "--1",
    "-",
    "0x10",
    " 1",
    "1 ",
    "1\n",
    "",
    '"1"',
    "null",
    "true",
    "[1]",
    "{}",
    "NaN",
    "Infinity",
    "١",
    "9007199254740992",
    "-9007199254740992",
    "10000000000000000",
    "9007199254740993",
    "123456789012345678901234567890",
  ])("%j is the wrong kind", (text) => {
    expect(patched([plain("n", text)], [increment("n", 1)])).toEqual({ status: "wrong_kind", name: "n" });
    expect(patched([plain("n", text)], [increment("n", 0)])).toEqual({ status: "wrong_kind", name: "n" });
    // Also where the sum would be safe again.
    const back = text.startsWith("-") ? 9 : -9;
    expect(patched([plain("n", text)], [increment("n", back)])).toEqual({ status: "wrong_kind", name: "n" });
  });

  test("an encrypted value is the wrong kind, whatever its bytes", () => {
    const field = { name: "n", encrypted: true, bytes: Buffer.from("12") };
    expect(patched([field], [increment("n", 1)])).toEqual({ status: "wrong_kind", name: "n" });
  });

  test.each([
    ["9007199254740991", 1],
    ["9007199254740990", 2],
    ["1", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", -1],
    ["-1", -Number.MAX_SAFE_INTEGER],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("a sum that is no safe integer is refused: %s + %i", (text, by) => {
    expect(patched([plain("n", text)], [increment("n", by)])).toEqual({ status: "wrong_kind", name: "n" });
  });

  test.each([
    ["9007199254740990", 1, "9007199254740991"],
    ["-9007199254740990", -1, "-9007199254740991"],
    ["9007199254740991", -Number.MAX_SAFE_INTEGER, "0"],
    ["-5", 5, "0"],
  ])("a sum at the edge is stored: %s + %i = %s", (text, by, sum) => {
    expect(patched([plain("n", text)], [increment("n", by)])).toEqual([["n", sum]]);
  });
});

describe("limits", () => {
  // 1 + 1 bytes of "a", 2 + 3 of "é": 7.
  const fields = [plain("a", "1"), plain("é", "123")];

  test("maxBytes counts names and values in UTF-8, exact to the byte", () => {
    expect(dataBytes(fields)).toBe(7);
    expect(patched(fields, [set("b", '"é"')], 12)).toHaveLength(3);
    expect(patched(fields, [set("b", '"é"')], 11)).toEqual({ status: "too_large", bytes: 12 });
  });

  test("encrypted values count too", () => {
    expect(patched([encrypted("e", 5)], [set("a", "1")], 8)).toHaveLength(2);
    expect(patched([encrypted("e", 5)], [set("a", "1")], 7)).toEqual({ status: "too_large", bytes: 8 });
  });

  test("over a lowered limit data may shrink or stay as large, not grow", () => {
    expect(patched(fields, [set("é", "12")], 3)).toHaveLength(2);
    expect(patched(fields, [set("é", "999")], 3)).toHaveLength(2);
    expect(patched(fields, [remove("é")], 0)).toHaveLength(1);
    expect(patched(fields, [set("é", "1234")], 3)).toEqual({ status: "too_large", bytes: 8 });
  });

  test("only the size after all changes counts", () => {
    expect(patched(fields, [set("b", "x".repeat(500)), remove("b")], 7)).toHaveLength(2);
  });

  test("256 fields fit, the 257th does not, and making room within a call does", () => {
    const full = Array.from({ length: MAX_FIELDS }, (_, i) =>
      i % 3 === 0 ? encrypted(`f${i}`, 2) : plain(`f${i}`, "1"),
    );
    expect(patched(full.slice(1), [set("new", "1")])).toHaveLength(256);
    expect(patched(full, [set("f1", "2")])).toHaveLength(256);
    expect(patched(full, [set("new", "1")])).toEqual({ status: "too_many_fields" });
    expect(patched(full, [increment("new", 1)])).toEqual({ status: "too_many_fields" });
    expect(patched(full, [set("new", "1"), remove("f0")])).toHaveLength(256);
  });
});

test("N2 any bit flipped: a readable record or a refusal, never another error", () => {
  const fields = [encrypted("e", 3), plain("n".repeat(128), "1"), plain("a", "12"), plain("é".repeat(63), "[2]")];
  const bytes = recordOf(fields);
  const results = { patched: 0, refused: 0 };
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    try {
      const result = applyFieldChanges(flipped, [set("b", "7"), remove("e")], NO_LIMIT);
      expect(result.status).toBe("patched");
      if (result.status === "patched")
        expect(new SessionRecord(result.record).fields().at(-1)).toEqual(plain("b", "7"));
      results.patched += 1;
    } catch (error) {
      if (!(error instanceof CorruptRecordError || error instanceof UnsupportedRecordError)) throw error;
      results.refused += 1;
    }
  }
  expect(results.patched).toBeGreaterThan(100);
  expect(results.refused).toBeGreaterThan(100);
});

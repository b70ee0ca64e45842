import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bytes as someBytes, plainOf, recordParts } from "../../test/fixtures/records/arbitrary.ts";
import type { Metadata } from "./metadata.ts";
import {
  encodeRecord,
  expiresAtOf,
  HEADER_LENGTH,
  MAX_FIELDS,
  OFFSET,
  type RecordField,
  type RecordParts,
  revisionOf,
  userHashOf,
  isConfirmed,
  withConfirmation,
  withTouch,
  withUserEpoch,
} from "./record.ts";
import { CorruptRecordError, SessionRecord, UnsupportedRecordError } from "./session-record.ts";

const EMPTY: RecordParts = {
  header: {
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
    userEpoch: 700,
    tokenHash: Buffer.alloc(16, 0xab),
  },
  user: null,
  rotation: null,
  metadata: { policy: "normal" },
  fields: [],
};
const USER = { id: "ada", hash: "0123456789abcdef" };
const ROTATION = {
  state: "pending",
  graceUntil: 4_000,
  since: 4_000,
  otherHash: Buffer.alloc(16, 1),
  wrap: Buffer.alloc(32, 2),
  wrapKeyId: 3,
} as const;
const METADATA: Metadata = {
  policy: "normal",
  device: { ip: "192.0.2.1", userAgent: "Firefox", name: "phone" },
  loginMethod: "pwd",
  amr: ["pwd"],
  serverId: "web-1",
  migratedAt: 5,
  security: { failedLogins: 1, suspicious: { why: "new address", at: 6 }, passwordChangedAt: 7 },
};

function plain(name: string, json: string): RecordField {
  return { name, encrypted: false, bytes: Buffer.from(json, "utf8") };
}

function encrypted(name: string, length: number): RecordField {
  return { name, encrypted: true, bytes: Buffer.alloc(length, 0xee) };
}

const MIXED = [
  encrypted("e", 9),
  plain("a", "1"),
  plain("constructor", '{"b":[2,"c"]}'),
  encrypted("f", 0),
  plain("é", '"d"'),
];

/** One of each shape, small enough to flip every bit of. */
const SHAPES: ReadonlyArray<readonly [string, RecordParts]> = [
  ["empty", EMPTY],
  ["user and fields", { ...EMPTY, user: USER, fields: MIXED }],
  ["rotation and metadata", { ...EMPTY, rotation: ROTATION, metadata: METADATA, fields: [plain("n", "12")] }],
  ["all of it", { ...EMPTY, user: USER, rotation: ROTATION, metadata: METADATA, fields: MIXED }],
  ["values of 127 and 128 bytes", { ...EMPTY, fields: [plain("a", "1".repeat(127)), encrypted("b", 128)] }],
  ["names of 128 bytes", { ...EMPTY, fields: [plain("n".repeat(128), "1"), encrypted("m".repeat(127), 3)] }],
];

const getters = Object.entries(Object.getOwnPropertyDescriptors(SessionRecord.prototype))
  .filter(([, descriptor]) => descriptor.get !== undefined)
  .map(([name]) => name as keyof SessionRecord);
const readers = [
  (record: SessionRecord) => record.metadata(),
  (record: SessionRecord) => record.plainData(),
  (record: SessionRecord) => record.fields(),
  (record: SessionRecord) => record.beforeFields(),
];

function isRefusal(error: unknown): boolean {
  return error instanceof CorruptRecordError || error instanceof UnsupportedRecordError;
}

/** Everything a caller may ask of bytes; throws only what no reader may throw. Answers how many questions were answered. */
function readAll(bytes: Buffer): number {
  let answered = 0;
  let record: SessionRecord;
  try {
    record = new SessionRecord(bytes);
  } catch (error) {
    if (isRefusal(error)) return 0;
    throw error;
  }
  for (const name of getters) if (record[name] !== undefined) answered += 1;
  for (const read of readers) {
    try {
      read(record);
      answered += 1;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return answered;
}

function prototypesNow(): unknown[] {
  return [Object.prototype, Array.prototype, Buffer.prototype].flatMap((each) => Reflect.ownKeys(each));
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit >> 3;
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit & 7)), at);
  return copy;
}

afterEach(() => vi.restoreAllMocks());

describe("encodeRecord and SessionRecord", () => {
  test("whatever the parts, they come back as they were", () => {
    fc.assert(
      fc.property(recordParts(), (parts) => {
        const record = new SessionRecord(encodeRecord(parts));
        const { confirmed, locked, aal, revision, generation, floor, tokenHash } = record;
        const { createdAt, lastSeenAt, absoluteExpiresAt, idleMs, authenticatedAt, userEpoch } = record;
        const header = { confirmed, locked, aal, revision, generation, floor, tokenHash };
        expect({ ...header, createdAt, lastSeenAt, absoluteExpiresAt, idleMs, authenticatedAt, userEpoch }).toEqual(
          parts.header,
        );
        expect(record.userId).toBe(parts.user?.id ?? null);
        expect(record.userHash).toBe(parts.user?.hash ?? null);
        expect(record.rotation).toEqual(parts.rotation);
        expect(record.metadata()).toEqual(parts.metadata);
        expect(record.fields()).toEqual(parts.fields);
        expect(record.fieldCount).toBe(parts.fields.length);
        expect(record.plainData()).toEqual(plainOf(parts.fields));
      }),
      { numRuns: 400 },
    );
  });

  test("256 fields and 200 kB come back as they were", () => {
    const fields = Array.from({ length: MAX_FIELDS }, (_, i) =>
      i % 5 === 4 ? encrypted(`e${i}`, 700) : plain(`field ${i}`, JSON.stringify("é".repeat(400) + i)),
    );
    const bytes = encodeRecord({ ...EMPTY, user: USER, rotation: ROTATION, fields });
    const record = new SessionRecord(bytes);
    expect(bytes.length).toBeGreaterThan(200_000);
    expect(record.fields()).toEqual(fields);
    expect(record.plainData()).toEqual(plainOf(fields));
  });

  test("one value of 200 kB among others comes back as it was", () => {
    const fields = [
      plain("a", "1"),
      plain("big", JSON.stringify("x".repeat(200_000))),
      encrypted("e", 200_000),
      plain("z", "2"),
    ];
    const record = new SessionRecord(encodeRecord({ ...EMPTY, fields }));
    expect(record.fields()).toEqual(fields);
    expect(record.plainData()).toEqual(plainOf(fields));
  });

  test("the header is at most 80 bytes", () => {
    expect(HEADER_LENGTH).toBeLessThanOrEqual(80);
    const withoutMetadata = encodeRecord(EMPTY).length - '{"p":"normal"}'.length;
    expect(withoutMetadata).toBe(HEADER_LENGTH);
  });

  test.each([
    ["a user id of 256 bytes", { user: { ...USER, id: "é".repeat(128) } }],
    ["an empty user id", { user: { ...USER, id: "" } }],
    ["a user hash of 15 characters", { user: { ...USER, hash: "0123456789abcde" } }],
    ["a token hash of 15 bytes", { header: { ...EMPTY.header, tokenHash: Buffer.alloc(15) } }],
    ["a time over 6 bytes", { header: { ...EMPTY.header, lastSeenAt: 2 ** 48 } }],
    ["a generation over 3 bytes", { header: { ...EMPTY.header, generation: 2 ** 24 } }],
    ["a negative floor", { header: { ...EMPTY.header, floor: -1 } }],
    ["metadata over 4,096 bytes", { metadata: { policy: "p".repeat(4_089) } }],
    ["257 fields", { fields: Array.from({ length: 257 }, (_, i) => plain(`f${i}`, "1")) }],
    ["an empty field name", { fields: [plain("", "1")] }],
    ["a field name of 129 bytes", { fields: [plain("n".repeat(129), "1")] }],
  ])("%s is a RangeError", (_, wrong: Partial<RecordParts>) => {
    expect(() => encodeRecord({ ...EMPTY, ...wrong })).toThrow(RangeError);
  });

  test("the plain values cost one JSON.parse, everything but data and metadata none", () => {
    const fields = Array.from({ length: 100 }, (_, i) => plain(`f${i}`, `{"n":${i}}`));
    const bytes = encodeRecord({ ...EMPTY, user: USER, fields: [...fields, encrypted("e", 5)] });
    const parse = vi.spyOn(JSON, "parse");
    const record = new SessionRecord(bytes);
    for (const name of getters) void record[name];
    expect(record.fields()).toHaveLength(101);
    expect(parse).toHaveBeenCalledTimes(0);
    expect(Object.keys(record.plainData())).toHaveLength(100);
    expect(parse).toHaveBeenCalledTimes(1);
  });
});

describe("bytes that are no whole record", () => {
  test.each(SHAPES)("cut or lengthened anywhere they are corrupt: %s", (_, parts) => {
    const bytes = encodeRecord(parts);
    expect(readAll(bytes)).toBe(getters.length + readers.length);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => new SessionRecord(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).toThrow(
        CorruptRecordError,
      );
    }
    expect(() => new SessionRecord(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(CorruptRecordError);
  });

  test("any record cut anywhere is corrupt", () => {
    fc.assert(
      fc.property(recordParts(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (parts, share) => {
        const bytes = encodeRecord(parts);
        expect(() => new SessionRecord(bytes.subarray(0, Math.floor(bytes.length * share)))).toThrow(
          CorruptRecordError,
        );
      }),
      { numRuns: 200 },
    );
  });

  test.each(SHAPES)("N2 with any bit flipped they are read or refused, and nothing else happens: %s", (_, parts) => {
    const bytes = encodeRecord(parts);
    const before = prototypesNow();
    let read = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) if (readAll(flipped(bytes, bit)) > 0) read += 1;
    expect(read, "some flips leave a record, some do not").toBeGreaterThan(0);
    expect(read).toBeLessThan(bytes.length * 8);
    expect(prototypesNow()).toEqual(before);
  });

  test("N2 random bytes are read or refused, and nothing else happens", () => {
    const before = prototypesNow();
    const random = someBytes(0, 300);
    const afterVersion = random.map((bytes) => Buffer.concat([Buffer.from([1]), bytes]));
    const overRecord = fc
      .tuple(recordParts(4), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
      .map(([parts, writes]) => {
        const bytes = encodeRecord(parts);
        for (const [at, value] of writes) bytes.writeUInt8(value, at % bytes.length);
        return bytes;
      });
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(random, afterVersion, overRecord), (bytes) => {
        if (readAll(bytes) > 0) read += 1;
      }),
      { numRuns: 1_500 },
    );
    expect(read, "some of them look like records").toBeGreaterThan(50);
    expect(prototypesNow()).toEqual(before);
  });

  test.each([
    [0, CorruptRecordError],
    [2, UnsupportedRecordError],
    [255, UnsupportedRecordError],
  ])("N2 format version %i", (version, expected) => {
    for (const [, parts] of SHAPES) {
      const bytes = encodeRecord(parts);
      bytes.writeUInt8(version, OFFSET.version);
      expect(() => new SessionRecord(bytes)).toThrow(expected);
    }
  });

  test("a newer version is told before its length is judged", () => {
    expect(() => new SessionRecord(Buffer.from([2]))).toThrow(UnsupportedRecordError);
  });

  test.each([
    ["a value that is no JSON", [plain("a", "{]")]],
    ["no value", [plain("a", "")]],
    ["two values in one", [plain("a", "1,2")]],
    ["a value that closes the list", [plain("a", "1],[2")]],
    ["a hole between values", [plain("a", "1"), plain("b", ""), plain("c", "2")]],
  ])("plainData() of %s is corrupt, the rest answers", (_, fields) => {
    const record = new SessionRecord(encodeRecord({ ...EMPTY, fields }));
    expect(() => record.plainData()).toThrow(CorruptRecordError);
    expect(record.metadata()).toEqual({ policy: "normal" });
    expect(record.fields()).toEqual(fields);
  });

  test.each(["", "{", "null", "7", "[]", "{}", '{"p":7}', '{"p":"normal","w":null}'])(
    "metadata() of %j is corrupt",
    (json) => {
      const good = encodeRecord(EMPTY);
      const bytes = Buffer.concat([good.subarray(0, HEADER_LENGTH), Buffer.from(json)]);
      bytes.writeUInt16BE(json.length, OFFSET.metadataLength);
      const record = new SessionRecord(bytes);
      expect(() => record.metadata()).toThrow(CorruptRecordError);
      expect(record.plainData()).toEqual({});
    },
  );
});

describe("N1 names that reach prototypes", () => {
  test("a stored field __proto__ is corrupt", () => {
    const record = new SessionRecord(
      encodeRecord({ ...EMPTY, fields: [plain("a", "1"), plain("__proto__", '{"polluted":true}')] }),
    );
    expect(() => record.plainData()).toThrow(CorruptRecordError);
    expect(() => record.fields()).toThrow(CorruptRecordError);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });

  test("an encrypted field __proto__ is corrupt too", () => {
    const record = new SessionRecord(encodeRecord({ ...EMPTY, fields: [encrypted("__proto__", 4)] }));
    expect(() => record.fields()).toThrow(CorruptRecordError);
  });

  test("names are a record's own, whatever was decoded before it", () => {
    const namesOf = (...names: string[]) =>
      Object.keys(
        new SessionRecord(encodeRecord({ ...EMPTY, fields: names.map((name) => plain(name, "1")) })).plainData(),
      );
    for (const names of [
      ["a", "bb"],
      ["a", "bc"],
      ["ab", "bc"],
      ["a"],
      ["é", "a"],
      ["é", "b"],
      ["Ã©"],
      ["é"],
      ["a", "é", "c"],
    ]) {
      expect(namesOf(...names)).toEqual(names);
      expect(namesOf(...names)).toEqual(names);
    }
  });

  test("__proto__ within a value stays data", () => {
    const json = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const record = new SessionRecord(encodeRecord({ ...EMPTY, fields: [plain("constructor", json)] }));
    const data = record.plainData();
    const value = data["constructor"] as object;
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(JSON.stringify(data)).toBe(`{"constructor":${json}}`);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });

  test("__proto__ as a device fact stays data", () => {
    const device = JSON.parse('{"__proto__":"x","constructor":"y","ip":"192.0.2.1"}') as Record<string, string>;
    const { device: stored } = new SessionRecord(
      encodeRecord({ ...EMPTY, metadata: { policy: "normal", device } }),
    ).metadata();
    expect(Object.getPrototypeOf(stored)).toBe(Object.prototype);
    expect(Object.entries(stored ?? {}).toSorted()).toEqual(Object.entries(device).toSorted());
  });
});

describe("functions over the bytes agree with the class", () => {
  test("expiresAtOf, userHashOf, revisionOf", () => {
    fc.assert(
      fc.property(recordParts(2), (parts) => {
        const bytes = encodeRecord(parts);
        const record = new SessionRecord(bytes);
        const { lastSeenAt, idleMs, absoluteExpiresAt } = parts.header;
        expect(expiresAtOf(bytes)).toBe(Math.min(lastSeenAt + idleMs, absoluteExpiresAt));
        expect(record.expiresAt).toBe(expiresAtOf(bytes));
        expect(userHashOf(bytes)).toBe(record.userHash);
        expect(revisionOf(bytes)).toBe(record.revision);
      }),
    );
  });

  test("D2 withTouch changes lastSeenAt: in a copy", () => {
    fc.assert(
      fc.property(recordParts(2), fc.nat(), (parts, lastSeenAt) => {
        const bytes = encodeRecord(parts);
        const before = Buffer.from(bytes);
        const expected = encodeRecord({ ...parts, header: { ...parts.header, lastSeenAt } });
        expect(withTouch(bytes, lastSeenAt)).toEqual(expected);
        expect(bytes).toEqual(before);
      }),
    );
  });

  test("withConfirmation notes that the token came back and, if asked, lengthens the idle timeout: in a copy", () => {
    fc.assert(
      fc.property(recordParts(2), fc.option(fc.nat(), { nil: undefined }), (parts, idleMs) => {
        const bytes = encodeRecord(parts);
        const before = Buffer.from(bytes);
        const changed = { confirmed: true, idleMs: Math.max(idleMs ?? 0, parts.header.idleMs) };
        const expected = encodeRecord({ ...parts, header: { ...parts.header, ...changed } });
        expect(withConfirmation(bytes, idleMs)).toEqual(expected);
        expect(isConfirmed(expected)).toBe(true);
        expect(isConfirmed(bytes)).toBe(parts.header.confirmed);
        expect(bytes).toEqual(before);
      }),
    );
  });

  test("withUserEpoch changes the epoch: in a copy", () => {
    fc.assert(
      fc.property(recordParts(2), fc.nat(), (parts, userEpoch) => {
        const bytes = encodeRecord(parts);
        const before = Buffer.from(bytes);
        expect(withUserEpoch(bytes, userEpoch)).toEqual(
          encodeRecord({ ...parts, header: { ...parts.header, userEpoch } }),
        );
        expect(bytes).toEqual(before);
      }),
    );
  });
});

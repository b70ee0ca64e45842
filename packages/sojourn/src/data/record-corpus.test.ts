import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { expiresAtOf, userHashOf } from "./record.ts";
import { SessionRecord } from "./session-record.ts";

const corpus = new URL("../../test/fixtures/records/v1/", import.meta.url);
const names = readdirSync(corpus)
  .filter((file) => file.endsWith(".hex"))
  .map((file) => file.slice(0, -".hex".length))
  .toSorted();

function stored(name: string): Buffer {
  return Buffer.from(readFileSync(new URL(`${name}.hex`, corpus), "utf8").replaceAll("\n", ""), "hex");
}

function expected(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, corpus), "utf8"));
}

/** The record in the words of the corpus: bytes as hex. */
function described(record: SessionRecord) {
  const { rotation } = record;
  return {
    confirmed: record.confirmed,
    locked: record.locked,
    aal: record.aal,
    revision: record.revision,
    generation: record.generation,
    floor: record.floor,
    createdAt: record.createdAt,
    lastSeenAt: record.lastSeenAt,
    absoluteExpiresAt: record.absoluteExpiresAt,
    idleMs: record.idleMs,
    authenticatedAt: record.authenticatedAt,
    userEpoch: record.userEpoch,
    expiresAt: record.expiresAt,
    tokenHash: record.tokenHash.toString("hex"),
    userId: record.userId,
    userHash: record.userHash,
    rotation:
      rotation === null
        ? null
        : { ...rotation, otherHash: rotation.otherHash.toString("hex"), wrap: rotation.wrap.toString("hex") },
    metadata: record.metadata(),
    data: record.plainData(),
    fields: record.fields().map(({ name, encrypted, bytes }) => ({ name, encrypted, hex: bytes.toString("hex") })),
  };
}

describe("N2 records of format 1 are read by every later version", () => {
  test("the corpus is whole", () => {
    expect(names).toEqual([
      "all-flags",
      "all-metadata",
      "anonymous-empty",
      "data-version",
      "encrypted-among-plain",
      "encrypted-only",
      "fields-256",
      "greatest-values",
      "json-values",
      "locked",
      "long-user-agent",
      "non-ascii",
      "rotation-confirmed",
      "rotation-pending",
      "user-with-device",
    ]);
  });

  test.each(names)("%s", (name) => {
    const bytes = stored(name);
    const record = new SessionRecord(bytes);
    expect(described(record)).toEqual(expected(name));
    expect(expiresAtOf(bytes)).toBe(record.expiresAt);
    expect(userHashOf(bytes)).toBe(record.userHash);
  });

  test("N1 __proto__ within a stored value is data", () => {
    const data = new SessionRecord(stored("json-values")).plainData();
    expect(Object.keys(data["nested"] as object)).toEqual(["__proto__", "constructor"]);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });
});

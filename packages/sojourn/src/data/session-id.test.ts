import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUCKETS, bucketCharacters, bucketOf, isSessionId, newSessionId, randomBucket } from "./session-id.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ID = newSessionId(517);
const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);

describe("session ids", () => {
  test("the bucket comes back, for all 1,024", () => {
    expect(BUCKETS).toBe(1024);
    expect(buckets.map((bucket) => bucketOf(newSessionId(bucket)))).toEqual(buckets);
    expect(buckets.map((bucket) => bucketOf(bucketCharacters(bucket)))).toEqual(buckets);
    expect(new Set(buckets.map(bucketCharacters)).size).toBe(BUCKETS);
  });

  test("stored ids depend on the characters of a bucket: they are frozen", () => {
    expect([0, 1, 63, 64, 517, 1023].map(bucketCharacters)).toEqual(["AA", "AB", "A_", "BA", "IF", "P_"]);
  });

  test("every new id is canonical, 24 characters, and new", () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => newSessionId(i % BUCKETS));
    expect(ids.every((id) => isSessionId(id) && /^[A-Za-z0-9_-]{24}$/.test(id))).toBe(true);
    expect(new Set(ids.map((id) => id.slice(2))).size).toBe(ids.length);
  });

  test("canonical is what base64url writes, and nothing else", () => {
    const character = fc.constantFrom(...ALPHABET);
    fc.assert(
      fc.property(fc.string({ unit: character, minLength: 24, maxLength: 24 }), (text) => {
        const random = text.slice(2);
        const canonical = Buffer.from(random, "base64url").toString("base64url") === random && bucketOf(text) < BUCKETS;
        expect(isSessionId(text)).toBe(canonical);
      }),
      { numRuns: 1_000 },
    );
  });

  test("one of 16 spellings of the last character, 16 of 64 first characters", () => {
    const last = [...ALPHABET].filter((character) => isSessionId(ID.slice(0, -1) + character));
    const first = [...ALPHABET].filter((character) => isSessionId(character + ID.slice(1)));
    expect(last).toEqual(["A", "Q", "g", "w"]);
    expect(first.join("")).toBe("ABCDEFGHIJKLMNOP");
  });

  test.each([
    ["one character less", ID.slice(1)],
    ["one character more", `${ID}A`],
    ["a line break after it", `${ID}\n`],
    ["a line break in place of the last", `${ID.slice(0, -1)}\n`],
    ["plain base64", `${ID.slice(0, 5)}+${ID.slice(6)}`],
    ["a colon", `${ID.slice(0, 5)}:${ID.slice(6)}`],
    ["a letter beyond ASCII", `${ID.slice(0, 5)}é${ID.slice(6)}`],
    ["empty text", ""],
    ["undefined", undefined],
    ["null", null],
    ["a list", [ID]],
    ["a String object", Object(ID)],
    ["its bytes", Buffer.from(ID)],
    ["a number", 24],
  ])("N5 %s is no id", (_, value) => {
    expect(isSessionId(ID)).toBe(true);
    expect(isSessionId(value)).toBe(false);
  });
});

test("random buckets reach every bucket, none far more often", () => {
  const counts = new Uint32Array(BUCKETS);
  for (let i = 0; i < BUCKETS * 100; i++) {
    const bucket = randomBucket();
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(BUCKETS * 100);
  // 100 are expected in each, with a standard deviation of 10: these bounds are 8 of them away.
  expect(Math.min(...counts)).toBeGreaterThan(20);
  expect(Math.max(...counts)).toBeLessThan(190);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Placement, SALT_BYTES, userHashIn } from "./placement.ts";
import { BUCKETS, bucketOf } from "../data/session-id.ts";

const SALT = Buffer.from(Array.from({ length: SALT_BYTES }, (_, i) => i));
const placement = new Placement(SALT);

/** Ids that break naive keys: separators, hash tags, patterns, control characters, what looks alike, what is a prefix. */
const HOSTILE = [
  ":",
  "a:b",
  "a:",
  ":b",
  "{}",
  "{a}",
  "a{b}c",
  "*",
  "a*",
  "?",
  "[a]",
  "\n",
  "a\n",
  "\r\n",
  "\0",
  "a\0b",
  " ",
  "a ",
  "👩‍🚀",
  "🦊",
  "é",
  "e\u0301",
  "A",
  "a",
  "ab",
  "__proto__",
  "../..",
  "%00",
  "u".repeat(255),
];

describe("Placement", () => {
  // Made with Python's hmac and hashlib. Stored keys depend on them.
  test.each([
    ["ada", "E5AfeJjDBgmG8DQRm1"],
    ["42", "CfPJfRrK7MilCnYNhN"],
    ["Žofie 👩‍🚀", "KtZP2b2x4ZO3pibWK3"],
  ])("known answer of %s", (userId, expected) => {
    expect(placement.userKey(userId)).toBe(expected);
  });

  test("the same in every process that has the salt, another with another salt", () => {
    const one = new Placement(Buffer.from(SALT));
    const other = new Placement(Buffer.alloc(SALT_BYTES, 7));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (userId) => {
        expect(one.userKey(userId)).toBe(placement.userKey(userId));
        expect(other.userKey(userId)).not.toBe(placement.userKey(userId));
      }),
      { numRuns: 200 },
    );
  });

  test("2 characters of bucket and 16 of hash", () => {
    const userKey = placement.userKey("ada");
    expect(userKey).toMatch(/^[A-P][A-Za-z0-9_-]{17}$/);
    expect(userHashIn(userKey)).toBe(userKey.slice(2));
    expect(bucketOf(userKey)).toBe(4 * 64 + 57);
  });

  test("O2 hostile user ids are distinct and give keys of base64url only", () => {
    const keys = HOSTILE.map((userId) => placement.userKey(userId));
    expect(new Set(keys).size).toBe(HOSTILE.length);
    expect(keys.filter((key) => !/^[A-Za-z0-9_-]{18}$/.test(key))).toEqual([]);
  });

  test("users spread over all buckets", () => {
    const users = BUCKETS * 20;
    const counts = new Uint32Array(BUCKETS);
    const hashes = new Set<string>();
    for (let i = 0; i < users; i++) {
      const userKey = placement.userKey(String(i));
      const bucket = bucketOf(userKey);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      hashes.add(userHashIn(userKey));
    }
    // Chi-square over 1,023 degrees of freedom: 1,023 expected, with a standard deviation of 45.
    const chiSquare = counts.reduce((sum, n) => sum + (n - 20) ** 2 / 20, 0);
    expect(chiSquare).toBeGreaterThan(800);
    expect(chiSquare).toBeLessThan(1_250);
    expect(hashes.size).toBe(users);
  });
});

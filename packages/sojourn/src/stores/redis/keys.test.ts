import { describe, expect, test } from "vitest";
import { ConfigError } from "../../errors.ts";
import { Placement } from "../../store/placement.ts";
import { BUCKETS, bucketCharacters, bucketOf, newSessionId } from "../../data/session-id.ts";
import { Keys } from "./keys.ts";
import { slotOf as slotOfDriver } from "./slots.ts";

const SLOTS = 16_384;
const keys = new Keys("shop");
const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket);

/** CRC16 XMODEM, as the Redis cluster specification has it. */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text, "utf8")) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

/** What a cluster hashes of a key: what stands between the first `{` and the next `}`, unless that is nothing. */
function hashed(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
}

function slotOf(key: string): number {
  return crc16(hashed(key)) % SLOTS;
}

/** Every key that a session and its user have. */
function allKeys(id: string, userKey: string): string[] {
  const bucket = bucketOf(id);
  return [
    keys.session(id),
    keys.tombstone(id),
    keys.userSessions(userKey),
    keys.userEpoch(userKey),
    keys.expiries(bucket),
    keys.users(bucket),
    keys.operation(bucket, "operation"),
    keys.totals(bucket),
    keys.events(bucket),
  ];
}

/** How many buckets the fullest of so many shards has, in shares of the mean; slots are dealt in even ranges. */
function fullestShare(shards: number): number {
  const counts = new Uint32Array(shards);
  for (const bucket of buckets) {
    const shard = Math.floor((slotOf(keys.expiries(bucket)) * shards) / SLOTS);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  return (Math.max(...counts) * shards) / BUCKETS;
}

describe("Keys", () => {
  test("the names of design §7", () => {
    const id = `${bucketCharacters(0)}AAECAwQFBgcICQoLDA0ODw`;
    const userKey = `${bucketCharacters(0)}0123456789abcdef`;
    expect(allKeys(id, userKey)).toEqual([
      `shop:s:{fkt}:${id}`,
      `shop:d:{fkt}:${id}`,
      "shop:u:{fkt}:0123456789abcdef",
      "shop:v:{fkt}:0123456789abcdef",
      "shop:x:{fkt}",
      "shop:n:{fkt}",
      "shop:o:{fkt}:operation",
      "shop:t:{fkt}",
      "shop:e:{fkt}",
    ]);
    expect(keys.facts()).toBe("shop:c");
    expect(keys.changes()).toBe("shop:i");
    expect(keys.endings()).toBe("shop:i:e");
  });

  test("all keys of a user and a session share tag and slot, and are distinct", () => {
    const placement = new Placement(Buffer.alloc(32, 5));
    for (let i = 0; i < 200; i++) {
      const userKey = placement.userKey(`user:${i}{*}`);
      const all = allKeys(newSessionId(bucketOf(userKey)), userKey);
      expect(new Set(all.map(hashed)).size).toBe(1);
      expect(new Set(all.map(slotOf)).size).toBe(1);
      expect(new Set(all).size).toBe(all.length);
      expect(all.filter((key) => !/^shop:[a-z]:\{[0-9a-z]+\}(:[A-Za-z0-9_-]+)?$/.test(key))).toEqual([]);
    }
  });

  test("scripts that are given a prefix make the same keys", () => {
    for (const bucket of buckets) {
      const id = newSessionId(bucket);
      const userKey = `${bucketCharacters(bucket)}0123456789abcdef`;
      expect(keys.sessionPrefix(bucket) + id).toBe(keys.session(id));
      expect(keys.tombstonePrefix(bucket) + id).toBe(keys.tombstone(id));
      expect(keys.userSessionsPrefix(bucket) + userKey.slice(2)).toBe(keys.userSessions(userKey));
    }
  });
});

describe("tags", () => {
  test("this test's CRC16 is the specification's", () => {
    expect(crc16("123456789")).toBe(0x31c3);
    expect(slotOf("{user1000}.following")).toBe(slotOf("{user1000}.followers"));
    expect(hashed("foo{}{bar}")).toBe("foo{}{bar}");
  });

  test("a cluster driver puts every key into the same slot as the specification", () => {
    const all = [
      ...buckets.map((bucket) => keys.expiries(bucket)),
      keys.facts(),
      keys.cutOffs(),
      "foo{}{bar}",
      "a{b",
      "",
    ];
    expect(all.map(slotOfDriver)).toEqual(all.map(slotOf));
  });

  test("1,024 distinct ones, bucket b on slot floor((b + 1/2) * 16384 / 1024)", () => {
    expect(new Set(buckets.map((bucket) => hashed(keys.expiries(bucket)))).size).toBe(BUCKETS);
    expect(buckets.map((bucket) => slotOf(keys.expiries(bucket)))).toEqual(
      buckets.map((bucket) => Math.floor(((bucket + 0.5) * SLOTS) / BUCKETS)),
    );
  });

  test.each([
    [1, 1],
    [3, 1.005],
    [10, 1.01],
    [30, 1.03],
    [100, 1.08],
    [1_000, 1.96],
  ])("of %i shards the fullest has at most %d of its share", (shards, most) => {
    expect(fullestShare(shards)).toBeGreaterThanOrEqual(1);
    expect(fullestShare(shards)).toBeLessThanOrEqual(most);
  });
});

describe("namespaces", () => {
  test.each(["a", "sojourn", "Shop_2.eu-west", "n".repeat(64), "0", ".", "-"])("%j is one", (namespace) => {
    expect(new Keys(namespace).facts()).toBe(`${namespace}:c`);
  });

  test.each([
    "",
    "n".repeat(65),
    "a:b",
    "a b",
    "{a}",
    "a{b",
    "a}b",
    "a*",
    "a?",
    "[a]",
    "a\n",
    "\n",
    "a\0",
    "é",
    "a/b",
    "🦊",
  ])("%j is refused, by the name of its option", (namespace) => {
    expect(() => new Keys(namespace)).toThrow(ConfigError);
    expect(() => new Keys(namespace)).toThrow("namespace");
  });

  test("keys of one never lie within another's", () => {
    const [one, two] = [new Keys("shop"), new Keys("shop2")];
    expect(two.session(newSessionId(0)).startsWith("shop:")).toBe(false);
    expect(one.session(newSessionId(0)).startsWith("shop2:")).toBe(false);
  });
});

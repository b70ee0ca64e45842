import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { newSessionId } from "../data/session-id.ts";
import { encodeRecord, type RecordField } from "../data/record.ts";
import { NearCache, type NearCacheOptions } from "./near-cache.ts";

const LEASE_MS = 5_000;

/** Wall and monotonic time, moved apart by hand. */
class TwoClocks {
  wall = 1_000_000;
  steady = 500;
  now(): number {
    return this.wall;
  }
  monotonic(): number {
    return this.steady;
  }
  shift(): number {
    return 0;
  }
  pass(ms: number): void {
    this.wall += ms;
    this.steady += ms;
  }
}

function sessionFields(i: number): RecordField[] {
  const data = {
    name: `Ada ${i} Lovelace`,
    email: `ada.${i}@example.org`,
    cart: { items: [`p-${i}`, `q-${i}`], [`n-${i}`]: 2, total: 1.5 },
    steps: [i, i + 1, { done: true }],
    note: "x".repeat(150),
  };
  return Object.entries(data).map(([name, value]) => ({
    name,
    encrypted: false,
    bytes: Buffer.from(JSON.stringify(value)),
  }));
}

function numberOf(bytes: number): RecordField[] {
  return bytes === 0 ? [] : [{ name: "a", encrypted: false, bytes: Buffer.alloc(bytes, "1") }];
}

function recordOf(revision = 0, valueBytes = 0, fields = numberOf(valueBytes)): Buffer {
  return encodeRecord({
    header: {
      confirmed: true,
      locked: false,
      aal: 1,
      revision,
      generation: 0,
      floor: 0,
      createdAt: 1,
      lastSeenAt: 1,
      absoluteExpiresAt: 2,
      idleMs: 3,
      authenticatedAt: 1,
      userEpoch: 0,
      tokenHash: Buffer.alloc(16),
    },
    user: null,
    rotation: null,
    metadata: { policy: "test" },
    fields,
  });
}

function cacheOf(limits: NearCacheOptions = {}): { cache: NearCache; clock: TwoClocks } {
  const clock = new TwoClocks();
  const cache = NearCache.from(limits, clock);
  if (cache === null) throw new Error("no cache");
  return { cache, clock };
}

const put = (cache: NearCache, id: string, record = recordOf()): Promise<unknown> =>
  cache.through(id, async () => record);

describe("lease", () => {
  test("runs from when the read was sent", async () => {
    const { cache, clock } = cacheOf();
    await cache.through("a", async () => {
      clock.pass(3_000);
      return recordOf();
    });
    clock.pass(LEASE_MS - 3_000);
    expect(cache.get("a")).not.toBeNull();
    clock.pass(1);
    expect(cache.get("a")).toBeNull();
    expect(cache.size).toBe(0);
  });

  test.each([
    ["a machine that slept: the wall clock ran, the monotonic one stood still", 1_500, 0],
    ["a wall clock that was set back while the lease ran out", -4_000, 1_500],
    ["a wall clock that was set forward", 4_000, 1_500],
  ])("%s", async (_what, wallMs, steadyMs) => {
    const { cache, clock } = cacheOf();
    await put(cache, "a");
    clock.wall += wallMs;
    clock.steady += steadyMs;
    expect(cache.get("a")).toBeNull();
  });

  test("a wall clock that is set by a little changes nothing, and buys no time", async () => {
    const { cache, clock } = cacheOf();
    await put(cache, "a");
    clock.wall -= 900;
    clock.pass(LEASE_MS);
    expect(cache.get("a")).not.toBeNull();
    clock.pass(1);
    expect(cache.get("a")).toBeNull();
  });
});

describe("reads under way", () => {
  test("what is heard meanwhile goes before their answer", async () => {
    const { cache } = cacheOf();
    for (const heard of [() => cache.drop("a"), () => cache.drop("a", 7), () => cache.flush()]) {
      await cache.through("a", async () => {
        heard();
        return recordOf();
      });
      expect(cache.get("a")).toBeNull();
    }
  });

  test("a session whose reads always overlap is kept all the same", async () => {
    const { cache } = cacheOf();
    const answers: ((record: Buffer) => void)[] = [];
    const send = (): Promise<unknown> =>
      cache.through("a", () => new Promise<Buffer>((resolve) => void answers.push(resolve)));
    const reads = [send()];
    for (let i = 0; i < 5; i++) {
      reads.push(send());
      answers.shift()?.(recordOf());
      await reads.shift();
      expect(cache.get("a")).not.toBeNull();
    }
    answers.shift()?.(recordOf());
    await reads.shift();
  });

  test("one that fails, and what is no record, leave nothing behind", async () => {
    const { cache } = cacheOf();
    await put(cache, "a");
    await expect(cache.through("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(cache.get("a")).not.toBeNull();
    for (const answer of [null, Buffer.alloc(0), Buffer.from("no record"), Buffer.alloc(90, 255)]) {
      await cache.through("b", async () => answer);
      expect(cache.get("b")).toBeNull();
    }
    await put(cache, "b");
    expect(cache.get("b")).not.toBeNull();
  });
});

test("a change that the copy has in it already drops nothing, any other does", async () => {
  const { cache } = cacheOf();
  await put(cache, "a", recordOf(5));
  cache.drop("a", 4);
  cache.drop("b", 4);
  expect(cache.get("a")).not.toBeNull();
  // Also a rotation, which leaves the revision as it is.
  cache.drop("a", 5);
  expect(cache.get("a")).toBeNull();
  await put(cache, "a", recordOf(5));
  cache.drop("a", Number.NaN);
  expect(cache.get("a")).toBeNull();
});

describe("stale", () => {
  const STALE_MS = 30_000;
  function patient(limits: NearCacheOptions = {}): ReturnType<typeof cacheOf> {
    const made = cacheOf(limits);
    made.cache.staleMs = STALE_MS;
    return made;
  }

  test("past its lease, up to the age that is asked for, counted from when the read was sent", async () => {
    const { cache, clock } = patient();
    await cache.through("a", async () => {
      clock.pass(3_000);
      return recordOf();
    });
    clock.pass(LEASE_MS);
    expect([cache.get("a"), cache.stale("a", LEASE_MS)]).toEqual([null, null]);
    expect(cache.stale("a", STALE_MS)).not.toBeNull();
    clock.pass(STALE_MS - LEASE_MS - 3_000);
    expect(cache.stale("a", STALE_MS)).not.toBeNull();
    clock.pass(1);
    expect(cache.stale("a", STALE_MS)).toBeNull();
  });

  test("of a machine that slept meanwhile nothing", async () => {
    const { cache, clock } = patient();
    await put(cache, "a");
    clock.wall += 1_500;
    expect(cache.stale("a", STALE_MS)).toBeNull();
  });

  test("nothing that was heard of, whether it was answered or set aside", async () => {
    const { cache, clock } = patient();
    const heard: readonly (() => unknown)[] = [
      () => cache.drop("a"),
      () => cache.drop("a", 7),
      () => cache.flush(),
      () => cache.gap(true),
      () => cache.through("a", async () => null),
    ];
    for (const hear of heard) {
      for (const ageMs of [0, LEASE_MS + 1]) {
        await put(cache, "a");
        clock.pass(ageMs);
        cache.get("a");
        expect(cache.stale("a", STALE_MS)).not.toBeNull();
        await hear();
        expect(cache.stale("a", STALE_MS)).toBeNull();
        expect([cache.size, cache.bytes]).toEqual([0, 0]);
      }
    }
  });

  test("while nothing is heard: what was known before, until the store answers anybody", async () => {
    const { cache } = patient();
    await put(cache, "a");
    cache.gap(false);
    expect(cache.get("a")).toBeNull();
    expect(cache.stale("a", STALE_MS)).not.toBeNull();
    await expect(cache.through("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(cache.stale("a", STALE_MS)).not.toBeNull();
    await put(cache, "b");
    expect([cache.stale("a", STALE_MS), cache.size]).toEqual([null, 1]);
    // The same from then on: after each answer nothing else is known to be so.
    await put(cache, "c");
    expect(cache.stale("b", STALE_MS)).toBeNull();
    expect(cache.stale("c", STALE_MS)).not.toBeNull();
    cache.answered();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    cache.gap(true);
    for (const id of ["a", "b"]) await put(cache, id);
    expect(cache.stale("a", STALE_MS)).not.toBeNull();
  });

  test("a read from before the last word leaves nothing", async () => {
    const { cache } = patient();
    await cache.through("a", async () => {
      cache.gap(false);
      return recordOf();
    });
    expect(cache.stale("a", STALE_MS)).toBeNull();
  });

  test("bounds hold for both kinds together; what was set aside goes first, and when it is too old", async () => {
    const { cache, clock } = patient({ maxEntries: 3 });
    for (const id of ["a", "b"]) await put(cache, id);
    clock.pass(LEASE_MS + 1);
    for (const id of ["c", "d"]) await put(cache, id);
    const known = (): string[] => ["a", "b", "c", "d"].filter((id) => cache.stale(id, STALE_MS) !== null);
    expect([known(), cache.size]).toEqual([["b", "c", "d"], 3]);
    clock.pass(STALE_MS - 1);
    await put(cache, "c");
    expect([known(), cache.size]).toEqual([["c", "d"], 2]);
    for (const id of ["c", "d"]) cache.drop(id);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  test("without a use for it nothing outlives its lease, nor that nothing is heard", async () => {
    const { cache, clock } = cacheOf();
    await put(cache, "a");
    cache.gap(false);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    await put(cache, "a");
    clock.pass(LEASE_MS + 1);
    cache.get("a");
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});

describe("bounds", () => {
  test("of entries: the oldest goes", async () => {
    const { cache } = cacheOf({ maxEntries: 3 });
    for (const id of ["a", "b", "c", "a", "d"]) await put(cache, id);
    expect(["a", "b", "c", "d"].filter((id) => cache.get(id) !== null)).toEqual(["a", "c", "d"]);
  });

  test("of bytes, counted exactly however copies come and go", async () => {
    const { cache, clock } = cacheOf({ maxBytes: 20_000 });
    for (let i = 0; i < 2_000; i++) {
      const id = `id ${i % 37}`;
      await put(cache, id, recordOf(i, (i * 97) % 6_000));
      if (i % 3 === 0) cache.get(id)?.plainData();
      if (i % 5 === 0) cache.drop(`id ${(i * 7) % 37}`);
      if (i % 11 === 0) clock.pass(700);
      if (i === 1_000) cache.staleMs = 9_000;
      if (i % 301 === 0) cache.gap(i % 2 === 0);
      expect(cache.bytes).toBeLessThanOrEqual(20_000);
    }
    clock.pass(9_001);
    await put(cache, "last");
    expect(cache.size).toBe(1);
    cache.drop("last");
    expect(cache.bytes).toBe(0);
  });

  test("one that is larger than all memory is not kept, and takes no other's place", async () => {
    const { cache } = cacheOf({ maxBytes: 5_000 });
    await put(cache, "a");
    await put(cache, "b", recordOf(0, 6_000));
    expect(cache.get("a")).not.toBeNull();
    expect(cache.get("b")).toBeNull();
  });

  test.each([
    ["as they were answered", false],
    ["decoded", true],
  ])(
    "what is really used is less than what is counted, although answers are parts of larger chunks: %s",
    async (_, decodes) => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const used = (): number => {
        collect();
        collect();
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        return heapUsed + arrayBuffers;
      };
      const { cache } = cacheOf({ maxBytes: 8_388_608 });
      const before = used();
      for (let i = 0; i < 12_000; i++) {
        const record = recordOf(0, 0, sessionFields(i));
        const chunk = Buffer.alloc(16_384);
        record.copy(chunk, 1_000);
        const id = newSessionId(i % 1_024);
        await put(cache, id, chunk.subarray(1_000, 1_000 + record.length));
        if (decodes) cache.get(id)?.plainData();
      }
      expect(cache.size).toBeGreaterThan(decodes ? 3_500 : 7_000);
      expect(used() - before).toBeLessThan(8_388_608);
      expect(cache.bytes).toBeLessThanOrEqual(8_388_608);
    },
  );

  test("data is decoded once, and whoever asks gets data of their own; without room it is decoded each time", async () => {
    const fields = sessionFields(1);
    const parse = vi.spyOn(JSON, "parse");
    for (const maxBytes of [5_000, 1_200]) {
      const { cache } = cacheOf({ maxBytes });
      await put(cache, "a", recordOf(0, 0, fields));
      parse.mockClear();
      for (let i = 0; i < 4; i++) {
        const data = cache.get("a")?.plainData() as { cart: { items: string[] } };
        expect(data.cart.items).toEqual(["p-1", "q-1"]);
        data.cart.items.push("free");
      }
      expect(parse).toHaveBeenCalledTimes(maxBytes === 5_000 ? 1 : 4);
    }
    parse.mockRestore();
  });
});

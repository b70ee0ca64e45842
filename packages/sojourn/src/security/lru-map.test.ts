import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LruMap } from "./lru-map.ts";

type Step = { readonly key: string; readonly value: number | null };

const keys = ["a", "b", "c", "d", "e", "f"];
const steps = fc.array(fc.record({ key: fc.constantFrom(...keys), value: fc.option(fc.nat(9)) }), { maxLength: 60 });

describe("LruMap", () => {
  test("holds what the last half of its capacity in looks found or set, with the value set last, and no more than its capacity", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (capacity, given: readonly Step[]) => {
        const map = new LruMap<string, number>(capacity);
        const values = new Map<string, number>();
        /** Keys found or set by each look; null for one that found nothing. */
        const looks: (string | null)[] = [];
        for (const { key, value } of given) {
          const isRecent = looks.slice(-capacity / 2).includes(key) && capacity > 1;
          if (value === null) {
            const found = map.get(key);
            if (found !== undefined || isRecent) expect(found).toBe(values.get(key));
            looks.push(found === undefined ? null : key);
          } else {
            map.set(key, value);
            values.set(key, value);
            looks.push(key);
          }
          expect(map.size).toBeLessThanOrEqual(capacity);
          expect(map.size).toBe(Math.min(capacity, values.size));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("reading keeps an entry, writing over one takes no second place", () => {
    const map = new LruMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.set("b", 3);
    expect(map.get("a")).toBe(1);
    map.set("c", 4);
    expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([1, undefined, 4, 2]);
  });

  test("a busy entry outlives any number of others", () => {
    const map = new LruMap<number, number>(100);
    map.set(-1, 7);
    for (let i = 0; i < 1_000; i++) {
      map.set(i, i);
      if (i % 40 === 0) expect(map.get(-1)).toBe(7);
    }
    expect([map.get(0), map.size]).toEqual([undefined, 100]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LruMap } from "./lru-map.ts";

type Step = { readonly key: string; readonly value: number | null };

/** Entries, least recently used first. */
function modelAfter(capacity: number, steps: readonly Step[]): Array<readonly [string, number]> {
  let entries: Array<readonly [string, number]> = [];
  for (const { key, value } of steps) {
    const kept = entries.find(([each]) => each === key);
    const next = value ?? kept?.[1];
    if (next === undefined) continue;
    entries = [...entries.filter(([each]) => each !== key), [key, next] as const].slice(-capacity);
  }
  return entries;
}

const keys = ["a", "b", "c", "d", "e", "f"];
const steps = fc.array(fc.record({ key: fc.constantFrom(...keys), value: fc.option(fc.nat(9)) }), { maxLength: 40 });

describe("LruMap", () => {
  test("holds what a list in order of use would hold", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (capacity, given) => {
        const map = new LruMap<string, number>(capacity);
        given.forEach(({ key, value }, i) => {
          const expected = modelAfter(capacity, given.slice(0, i)).find(([each]) => each === key)?.[1];
          if (value === null) expect(map.get(key)).toBe(expected);
          else map.set(key, value);
          expect(map.size).toBe(modelAfter(capacity, given.slice(0, i + 1)).length);
        });
        const entries = modelAfter(capacity, given);
        for (const key of keys) expect(map.get(key)).toBe(entries.find(([each]) => each === key)?.[1]);
      }),
      { numRuns: 300 },
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
});

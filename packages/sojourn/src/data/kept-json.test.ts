import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyOf, heapBytesOf, type JsonObject } from "./kept-json.ts";

const dataObject = fc
  .dictionary(fc.string(), fc.jsonValue())
  .map((data) => JSON.parse(JSON.stringify(data)) as JsonObject);

/** Every object within, that one included. */
function objectsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

describe("a copy", () => {
  test("is the same JSON, and shares no object", () => {
    fc.assert(
      fc.property(dataObject, (data) => {
        const copy = copyOf(data);
        expect(copy).toEqual(data);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(data));
        const kept = new Set(objectsIn(data));
        expect(objectsIn(copy).filter((each) => kept.has(each))).toEqual([]);
      }),
    );
  });

  test("of data with a field __proto__ has that field, and the prototype of every object", () => {
    const text = '{"a":{"__proto__":{"admin":true}},"b":[{"__proto__":1}]}';
    const copy = copyOf(JSON.parse(text) as JsonObject);
    expect(JSON.stringify(copy)).toBe(text);
    expect(Object.getPrototypeOf(copy["a"])).toBe(Object.prototype);
    expect((copy["a"] as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("what a value takes", () => {
  test("grows with what is in it", () => {
    const sizes = [1, "", "a".repeat(100), ["a".repeat(100)], { name: ["a".repeat(100)] }].map((each) =>
      heapBytesOf(each),
    );
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(new Set(sizes).size).toBe(sizes.length);
  });

  test("of a text with a character beyond Latin-1 is two bytes for each", () => {
    const [narrow, wide] = [heapBytesOf("a".repeat(1_000)), heapBytesOf(`${"a".repeat(999)}\u0436`)];
    expect(wide - narrow).toBe(1_000);
  });

  test("is without bound when it is too deep to be copied", () => {
    const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
    expect(heapBytesOf(nested(64))).toBeLessThan(10_000);
    expect(heapBytesOf(nested(100_000))).toBe(Number.POSITIVE_INFINITY);
  });
});

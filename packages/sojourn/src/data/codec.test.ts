import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applicationFieldName } from "../../test/fixtures/records/arbitrary.ts";
import { InvalidNameError, InvalidValueError } from "../errors.ts";
import { checkName, deepFreeze, encodeValue } from "./codec.ts";

class Money {
  readonly cents = 5;
}

function circular(): unknown {
  const ring: { self?: unknown } = {};
  ring.self = ring;
  return ring;
}

function circularArray(): unknown {
  const ring: unknown[] = [];
  ring.push(1, ring);
  return ring;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A list with a hole, made so that no linter closes it. */
function sparse(): unknown[] {
  const list = ["a"];
  list[2] = "c";
  return list;
}

function refusalOf(value: unknown): InvalidValueError {
  try {
    encodeValue("field", value);
  } catch (error) {
    if (error instanceof InvalidValueError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const LOST: ReadonlyArray<readonly [string, () => unknown]> = [
  ["a Date", () => new Date(0)],
  ["a Map", () => new Map([["a", 1]])],
  ["a Set", () => new Set([1])],
  ["a WeakMap", () => new WeakMap()],
  ["a RegExp", () => /a/],
  ["an Error", () => new Error("no")],
  ["a Promise", () => Promise.resolve()],
  ["a URL", () => new URL("https://example.test")],
  ["a Buffer", () => Buffer.from("a")],
  ["a typed array", () => new Uint8Array([1])],
  ["an ArrayBuffer", () => new ArrayBuffer(1)],
  ["a String object", () => Object("a")],
  ["a Number object", () => Object(1)],
  ["a Boolean object", () => Object(true)],
  ["a BigInt", () => 1n],
  ["undefined", () => undefined],
  ["NaN", () => Number.NaN],
  ["Infinity", () => Number.POSITIVE_INFINITY],
  ["-Infinity", () => Number.NEGATIVE_INFINITY],
  ["-0", () => -0],
  ["a function", () => () => 1],
  ["a class", () => Money],
  ["a symbol", () => Symbol("s")],
  ["an instance of a class", () => new Money()],
  ["an object that inherits", () => Object.create({ a: 1 })],
  ["an object with toJSON", () => ({ toJSON: () => 1 })],
  ["an object with a hidden toJSON", () => Object.defineProperty({ a: 1 }, "toJSON", { value: () => 1 })],
  ["a lone high surrogate", () => "a\ud800b"],
  ["a lone low surrogate", () => "\udc00"],
];

describe("encodeValue refuses what JSON would lose, and says where", () => {
  test.each(LOST)("%s", (_, make) => {
    expect(refusalOf(make()).path).toBe("field");
    expect(refusalOf([[], make()]).path).toBe("field[1]");
    // An undefined property is an absent one.
    if (make() !== undefined) expect(refusalOf({ a: [{ b: make() }] }).path).toBe("field.a[0].b");
  });

  test("a hole in a list", () => {
    expect(refusalOf({ items: sparse() }).path).toBe("field.items[1]");
  });

  test.each([
    ["object", circular, /^field\.self\.self/],
    ["array", circularArray, /^field\[1\]\[1\]/],
  ])("circular %s: an error, no stack overflow", (_, make, path) => {
    const refusal = refusalOf(make());
    expect(refusal.path).toMatch(path);
    expect(refusal.message).toContain("circular");
  });

  test("64 levels are stored, 65 are not", () => {
    const json = encodeValue("field", nested(64));
    expect(JSON.parse(json)).toEqual(nested(64));
    expect(refusalOf(nested(65)).message).toContain("64");
  });

  test("the error names path, code and kind", () => {
    const refusal = refusalOf({ cart: { items: [1, { addedAt: new Date(0) }] } });
    expect(refusal).toMatchObject({ code: "invalid_value", status: 400, path: "field.cart.items[1].addedAt" });
    expect(refusal.message).toContain("a Date");
    expect(refusalOf(new Money()).message).toContain("a Money");
    expect(refusalOf(-0).message).toContain("-0");
  });
});

describe("encodeValue keeps what it accepts", () => {
  const acceptable = fc.oneof(
    fc.jsonValue({ stringUnit: "binary" }),
    fc.object({
      withNullPrototype: true,
      stringUnit: "binary",
      values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null)],
    }),
  );

  test("every accepted value comes back exactly", () => {
    let accepted = 0;
    fc.assert(
      fc.property(acceptable, (value) => {
        let json: string;
        try {
          json = encodeValue("field", value);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidValueError);
          return;
        }
        accepted += 1;
        const back: unknown = JSON.parse(Buffer.from(json, "utf8").toString("utf8"));
        expect(back).toEqual(value);
        expect(encodeValue("field", back)).toBe(json);
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(200);
  });

  test("whatever it is given, it answers JSON or throws InvalidValueError", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withBoxedValues: true,
      withSparseArray: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        try {
          expect(JSON.parse(encodeValue("field", value))).toEqual(value);
        } catch (error) {
          if (!(error instanceof InvalidValueError)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["null", null],
    ["an empty string", ""],
    ["the least and greatest numbers", [5e-324, Number.MAX_VALUE, Number.MIN_SAFE_INTEGER, 0.1 + 0.2, 1e21]],
    ["a fox and its surrogates in order", "🦊"],
    ["line separators and a BOM", "\u2028\u2029\ufeff\0"],
    ["empty names", { "": { "": [] } }],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 })],
  ])("%s", (_, value) => {
    expect(JSON.parse(encodeValue("field", value))).toEqual(value);
  });

  test("an undefined property is absent, at any depth", () => {
    expect(encodeValue("field", { a: 1, b: undefined, c: { d: undefined } })).toBe('{"a":1,"c":{}}');
  });

  test("N1 an own __proto__ stays data", () => {
    const json = '{"__proto__":{"polluted":true}}';
    expect(encodeValue("field", JSON.parse(json))).toBe(json);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });
});

describe("checkName", () => {
  test("accepts 1–128 bytes of well-formed Unicode", () => {
    fc.assert(
      fc.property(applicationFieldName, (name) => {
        expect(() => checkName(name)).not.toThrow();
      }),
    );
  });

  test.each([
    ["empty", ""],
    ["129 bytes", "n".repeat(129)],
    ["130 bytes in 65 characters", "é".repeat(65)],
    ["__proto__", "__proto__"],
    ["one that is kept for Sojourn", "\0v"],
    ["a lone surrogate", "a\udc00"],
    ["a number", 1],
    ["undefined", undefined],
    ["null", null],
    ["a symbol", Symbol("s")],
    ["an array", ["a"]],
    ["a String object", Object("a")],
    ["an object", { toString: () => "a" }],
  ])("refuses %s", (_, name) => {
    expect(() => checkName(name)).toThrow(InvalidNameError);
  });
});

describe("deepFreeze", () => {
  test("freezes lists and objects all the way down, and lets primitives pass", () => {
    const value = { a: [{ b: { c: 1 } }], d: "text", e: null };
    deepFreeze(value);
    expect([value, value.a, value.a[0], value.a[0]?.b].every((each) => Object.isFrozen(each))).toBe(true);
    expect(() => value.a.push({ b: { c: 2 } })).toThrow(TypeError);
    expect(() => [1, "a", null, undefined].forEach(deepFreeze)).not.toThrow();
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "./errors.ts";
import { parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  test.each([
    ["1ms", 1],
    ["250ms", 250],
    ["1s", 1_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["30d", 2_592_000_000],
    ["2w", 1_209_600_000],
    ["007s", 7_000],
    ["999999999ms", 999_999_999],
  ])("%s is %i ms", (text, ms) => {
    expect(parseDuration("idle", text)).toBe(ms);
  });

  test("any whole number and unit", () => {
    const units = fc.constantFrom(
      ["ms", 1],
      ["s", 1e3],
      ["m", 6e4],
      ["h", 36e5],
      ["d", 864e5],
      ["w", 6048e5],
    ) as fc.Arbitrary<[string, number]>;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), units, (n, [unit, ms]) => {
        expect(parseDuration("idle", `${n}${unit}`)).toBe(n * ms);
      }),
    );
  });

  test.each([
    ["0s"],
    ["0"],
    [""],
    ["15"],
    ["m"],
    ["15 m"],
    [" 15m"],
    ["15m "],
    ["15m\n"],
    ["15M"],
    ["15min"],
    ["15y"],
    ["36501d"],
    ["999999999w"],
    ["1.5h"],
    ["1e3s"],
    ["-5m"],
    ["+5m"],
    ["1h30m"],
    ["0x10s"],
    ["١٥m"],
    ["1000000000ms"],
    ["Infinity"],
    [900_000],
    [0],
    [Number.NaN],
    [null],
    [undefined],
    [true],
    [["15m"]],
    [{ ms: 5 }],
    [Object("15m")],
    [Symbol("15m")],
  ])("%o is refused, by the name of its option", (value) => {
    expect(() => parseDuration("policies.normal.idle", value)).toThrow(ConfigError);
    expect(() => parseDuration("policies.normal.idle", value)).toThrow("policies.normal.idle");
  });
});

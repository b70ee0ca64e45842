import { describe, expect, test } from "vitest";
import { bootstrap, compare, median, quantile, summary } from "./statistics.ts";

describe("quantile", () => {
  test.each([
    [[3], 0.5, 3],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[5, 1, 3], 0.5, 3],
    [[10, 20, 30, 40, 50], 0.25, 20],
    [[0, 10], 0.99, 9.9],
    [[7, 3], 0, 3],
    [[7, 3], 1, 7],
    // As text 100 would come before 20.
    [[100, 20, 3], 1, 100],
  ])("of %j at %d is %d", (values, q, expected) => {
    expect(quantile(values, q)).toBeCloseTo(expected, 12);
  });

  test("of nothing is a mistake of the caller", () => {
    expect(() => median([])).toThrow(RangeError);
  });

  test("leaves its values in their order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

test("summary: the spread is between the quartiles, so that one stray sample does not make it", () => {
  expect(summary([10, 11, 12, 13, 1_000])).toEqual({ median: 12, min: 10, max: 1_000, spread: 2 });
});

describe("bootstrap", () => {
  test("holds the median, and is a point for equal values", () => {
    expect(bootstrap([5, 5, 5])).toEqual({ median: 5, low: 5, high: 5 });
    const { median: middle, low, high } = bootstrap([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(middle).toBe(5);
    expect(low).toBeGreaterThanOrEqual(1);
    expect(low).toBeLessThan(5);
    expect(high).toBeGreaterThan(5);
    expect(high).toBeLessThanOrEqual(9);
  });

  test("says the same of the same values", () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6];
    expect(bootstrap(values)).toEqual(bootstrap(values));
  });

  test("covers the true median about 95 times in 100", () => {
    const noise = (seed: number): number => {
      const x = Math.sin(seed * 12.9898) * 43_758.5453;
      return x - Math.floor(x);
    };
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const { low, high } = bootstrap(Array.from({ length: 15 }, (_, i) => noise(trial * 15 + i + 1)));
      if (low <= 0.5 && 0.5 <= high) covered += 1;
    }
    expect(covered).toBeGreaterThan(176);
    expect(covered).toBeLessThan(200);
  }, 60_000);
});

describe("compare", () => {
  const baseline = [100, 104, 98, 101, 99, 103, 102];

  test("a plain difference is a finding, with its ratio", () => {
    const { ratio, difference, isFinding } = compare(
      baseline.map((value) => value * 2),
      baseline,
    );
    expect(ratio).toEqual({ median: 2, low: 2, high: 2 });
    expect(difference.median).toBe(101);
    expect(isFinding).toBe(true);
  });

  test("drift that both sides share does not hide it: pairs are compared", () => {
    const drifting = [100, 200, 400, 800, 1_600];
    const { ratio } = compare(
      drifting.map((value) => value * 1.5),
      drifting,
    );
    expect(ratio).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
  });

  test("a difference whose interval holds 0 is none", () => {
    expect(compare([101, 99, 103, 97, 102, 98, 100], [100, 100, 100, 100, 100, 100, 100]).isFinding).toBe(false);
  });

  test("nor is a steady difference that is smaller than the spread of the samples", () => {
    const wide = [100, 150, 60, 140, 80, 120, 90];
    const { difference, isFinding } = compare(
      wide.map((value) => value + 1),
      wide,
    );
    expect(difference).toEqual({ median: 1, low: 1, high: 1 });
    expect(isFinding).toBe(false);
  });

  test("samples that do not pair are a mistake of the caller", () => {
    expect(() => compare([1], [1, 2])).toThrow(RangeError);
  });
});

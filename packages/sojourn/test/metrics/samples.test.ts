/** Samples of an application's own, on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { ENGINES, type Engine, engineBench } from "../support/engines.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const bench = engineBench();

async function open(engine: Engine): Promise<Sessions> {
  const { store, clock } = await bench.open(engine);
  return createSessions({ store, clock, secrets: [TEST_SECRET], background: false });
}

const NONE = { count: 0, mean: null, min: null, max: null, p50: null, p95: null, p99: null };

describe.each(ENGINES)("%s", (engine) => {
  test("a summary of 1 to 200 in any order, by nearest rank", async () => {
    const { metrics } = await open(engine);
    const values = Array.from({ length: 200 }, (_, i) => ((i * 67) % 200) + 1);
    await Promise.all(values.map((value) => metrics.record("a", value)));
    const summary = { count: 200, mean: 100.5, min: 1, max: 200, p50: 100, p95: 190, p99: 198 };
    expect(await metrics.summary("a")).toEqual(summary);
    expect(await metrics.summary("b")).toEqual(NONE);
  });

  test("one sample is all of its percentiles; of three the middle one is p50 and the last one p95", async () => {
    const { metrics } = await open(engine);
    await metrics.record("one", -0.5);
    const only = { count: 1, mean: -0.5, min: -0.5, max: -0.5, p50: -0.5, p95: -0.5, p99: -0.5 };
    expect(await metrics.summary("one")).toEqual(only);
    for (const value of [30, 10, 20]) await metrics.record("three", value);
    expect(await metrics.summary("three")).toMatchObject({ p50: 20, p95: 30, p99: 30 });
  });

  test("the mean lies between the least and the greatest, whatever floating point makes of the sum", async () => {
    const { metrics } = await open(engine);
    for (let i = 0; i < 10; i++) await metrics.record("tenth", 0.1);
    expect(await metrics.summary("tenth")).toMatchObject({ mean: 0.1, min: 0.1, max: 0.1 });
    for (const value of [1e308, 1e308]) await metrics.record("great", value);
    expect((await metrics.summary("great")).mean).toBe(1e308);
  });
});

test("names are 1 to 64 characters of A-Z a-z 0-9 _ . : -, values finite numbers: else a TypeError, and nothing is stored", async () => {
  const { metrics } = await open("redis");
  for (const name of ["", "a b", "a/b", "ü", "a".repeat(65), "a\n", "{t}", null, 7, undefined]) {
    await expect(metrics.record(name as string, 1)).rejects.toThrow(TypeError);
    await expect(metrics.summary(name as string)).rejects.toThrow(TypeError);
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, "1", null, undefined, 1n]) {
    await expect(metrics.record("a", value as number)).rejects.toThrow(TypeError);
  }
  const keys = await bench.redis().admin.keys("*:m:*");
  expect(keys).toEqual([]);
  const longest = `Az09_.:-${"x".repeat(56)}`;
  await metrics.record(longest, 1);
  expect((await metrics.summary(longest)).count).toBe(1);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";

function limitOf(rate: unknown): { limit: RateLimit; pass(ms: number): void } {
  let now = 1_000;
  return {
    limit: new RateLimit("rate", rate, () => now),
    pass: (ms) => {
      now += ms;
    },
  };
}

describe("RateLimit", () => {
  test("all at once up to the number, then one by one as time passes", () => {
    const { limit, pass } = limitOf("5/s");
    expect(Array.from({ length: 6 }, () => limit.take())).toEqual([0, 0, 0, 0, 0, 200]);
    pass(150);
    expect(limit.take()).toBeCloseTo(50);
    pass(50);
    expect(limit.take()).toBe(0);
    expect(limit.take()).toBeCloseTo(200);
  });

  test("what was not used is saved up to the number, no further", () => {
    const { limit, pass } = limitOf("3/m");
    pass(3_600_000);
    expect(Array.from({ length: 4 }, () => limit.take())).toEqual([0, 0, 0, 20_000]);
  });

  test("in any stretch of time never more than the number and what time brought", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.record({ waitMs: fc.nat(3_000), takes: fc.nat(100) }), { maxLength: 50 }),
        (number, steps) => {
          const { limit, pass } = limitOf(`${number}/s`);
          let [taken, elapsed] = [0, 0];
          for (const { waitMs, takes } of steps) {
            pass(waitMs);
            elapsed += waitMs;
            for (let i = 0; i < takes; i++) if (limit.take() === 0) taken += 1;
            expect(taken).toBeLessThanOrEqual(number + (elapsed * number) / 1_000 + 1e-6);
          }
        },
      ),
    );
  });

  test.each([["10/s"], ["6000/m"], ["1/h"]])("%s is a rate", (rate) => {
    expect(limitOf(rate).limit.take()).toBe(0);
  });

  test.each([["0/s"], ["100"], ["100/d"], ["-1/s"], ["1.5/s"], [" 1/s"], ["1/s\n"], [""], [100], [null], [{}]])(
    "%j is no rate, and the message names the option",
    (rate) => {
      expect(() => limitOf(rate)).toThrow(expect.objectContaining({ code: "config_invalid" }));
      expect(() => limitOf(rate)).toThrow(/Option rate must be a rate such as "100\/s"/);
    },
  );
});

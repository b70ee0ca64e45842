import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { busyTicks, cpuTicks, foreignCores, ownTicks } from "./foreign-cpu.ts";

test("reads what Linux writes", () => {
  expect(busyTicks("cpu  100 20 3 999 5 6 7 8 0 0\ncpu0 1 2 3 4\n")).toBe(123);
  expect(ownTicks("7 (a b) c) S 1 7 7 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 9 0 5\n")).toBe(110);
});

test("others are who is left of all when our own time is taken away", () => {
  const before = { busy: 1_000, own: 100 };
  expect(foreignCores(before, { busy: 1_300, own: 350 }, 2)).toBeCloseTo(0.25);
  expect(foreignCores(before, { busy: 1_200, own: 350 }, 2)).toBe(0);
  expect(foreignCores(null, before, 2)).toBeUndefined();
});

test.runIf(process.platform === "linux")("a child that has ended is not another", () => {
  const before = cpuTicks();
  execFileSync(process.execPath, ["-e", "for (const end = Date.now() + 400; Date.now() < end; );"]);
  const after = cpuTicks();
  expect((after?.own ?? 0) - (before?.own ?? 0)).toBeGreaterThan(10);
});

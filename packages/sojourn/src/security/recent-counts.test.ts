import { expect, test } from "vitest";
import { RecentCounts } from "./recent-counts.ts";

test("counts each key from its first within the window", () => {
  let now = 0;
  const counts = new RecentCounts(100, () => now);
  expect([counts.add("a"), counts.add("a"), counts.add("b")]).toEqual([1, 2, 1]);
  now = 99;
  expect(counts.add("a")).toBe(3);
  now = 100;
  expect([counts.add("a"), counts.add("a")]).toEqual([1, 2]);
});

test("M1: remembers the 10,000 keys of last, whatever is sent", () => {
  const counts = new RecentCounts(1_000_000, () => 0);
  for (let i = 0; i < 30_000; i++) counts.add(`key ${i}`);
  expect([counts.add("key 29999"), counts.add("key 20000"), counts.add("key 19000")]).toEqual([2, 2, 1]);
});

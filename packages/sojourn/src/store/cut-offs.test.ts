import { expect, test } from "vitest";
import { CutOffs } from "./cut-offs.ts";

const cutOff = { before: 1_000, reason: "leaked", actor: null, keptMs: 1_000_000 };

test("D7 lost is what was known, was made since a time, and is missing or earlier now", () => {
  const known = CutOffs.NONE.with({ ...cutOff, policy: null }, 5_000).with(
    { ...cutOff, policy: "normal", actor: "ops" },
    6_000,
  );
  expect(CutOffs.NONE.lost(known, 5_000)).toEqual([
    { policy: null, before: 1_000, reason: "leaked", actor: null },
    { policy: "normal", before: 1_000, reason: "leaked", actor: "ops" },
  ]);
  expect(CutOffs.NONE.lost(known, 5_001).map(({ policy }) => policy)).toEqual(["normal"]);
  expect(known.lost(known, 0)).toEqual([]);
  const earlier = CutOffs.NONE.with({ ...cutOff, policy: null, before: 999 }, 7_000);
  expect(earlier.lost(known, 0).map(({ policy }) => policy)).toEqual([null, "normal"]);
  const later = CutOffs.NONE.with({ ...cutOff, policy: null, before: 1_001 }, 7_000);
  expect(later.lost(known, 0).map(({ policy }) => policy)).toEqual(["normal"]);
});

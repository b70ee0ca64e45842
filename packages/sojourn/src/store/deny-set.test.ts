import { expect, test } from "vitest";
import { manualClock } from "../testing/manual-clock.ts";
import { DenySet } from "./deny-set.ts";

const TOMBSTONE = { reason: "logout", actor: null, createdAt: 1, endedAt: 2 };
const MINUTE_MS = 60_000;

test("D7 what this process ended says why, also when it is heard of before or after", () => {
  const denied = new DenySet(manualClock());
  denied.addHeard("a", 7);
  denied.addOwn("a", TOMBSTONE);
  denied.addHeard("a", 8);
  expect(denied.endingOf("a")).toMatchObject(TOMBSTONE);
  expect(denied.ownIds()).toEqual(["a"]);
  expect(denied.heardIds()).toEqual([]);
  denied.addHeard("b", 7);
  expect(denied.endingOf("b")).toMatchObject({ reason: "revoked", endedAt: 7 });
  expect(denied.endingOf("c")).toBeNull();
});

test("D7 ids are forgotten after ten minutes, the oldest first", async () => {
  const clock = manualClock();
  const denied = new DenySet(clock);
  denied.addOwn("a", TOMBSTONE);
  denied.addHeard("b", 7);
  await clock.advance(6 * MINUTE_MS);
  denied.addOwn("c", TOMBSTONE);
  await clock.advance(4 * MINUTE_MS + 1);
  denied.addHeard("d", 7);
  expect([...denied.ownIds(), ...denied.heardIds()]).toEqual(["c", "d"]);
  expect(denied.endingOf("a")).toBeNull();
});

test("D7 none is forgotten for its age while the server must still be told", async () => {
  const clock = manualClock();
  const denied = new DenySet(clock);
  denied.addOwn("a", TOMBSTONE);
  denied.isHeld = true;
  await clock.advance(60 * MINUTE_MS);
  denied.forgetOld();
  expect(denied.ownIds()).toEqual(["a"]);
  denied.isHeld = false;
  denied.forgetOld();
  expect(denied.size).toBe(0);
});

test("D7 it is bounded, and what is heard does not push out what this process ended", () => {
  const denied = new DenySet(manualClock(), 3);
  denied.addOwn("own", TOMBSTONE);
  for (let i = 0; i < 10; i++) denied.addHeard(`heard ${i}`, i);
  expect(denied.size).toBe(4);
  expect(denied.endingOf("own")).not.toBeNull();
  expect(denied.heardIds()).toEqual(["heard 9", "heard 8", "heard 7"]);
  for (let i = 0; i < 10; i++) denied.addOwn(`own ${i}`, TOMBSTONE);
  expect(denied.ownIds()).toEqual(["own 9", "own 8", "own 7"]);
  expect(denied.size).toBe(6);
});

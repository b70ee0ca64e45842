import { expect, test } from "vitest";
import { ServerClock } from "./server-clock.ts";

function clocks() {
  const local = { wall: 1_000_000, steady: 0 };
  const clock = { now: () => local.wall, monotonic: () => local.steady, shift: () => 0 };
  return { local, server: new ServerClock(clock) };
}

test("the server's time goes on with the monotonic clock, whatever the wall clock does", () => {
  const { local, server } = clocks();
  local.steady = 10;
  server.sampled(5_000_005, 0);
  expect(server.now()).toBe(5_000_010);
  local.wall = 1;
  local.steady = 1_010;
  expect(server.now()).toBe(5_001_010);
});

test("a slow answer does not spoil a good sample, until that is old", () => {
  const { local, server } = clocks();
  local.steady = 2;
  server.sampled(5_000_001, 0);
  local.steady = 400;
  server.sampled(5_000_030, 20);
  expect(server.now()).toBe(5_000_400);
  local.steady = 31_000;
  expect(server.isStale()).toBe(true);
  server.sampled(5_031_000, 30_600);
  expect(server.isStale()).toBe(false);
  expect(server.now()).toBe(5_031_200);
});

test("an answer that contradicts the sample in use replaces it: the server's clock was set", () => {
  const { local, server } = clocks();
  local.steady = 2;
  server.sampled(5_000_001, 0);
  local.steady = 100;
  server.sampled(8_000_000, 60);
  expect(server.now()).toBe(8_000_020);
});

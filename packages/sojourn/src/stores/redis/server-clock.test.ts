import { expect, test } from "vitest";
import { ServerClock } from "./server-clock.ts";

/** `wall` is the wall clock's lead over the monotonic one. */
function clocks() {
  const local = { wall: 1_000_000, steady: 0 };
  const clock = { now: () => local.wall + local.steady, monotonic: () => local.steady, shift: () => 0 };
  const server = new ServerClock(clock);
  const sample = (time: number, sentAt: number): void =>
    server.sampled(time, { at: sentAt, wallOffset: local.wall, shift: 0 });
  return { local, server, sample };
}

test("the server's time goes on with the monotonic clock, whatever the wall clock does", () => {
  const { local, server, sample } = clocks();
  local.steady = 10;
  sample(5_000_005, 0);
  expect(server.now()).toBe(5_000_010);
  local.wall = 1;
  local.steady = 1_010;
  expect(server.now()).toBe(5_001_010);
});

test("a slow answer does not spoil a good sample, until that is old", () => {
  const { local, server, sample } = clocks();
  local.steady = 2;
  sample(5_000_001, 0);
  local.steady = 400;
  sample(5_000_030, 20);
  expect(server.now()).toBe(5_000_400);
  local.steady = 31_000;
  sample(5_031_000, 30_600);
  expect(server.now()).toBe(5_031_200);
});

test("an answer that contradicts the sample in use replaces it: the server's clock was set", () => {
  const { local, server, sample } = clocks();
  local.steady = 2;
  sample(5_000_001, 0);
  local.steady = 100;
  sample(8_000_000, 60);
  expect(server.now()).toBe(8_000_020);
});

test("a sample is unusable when the clocks parted by more than a second: the machine was suspended", () => {
  const { local, server, sample } = clocks();
  local.steady = 2;
  sample(5_000_001, 0);
  local.wall += 1_000;
  expect(server.isUsable()).toBe(true);
  local.wall += 1;
  expect(server.isUsable()).toBe(false);
  local.steady = 400;
  sample(5_001_201, 0);
  expect(server.isUsable()).toBe(true);
});

test("a sample that was under way while the machine was suspended is unusable", () => {
  const { local, server } = clocks();
  const sent = server.sent();
  local.wall += 60_000;
  local.steady = 2;
  server.sampled(5_000_001, sent);
  expect(server.isUsable()).toBe(false);
});

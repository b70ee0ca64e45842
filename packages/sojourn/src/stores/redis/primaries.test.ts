import { expect, test } from "vitest";
import { CallGate } from "./call-gate.ts";
import type { Driver } from "./driver.ts";
import { Primaries } from "./primaries.ts";
import { ServerClock } from "./server-clock.ts";

const clock = { now: () => 1_000_000, monotonic: () => 0, shift: () => 0 };

/** Keys are on the primary of their first letter, unless that was taken over. */
function primariesOf(takenOver: Record<string, string>): Primaries {
  const driver = { primaryOf: (key: string) => takenOver[key.charAt(0)] ?? key.charAt(0) } as Driver;
  return new Primaries(driver, (key) => ({
    key,
    clock: new ServerClock(clock),
    gate: new CallGate({ maxInFlight: 1_000, inTimeMs: 10, clock, ask: () => Promise.resolve() }),
  }));
}

test("each primary has its own clock", () => {
  const primaries = primariesOf({});
  primaries.of("a1").clock.sampled(5_000, { at: 0, wallOffset: 1_000_000, shift: 0 });
  primaries.of("b1").clock.sampled(7_000, { at: 0, wallOffset: 1_000_000, shift: 0 });
  expect(primaries.of("a2").clock.now()).toBe(5_000);
  expect(primaries.of("b2").clock.now()).toBe(7_000);
});

test("one that stops answering stops no call to another", () => {
  const primaries = primariesOf({});
  const { gate } = primaries.of("a1");
  for (let call = 0; call < 1_000; call++) gate.begun();
  expect(primaries.of("a2").gate.refusal()).toMatchObject({ reason: "overload" });
  expect(primaries.of("b1").gate.refusal()).toBeNull();
});

test("after a reconnect no clock is believed, and one whose keys went elsewhere is forgotten", () => {
  const takenOver: Record<string, string> = {};
  const primaries = primariesOf(takenOver);
  for (const key of ["a1", "b1"]) {
    primaries.of(key).clock.sampled(5_000, { at: 0, wallOffset: 1_000_000, shift: 0 });
    expect(primaries.of(key).clock.isUsable()).toBe(true);
  }
  takenOver["a"] = "c";
  primaries.reconnected();
  expect(primaries.all().map(({ key }) => key)).toEqual(["b1"]);
  expect(primaries.of("b1").clock.isUsable()).toBe(false);
  // Until it is asked, what it said last is the best guess.
  expect(primaries.of("b1").clock.now()).toBe(5_000);
});

test("nobody asks for one that is forgotten, though calls to it fail later", () => {
  const takenOver: Record<string, string> = {};
  let asked = 0;
  let now = 0;
  const moving = { ...clock, monotonic: () => now };
  const driver = { primaryOf: (key: string) => takenOver[key] ?? key } as Driver;
  const ask = async (): Promise<void> => void asked++;
  const primaries = new Primaries(driver, (key) => ({
    key,
    clock: new ServerClock(moving),
    gate: new CallGate({ maxInFlight: 1_000, inTimeMs: 10, clock: moving, ask }),
  }));
  const { gate } = primaries.of("a");
  const failAll = (): void => {
    for (let failure = 0; failure < 5; failure++) {
      now += 100;
      gate.failed();
    }
  };
  failAll();
  expect(asked).toBe(1);
  takenOver["a"] = "b";
  primaries.reconnected();
  failAll();
  expect(asked).toBe(1);
});

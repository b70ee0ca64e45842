import { expect, test } from "vitest";
import { CallGate } from "./call-gate.ts";
import type { Driver } from "./driver.ts";
import { Primaries } from "./primaries.ts";
import { ServerClock } from "./server-clock.ts";

const clock = { now: () => 1_000_000, monotonic: () => 0, shift: () => 0 };

/** Keys are on the primary of their first letter, unless that was taken over. */
function primariesOf(
  takenOver: Record<string, string>,
  driver: Partial<Driver> = { primaryOf: (key) => takenOver[key.charAt(0)] ?? key.charAt(0) },
): Primaries {
  return new Primaries(driver as Driver, () => ({
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

test("one whose connection broke has its clock asked before it is believed, the others not", () => {
  const primaries = primariesOf({});
  for (const key of ["a1", "b1"]) primaries.of(key).clock.sampled(5_000, { at: 0, wallOffset: 1_000_000, shift: 0 });
  primaries.lost("a");
  primaries.lost("a replica that nobody has met");
  expect(["a1", "b1"].map((key) => primaries.of(key).clock.isDoubted)).toEqual([true, false]);
});

test("one that is away stays as it was when another one is connected, and is asked before it is believed", () => {
  const driver = { primaryOf: (key: string) => key.charAt(0), isAway: (key: string) => key === "a1" };
  const primaries = primariesOf({}, driver);
  const [away, other] = ["a1", "b1"].map((key) => primaries.of(key));
  for (const each of [away, other]) {
    each?.clock.sampled(5_000, { at: 0, wallOffset: 1_000_000, shift: 0 });
    for (let call = 0; call < 1_000; call++) each?.gate.begun();
  }
  primaries.reconnected();
  expect([away?.clock.isUsable(), other?.clock.isUsable()]).toEqual([true, false]);
  expect([away?.clock.isDoubted, other?.clock.isDoubted]).toEqual([true, true]);
  expect([away?.gate.refusal()?.reason, other?.gate.refusal()]).toEqual(["overload", null]);
});

test("one is asked about the key last met, also where the slot of the first one went elsewhere", () => {
  const takenOver: Record<string, string> = {};
  const driver = { primaryOf: (key: string) => takenOver[key] ?? key.charAt(0) } as Driver;
  const questions: (() => string)[] = [];
  const primaries = new Primaries(driver, (keyOf) => {
    questions.push(keyOf);
    return { clock: new ServerClock(clock), gate: primariesOf({}).of("any").gate };
  });
  const known = primaries.of("a1");
  takenOver["a1"] = "b";
  expect(primaries.of("a2")).toBe(known);
  primaries.of("a1");
  expect(questions.map((keyOf) => keyOf())).toEqual(["a2", "a1"]);
  primaries.reconnected();
  expect(primaries.of("a2")).toBe(known);
});

test("nobody asks for one that is forgotten, though calls to it fail later", () => {
  const takenOver: Record<string, string> = {};
  let asked = 0;
  let now = 0;
  const moving = { ...clock, monotonic: () => now };
  const driver = { primaryOf: (key: string) => takenOver[key] ?? key } as Driver;
  const ask = async (): Promise<void> => void asked++;
  const primaries = new Primaries(driver, () => ({
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

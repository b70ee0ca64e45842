import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../clock.ts";
import { CallGate } from "./call-gate.ts";

/** What a test does with the questions that the gate asks. */
interface Question {
  answer(): void;
  fail(): void;
}

let now = 0;
const questions: Question[] = [];

function gateOf(maxInFlight = 1_000): CallGate {
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      questions.push({ answer: resolve, fail: () => reject(new Error("the connection broke")) });
    });
  const clock = { ...systemClock, monotonic: () => now };
  return new CallGate({ maxInFlight, inTimeMs: 250, clock, ask });
}

function fail(gate: CallGate, times: number, everyMs = 20): void {
  for (let i = 0; i < times; i++) {
    now += everyMs;
    gate.failed();
  }
}

async function answerLast(afterMs: number): Promise<void> {
  now += afterMs;
  questions.at(-1)?.answer();
  await Promise.resolve();
}

beforeEach(() => {
  vi.useFakeTimers();
  now = 1_000;
  questions.length = 0;
});
afterEach(() => void vi.useRealTimers());

describe("CallGate", () => {
  test("opens after five failures in a row, and asks the server by itself", () => {
    const gate = gateOf();
    fail(gate, 4);
    expect([gate.refusal(), questions.length]).toEqual([null, 0]);
    fail(gate, 1);
    expect(gate.refusal()).toMatchObject({ reason: "circuit_open", outcome: "not_executed", status: 503 });
    expect(questions).toHaveLength(1);
  });

  test("an answer in between begins the count anew; failures of one moment are one", () => {
    const gate = gateOf();
    fail(gate, 4);
    gate.answered();
    fail(gate, 4);
    fail(gate, 100, 0.01);
    expect(gate.refusal()).toBeNull();
  });

  test("an answer in time closes it", async () => {
    const gate = gateOf();
    fail(gate, 5);
    await answerLast(250);
    expect(gate.refusal()).toBeNull();
    vi.advanceTimersByTime(10_000);
    expect(questions).toHaveLength(1);
  });

  test("an answer that comes late has it ask again at once, and closes nothing", async () => {
    const gate = gateOf();
    fail(gate, 5);
    await answerLast(2_000);
    expect([gate.refusal()?.reason, questions.length]).toEqual(["circuit_open", 2]);
    await answerLast(1);
    expect(gate.refusal()).toBeNull();
  });

  test("one question at a time; one that is never answered is given up, and one that failed is asked again", async () => {
    const gate = gateOf();
    fail(gate, 5);
    now += 1_800;
    vi.advanceTimersByTime(1_800);
    expect(questions).toHaveLength(1);
    now += 2_000;
    vi.advanceTimersByTime(500);
    expect(questions).toHaveLength(2);
    questions.at(-1)?.fail();
    await Promise.resolve();
    await Promise.resolve();
    vi.advanceTimersByTime(250);
    expect(questions).toHaveLength(3);
    questions[0]?.answer();
    await Promise.resolve();
    expect(gate.refusal()).not.toBeNull();
  });

  test("a client that connected anew closes it, and forgets what was under way", () => {
    const gate = gateOf(1_000);
    const eras = Array.from({ length: 1_000 }, () => gate.begun());
    fail(gate, 5);
    gate.reconnected();
    expect(gate.refusal()).toBeNull();
    for (const era of eras) gate.ended(era);
    for (let i = 0; i < 1_000; i++) gate.begun();
    expect(gate.refusal()?.reason).toBe("overload");
  });

  test("once stopped, failures of what was under way open nothing, and nothing is asked", () => {
    const gate = gateOf();
    fail(gate, 5);
    gate.stop();
    fail(gate, 20);
    vi.advanceTimersByTime(60_000);
    expect([gate.refusal(), questions.length]).toEqual([null, 1]);
  });

  test("as many as may are under way: the next fails at once, until one of them ends", () => {
    const gate = gateOf(1_000);
    const eras = Array.from({ length: 1_000 }, () => gate.begun());
    expect(gate.refusal()).toMatchObject({ reason: "overload", outcome: "not_executed" });
    gate.ended(eras[0] ?? 0);
    expect(gate.refusal()).toBeNull();
  });

  test.each([0, 999, 1_000.5, Number.POSITIVE_INFINITY, "2000", null])("maxInFlight %s is refused", (given) => {
    expect(() => CallGate.checkedMax(given)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  });
});

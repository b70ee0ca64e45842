import { expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { memoryStore } from "../stores/memory/memory-store.ts";
import type { Observer, StoreCall } from "./observer.ts";
import { TrackedStore } from "./tracked-store.ts";

const ID = "AAAAAAAAAAAAAAAAAAAAAAAA";

function tracked({ wantsEachRead = false } = {}) {
  const calls: StoreCall[] = [];
  let looks = 0;
  const answers: Promise<null>[] = [];
  const store = memoryStore();
  store.read = () => {
    const answer = Promise.resolve(null);
    answers.push(answer);
    return answer;
  };
  const observer: Observer = { wantsEachRead, validated: () => undefined, called: (call) => void calls.push(call) };
  const clock = { ...systemClock, monotonic: () => ++looks };
  return { store: new TrackedStore(store, observer, clock), calls, answers, looks: () => looks };
}

test("of 16 reads one is timed and stands for all; the others cost no look at a clock and no promise more", async () => {
  const { store, calls, answers, looks } = tracked();
  for (let i = 1; i <= 15; i++) expect(store.read(ID)).toBe(answers.at(-1));
  expect(looks()).toBe(0);
  await store.read(ID);
  expect(looks()).toBe(2);
  expect(calls).toEqual([{ operation: "read", ms: 1, failure: null, standsFor: 16 }]);
  for (let i = 0; i < 160; i++) await store.read(ID);
  expect(calls.map(({ standsFor }) => standsFor)).toEqual(Array(11).fill(16));
});

test("an observer that wants each read is told of each", async () => {
  const { store, calls } = tracked({ wantsEachRead: true });
  for (let i = 0; i < 20; i++) await store.read(ID);
  expect(calls.map(({ standsFor }) => standsFor)).toEqual(Array(20).fill(1));
});

test("closing waits for samples and counts that are under way", async () => {
  const inner = memoryStore();
  const { metrics } = inner;
  const slow = Promise.withResolvers<void>();
  metrics.recordSample = () => slow.promise;
  const store = new TrackedStore(inner, { wantsEachRead: false, validated() {}, called() {} }, systemClock);
  void store.metrics.recordSample("a", 1);
  let settled = false;
  const settling = store.settled().then(() => (settled = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  slow.resolve();
  await settling;
});

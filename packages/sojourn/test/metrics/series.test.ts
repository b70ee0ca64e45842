/** The course of the last day: what is counted, when it is sent, and by whom. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSessions, memoryStore, type Sessions, type SessionsOptions, type Store } from "../../src/index.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "../support/engines.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { WatchedStore } from "../support/watched-store.ts";

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const NOTHING = { created: 0, ended: 0, valid: 0, refused: 0, writes: 0, unavailable: 0 };

const bench = engineBench();

beforeEach(() => {
  // The clock of the sessions is set forward by hand: here only the timer that sends is.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Server {
  readonly sessions: Sessions;
  readonly watched: WatchedStore;
  readonly log: string[];
  /** What was sent, each time. */
  readonly sent: Record<string, number>[];
}

function serverOn(store: Store, clock: ManualClock, options: SessionsOptions = {}): Server {
  const log: string[] = [];
  const sent: Record<string, number>[] = [];
  const metrics = {
    ...forwarded(store.metrics),
    addToSeries: (at: number, counts: ReadonlyMap<string, number>) => {
      sent.push(Object.fromEntries(counts));
      return store.metrics.addToSeries(at, counts);
    },
  };
  const watched = new WatchedStore(
    new Proxy(store, {
      get: (target, name) => {
        const member: unknown = name === "metrics" ? metrics : Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    }),
  );
  const sessions = createSessions({
    store: watched.store,
    clock,
    secrets: [TEST_SECRET],
    log: (line) => log.push(line),
    reaper: false,
    ...options,
  });
  return { sessions, watched, log, sent };
}

function forwarded(metrics: Store["metrics"]): Store["metrics"] {
  return {
    recordSample: (...args) => metrics.recordSample(...args),
    samples: (name) => metrics.samples(name),
    addToSeries: (...args) => metrics.addToSeries(...args),
    series: () => metrics.series(),
  };
}

/** Lets a minute pass, and what is sent then be stored. */
async function minute(clock: ManualClock): Promise<void> {
  await clock.advance(MINUTE);
  vi.advanceTimersByTime(MINUTE);
  await new Promise((resolve) => setImmediate(resolve));
}

/** Like `vi.waitUntil`, which would set the faked timers forward. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(5);
}

async function countsOf({ metrics }: Sessions) {
  return (await metrics.series()).map(({ at, ...counts }) => {
    expect(at % MINUTE).toBe(0);
    return counts;
  });
}

test.each(ENGINES)("six counters of a history that was worked out by hand [%s]", async (engine) => {
  const { store, clock } = await bench.open(engine);
  const { sessions, log } = serverOn(store, clock);
  const ada = await sessions.create({ userId: "ada" }); // created 1, writes 1
  const visitor = await sessions.create({}); // created 2, writes 2
  for (let i = 0; i < 5; i++) await sessions.validate(ada.token); // valid 5
  await sessions.validate("no token"); // refused 1
  await ada.session.set("theme", "dark"); // writes 3
  await sessions.revoke(visitor.session.id); // ended 1, writes 4
  await sessions.validate(visitor.token); // refused 2
  const grace = await sessions.login(null, { userId: "grace" }); // created 3, writes 5
  await sessions.validate(grace.token, { touch: true }); // valid 6, writes 6
  await sessions.logout(grace.token); // ended 2, writes 7
  await sessions.logout(grace.token); // a write that changed nothing, writes 8
  await clock.advance(24 * 60 * MINUTE);
  await sessions.validate(ada.token); // refused 3, and ended behind the answer: ended 3
  await until(async () => (await sessions.stats()).ended === 3);
  await minute(clock);
  await until(async () => (await countsOf(sessions)).length > 0);
  const counted = { created: 3, ended: 3, valid: 6, refused: 3, writes: 8, unavailable: 0 };
  expect(await countsOf(sessions)).toEqual([counted]);
  await sessions.close();
  expect(log).toEqual([]);
});

test("nothing is sent before a full minute, nor when nothing was counted", async () => {
  const clock = manualClock();
  const server = serverOn(memoryStore({ clock }), clock);
  await server.sessions.create({});
  vi.advanceTimersByTime(MINUTE - 1);
  expect(server.sent).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(server.sent).toHaveLength(1);
  for (let i = 0; i < 5; i++) await minute(clock);
  expect(server.sent).toHaveLength(1);
  await server.sessions.close();
  expect(server.sent).toHaveLength(1);
});

test("what is left is sent on close, and after it nothing", async () => {
  const clock = manualClock();
  const server = serverOn(memoryStore({ clock }), clock);
  const { sessions, watched } = server;
  const { token } = await sessions.create({});
  await minute(clock);
  await sessions.validate(token, { touch: false });
  // Under way when closing begins: it counts all the same.
  const slow = Promise.withResolvers<void>();
  watched.before.set("create", () => slow.promise);
  const writing = sessions.create({});
  await until(async () => watched.calls.filter((name) => name === "create").length === 2);
  const closing = sessions.close();
  slow.resolve();
  await Promise.all([closing, writing]);
  expect(server.sent).toEqual([
    { created: 1, writes: 1 },
    { created: 1, valid: 1, writes: 1 },
  ]);
  vi.advanceTimersByTime(10 * MINUTE);
  expect(server.sent).toHaveLength(2);
});

test("background: false sends nothing, on close neither", async () => {
  const clock = manualClock();
  const server = serverOn(memoryStore({ clock }), clock, { background: false });
  await server.sessions.create({});
  await minute(clock);
  await server.sessions.close();
  expect(server.sent).toEqual([]);
});

test("two processes add up in one minute, and each sees the sum", async () => {
  const { store, clock } = await bench.open("redis");
  const [here, there] = [serverOn(store, clock), serverOn(store, clock)];
  const { token } = await here.sessions.create({});
  for (let i = 0; i < 3; i++) await here.sessions.validate(token, { touch: false });
  for (let i = 0; i < 4; i++) await there.sessions.validate(token, { touch: false });
  await minute(clock);
  for (const { sessions } of [here, there]) {
    await until(async () => (await countsOf(sessions)).reduce((sum, { valid }) => sum + valid, 0) === 7);
  }
});

test("minutes without a count are left out, older than a day too, and each stands in its minute", async () => {
  const clock = manualClock();
  const { sessions } = serverOn(memoryStore({ clock }), clock);
  await sessions.validate("no token");
  const first = clock.now();
  await minute(clock);
  for (let i = 0; i < 9; i++) await minute(clock);
  await sessions.validate("no token");
  await minute(clock);
  const series = await sessions.metrics.series();
  expect(series).toEqual([
    { ...NOTHING, at: expect.any(Number), refused: 1 },
    { ...NOTHING, at: expect.any(Number), refused: 1 },
  ]);
  const [early, late] = series.map(({ at }) => at);
  expect(early).toBe(Math.floor((first + MINUTE / 2) / MINUTE) * MINUTE);
  expect(late).toBe((early ?? 0) + 10 * MINUTE);
  await clock.advance(DAY - 5 * MINUTE);
  expect((await sessions.metrics.series()).map(({ at }) => at)).toEqual([late]);
  await clock.advance(DAY);
  expect(await sessions.metrics.series()).toEqual([]);
});

test("while the store is down it is counted that it is, and sent afterwards; the log says so", async () => {
  const clock = manualClock();
  const inner = memoryStore({ clock });
  const server = serverOn(inner, clock);
  const { sessions, watched } = server;
  const { token, session } = await sessions.create({});
  await minute(clock);
  watched.down = true;
  inner.metrics.addToSeries = () => Promise.reject(new Error("down"));
  for (let i = 0; i < 3; i++) await expect(sessions.validate(token)).rejects.toThrow("ECONNREFUSED");
  await expect(session.set("a", 1)).rejects.toThrow("ECONNREFUSED");
  await minute(clock);
  expect(server.log).toEqual([expect.stringContaining("counting for metrics.series() failed: down")]);
  watched.down = false;
  inner.metrics.addToSeries = Object.getPrototypeOf(inner.metrics).addToSeries;
  await sessions.validate(token, { touch: false });
  await minute(clock);
  expect(await countsOf(sessions)).toEqual([
    { ...NOTHING, created: 1, writes: 1 },
    { ...NOTHING, unavailable: 4, valid: 1 },
  ]);
  await sessions.close();
});

/** What the Redis engine does about commands that a server refuses, and about more calls than it may wait for. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis/index.ts";
import type { Store } from "../../src/store/store.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { isScript, Wire } from "../support/wire.ts";

const ENDING = { id: "AAAAAAAAAAAAAAAAAAAAAA", reason: "test", actor: null };

let server: RedisServer;
let wire: Wire;
let store: Store;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  wire = new Wire(await server.client());
  store = redisStore(wire, { deadline: PATIENT, maxInFlight: 1_000 });
  await store.ready();
});
afterEach(() => store.close());

/** The next so many revocations are refused. Answers how many there were. */
function refuse(answer: string, times: number): () => number {
  let sent = 0;
  wire.before = (words) => {
    if (!isScript(words, "revoke")) return undefined;
    return ++sent <= times ? Promise.reject(new Error(answer)) : undefined;
  };
  return () => sent;
}

const PASSING = [
  ["LOADING Redis is loading the dataset in memory", "loading"],
  ["READONLY You can't write against a read only replica.", "read_only"],
  ["MASTERDOWN Link with MASTER is down", "read_only"],
  ["CLUSTERDOWN The cluster is down", "server"],
  ["TRYAGAIN Multiple keys request during rehashing of slot", "server"],
  ["MOVED 1 127.0.0.1:1", "server"],
  ["ASK 1 127.0.0.1:1", "server"],
] as const;

describe("a command that is refused", () => {
  test.each(PASSING)("%s: it is sent once more", async (answer) => {
    const sent = refuse(answer, 1);
    expect(await store.revoke(ENDING)).toMatchObject({ ended: false });
    expect(sent()).toBe(2);
  });

  // TRYAGAIN passes while its slot is moved: it is sent until the deadline (pending-call.test.ts).
  const once = PASSING.filter(([answer]) => !answer.startsWith("TRYAGAIN"));
  test.each(once)("%s, twice: its caller is told that nothing happened, and why", async (answer, reason) => {
    const sent = refuse(answer, 2);
    await expect(store.revoke(ENDING)).rejects.toMatchObject({ reason, outcome: "not_executed", status: 503 });
    expect(sent()).toBe(2);
  });

  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", "full", "not_executed"],
    ["NOPERM this user has no permissions", "denied", "not_executed"],
    ["NOAUTH Authentication required.", "denied", "not_executed"],
    ["MISCONF Redis is configured to save RDB snapshots", "server", "not_executed"],
    ["ERR something else", "server", "unknown"],
  ])("%s: at once, sent once", async (answer, reason, outcome) => {
    const sent = refuse(answer, 1);
    await expect(store.revoke(ENDING)).rejects.toMatchObject({ reason, outcome });
    expect(sent()).toBe(1);
  });

  test("refusals, however many, let other calls pass", async () => {
    refuse("OOM command not allowed when used memory > 'maxmemory'.", 50);
    for (let i = 0; i < 50; i++) await expect(store.revoke(ENDING)).rejects.toMatchObject({ reason: "full" });
    expect(await store.read(ENDING.id)).toBeNull();
  });
});

test("more calls than may wait for Redis: the rest fail at once, unsent, and later calls pass", async () => {
  let release = (): void => undefined;
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  wire.before = (words) => (isScript(words, "revoke") ? hold : undefined);
  wire.sent.length = 0;
  const calls = Array.from({ length: 1_500 }, () => store.revoke(ENDING));
  const refused = await Promise.allSettled(calls.slice(1_000));
  for (const each of refused) {
    expect(each).toMatchObject({ status: "rejected", reason: { reason: "overload", outcome: "not_executed" } });
  }
  expect(wire.sent).toHaveLength(1_000);
  release();
  await Promise.all(calls.slice(0, 1_000));
  expect(await store.revoke(ENDING)).toMatchObject({ ended: false });
});

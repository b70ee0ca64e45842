/** `sessions.watch` on every engine, with two application servers. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSessions,
  type SessionEnd,
  type Sessions,
  type SessionsOptions,
  type Store,
  StoreClosedError,
} from "../src/index.ts";
import type { Core } from "../src/lifecycle/core.ts";
import { Watching } from "../src/lifecycle/watching.ts";
import { memoryStore } from "../src/stores/memory/memory-store.ts";
import { redisStore } from "../src/stores/redis/index.ts";
import { sqliteStore } from "../src/stores/sqlite/index.ts";
import { newSessionId } from "../src/data/session-id.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../src/testing/manual-clock.ts";
import { type ClientKind, IOREDIS, NODE_REDIS, type OpenedClient } from "./support/redis-clients.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "./support/redis-server.ts";
import { TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

let server: RedisServer;
let admin: TestClient;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

interface Servers {
  readonly here: Sessions;
  readonly there: Sessions;
  readonly clock: ManualClock;
  readonly lines: string[];
}

type Open = (clock: ManualClock) => Promise<[Store, Store]>;

const memory: Open = async (clock) => {
  const store = memoryStore({ clock });
  return [store, store];
};

const sqlite: Open = async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-watch-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return [1, 2].map(() => sqliteStore(join(folder, "sessions.db"), { clock })) as [Store, Store];
};

function redis(kind: ClientKind): Open {
  return async (clock) => {
    await admin.flushAll();
    clock.onAdvance(ageRedisKeys(admin));
    const clients: OpenedClient[] = [await kind.open(server.port), await kind.open(server.port)];
    cleanups.push(async () => clients.forEach((each) => each.close()));
    return clients.map(({ client }) => redisStore(client, { clock, deadline: PATIENT })) as [Store, Store];
  };
}

async function opened(open: Open, options: SessionsOptions = {}): Promise<Servers> {
  const clock = manualClock();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const stores = await open(clock);
  const serve = (store: Store): Sessions => createSessions({ ...options, store, clock, secrets: [TEST_SECRET], log });
  const [here, there] = stores.map(serve) as [Sessions, Sessions];
  cleanups.push(() => Promise.all([here.close(), there.close()]));
  return { here, there, clock, lines };
}

/** What a watch was told, and when. */
function told(sessions: Sessions, id: string): { ends: SessionEnd[]; stop: () => void; done: Promise<number> } {
  const ends: SessionEnd[] = [];
  let resolve: (at: number) => void = () => undefined;
  const done = new Promise<number>((settle) => {
    resolve = settle;
  });
  const stop = sessions.watch(id, (end) => {
    ends.push(end);
    resolve(performance.now());
  });
  return { ends, stop, done };
}

describe.each([
  ["memory", memory],
  ["sqlite", sqlite],
  ["redis, node-redis", redis(NODE_REDIS)],
  ["redis, ioredis", redis(IOREDIS)],
])("watch on %s", (_engine, open) => {
  test("F7 tells of a revocation here and elsewhere, once, with its reason", async () => {
    const { here, there } = await opened(open);
    for (const sessions of [here, there]) {
      const { session } = await here.create({ userId: "ada" });
      const watch = told(here, session.id);
      await here.get(session.id);
      await sessions.revoke(session.id, { reason: "stolen" });
      await watch.done;
      await sessions.revoke(session.id, { reason: "later" });
      await sleep(20);
      expect(watch.ends).toEqual([{ id: session.id, reason: "stolen", at: expect.any(Number) }]);
    }
  });

  test("F7 of logout, of all of a user's, of a login that replaces it", async () => {
    const { here, there } = await opened(open);
    const made = await Promise.all([1, 2, 3].map(() => here.create({ userId: "ada" })));
    const watches = made.map(({ session }) => told(here, session.id));
    const [first, second] = made;
    await there.logout(first?.token);
    await watches[0]?.done;
    await there.login(second?.token, { userId: "grace" });
    await watches[1]?.done;
    await there.revokeUser("ada");
    await watches[2]?.done;
    expect(watches.map(({ ends }) => ends[0]?.reason)).toEqual(["logout", "login", "revoked"]);
  });

  // A clock that is set forward while the server's is sampled can be minutes off on a busy machine: only a test's clock jumps.
  test("F7 of its expiry, which activity moves", { retry: 2 }, async () => {
    const { here, there, clock } = await opened(open);
    const { session, token } = await here.create({ userId: "ada", policy: "temporary" });
    const watch = told(here, session.id);
    await here.get(session.id);
    await clock.advance(4 * 60_000);
    await there.validate(token, { touch: true });
    await clock.advance(2 * 60_000);
    await sleep(600);
    expect(watch.ends).toEqual([]);
    await clock.advance(4 * 60_000);
    await watch.done;
    expect(watch.ends).toMatchObject([{ reason: "expired" }]);
  });

  test("D5, F7 of a lock: of one unused for too long when it is, of one that a changed client locks here and elsewhere", async () => {
    const policies = { desk: { idle: "24h", absolute: "24h", lockAfter: "1h" } } as const;
    const { here, there, clock } = await opened(open, { policies, binding: { onMismatch: "stepUp" } });
    for (const sessions of [here, there]) {
      const { session, token } = await here.create({ userId: "ada", device: { userAgent: "Firefox/1" } });
      const watch = told(here, session.id);
      await here.get(session.id);
      await sessions.validate(token, { userAgent: "Chrome/1" });
      await watch.done;
      expect(watch.ends).toMatchObject([{ reason: "locked" }]);
      const already = told(here, session.id);
      await already.done;
      expect(already.ends).toMatchObject([{ reason: "locked" }]);
    }
    const { session, token } = await here.create({ userId: "ada", policy: "desk" });
    const watch = told(here, session.id);
    await here.get(session.id);
    await clock.advance(40 * 60_000);
    await there.validate(token, { touch: true });
    await clock.advance(40 * 60_000);
    await sleep(600);
    expect(watch.ends).toEqual([]);
    await clock.advance(20 * 60_000);
    await watch.done;
    expect(watch.ends).toMatchObject([{ reason: "locked" }]);
    expect(await here.validate(token)).toMatchObject({ reason: "locked" });
  });

  test("of one that is over already, or never was, soon", async () => {
    const { here } = await opened(open);
    const { session } = await here.create({ userId: "ada" });
    await session.revoke("before");
    const [over, never] = [told(here, session.id), told(here, newSessionId(5))];
    await Promise.all([over.done, never.done]);
    expect([over.ends[0]?.reason, never.ends[0]?.reason]).toEqual(["before", "unknown"]);
  });

  test("each watch of a session is told, and stopped by itself; a change ends nothing", async () => {
    const { here, there } = await opened(open);
    const { session, token } = await here.create({ userId: "ada" });
    const [one, two] = [told(here, session.id), told(here, session.id)];
    one.stop();
    one.stop();
    await there.data(session.id).set("a", 1);
    await there.rotate(token);
    await sleep(30);
    await there.revoke(session.id);
    await two.done;
    await sleep(20);
    expect([one.ends.length, two.ends.length]).toEqual([0, 1]);
  });

  test("after close() nobody is called, and nothing is left running", async () => {
    const { here, there } = await opened(open);
    const { session } = await here.create({ userId: "ada" });
    const watch = told(here, session.id);
    await here.get(session.id);
    await here.close();
    if (there !== here) await there.revoke(session.id).catch(() => undefined);
    await sleep(600);
    expect(watch.ends).toEqual([]);
    expect(() => here.watch(session.id, () => undefined)).toThrow(StoreClosedError);
  });

  test("a store that is listened to after close() tells nothing, and ends no process", async () => {
    const [store] = await open(manualClock());
    await store.ready();
    await store.close();
    const uncaught = vi.fn();
    process.once("uncaughtException", uncaught);
    const stop = store.onEnding(() => undefined);
    await sleep(600);
    stop();
    process.removeListener("uncaughtException", uncaught);
    expect(uncaught).not.toHaveBeenCalled();
  });
});

describe("watch", () => {
  test("a store that does not answer is asked again", async () => {
    const inner = memoryStore();
    const watched = new WatchedStore(inner);
    const sessions = createSessions({ store: watched.store, secrets: [TEST_SECRET], log: () => undefined });
    const { session } = await sessions.create({ userId: "ada" });
    const watch = told(sessions, session.id);
    watched.down = true;
    await inner.revoke({ id: session.id, reason: "test", actor: null });
    await sleep(20);
    expect(watch.ends).toEqual([]);
    watched.down = false;
    await watch.done;
    expect(watch.ends).toHaveLength(1);
  });

  test("an ending at whatever moment of a look is not missed", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { here } = await opened(memory);
      const { session } = await here.create({ userId: "ada" });
      const watch = told(here, session.id);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await session.revoke();
      await sleep(1);
      expect([turns, watch.ends.length]).toEqual([turns, 1]);
      await here.close();
    }
  });

  test("an ending while the session is being read is not missed", async () => {
    const watched = new WatchedStore(memoryStore());
    const sessions = createSessions({ store: watched.store, secrets: [TEST_SECRET] });
    const { session } = await sessions.create({ userId: "ada" });
    // Its answer is from before the end, and arrives after it.
    const inner = watched.store.read.bind(watched.store);
    let reads = 0;
    const slow = vi.spyOn(watched.store, "read").mockImplementation(async (id) => {
      const answer = await inner(id);
      if (reads++ === 0) await session.revoke();
      return answer;
    });
    const watch = told(sessions, session.id);
    await watch.done;
    expect(watch.ends).toHaveLength(1);
    slow.mockRestore();
  });

  test("a function that throws is said to the operator, and the others are called", async () => {
    const { here, lines } = await opened(memory);
    const { session } = await here.create({ userId: "ada" });
    here.watch(session.id, () => {
      throw new Error("no such socket");
    });
    const other = told(here, session.id);
    await session.revoke();
    await other.done;
    expect(lines).toEqual([expect.stringContaining("a function given to watch() failed: no such socket")]);
  });

  test("M4 one that rejects later ends no process either, nor does a listener to events", async () => {
    const { here, lines } = await opened(memory);
    const { session } = await here.create({ userId: "ada" });
    // As callers without types write it.
    const fails = (what: string): unknown => Promise.reject(new Error(what));
    here.watch(session.id, () => fails("no such socket") as void);
    here.events.on("ended", () => fails("no such database") as void);
    await session.revoke();
    await sleep(20);
    expect(lines.toSorted()).toEqual([
      expect.stringContaining("a function given to watch() failed: no such socket"),
      expect.stringContaining("a listener to events failed: no such database"),
    ]);
  });

  test.each([["no id"], [null], [7]])("%j is no id", async (id) => {
    const { here } = await opened(memory);
    expect(() => here.watch(id as string, () => undefined)).toThrow(TypeError);
    expect(() => here.watch(newSessionId(1), "no function" as unknown as () => void)).toThrow(TypeError);
  });

  test("is bounded", () => {
    const deaf = (): (() => void) => () => undefined;
    const store = { now: () => 0, onEnding: deaf, onEvent: deaf, read: () => new Promise(() => undefined) };
    const watching = new Watching({ store } as unknown as Core, 3);
    const ids = [1, 2, 3].map((bucket) => newSessionId(bucket));
    const stops = ids.map((id) => watching.watch(id, () => undefined));
    stops.push(watching.watch(ids[0] ?? "", () => undefined));
    const one = (): unknown => watching.watch(newSessionId(4), () => undefined);
    expect(one).toThrow(expect.objectContaining({ code: "too_many_watches" }));
    stops[0]?.();
    expect(one).toThrow();
    stops[3]?.();
    expect(one).not.toThrow();
    watching.close();
  });
});

/** What the store does, asked as express-session and @fastify/session ask it; connect-redis's own lifecycle among it. */

import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type SessionJson, SojournStore } from "../../src/adapters/express-session.ts";
import { ConfigError, createSessions, DataTooLargeError, memoryStore, type Sessions } from "../../src/index.ts";
import { IOREDIS } from "../support/redis-clients.ts";
import { onDurableEngines, onEveryEngine, onRedis } from "../brief/engines.ts";
import { expressSession } from "../support/express-session-site.ts";
import { FIELD_KEY, OLDER_SECRET, TEST_SECRET } from "../support/secrets.ts";
import { WatchedStore } from "../support/watched-store.ts";

const MINUTE = 60_000;
const SID = "nVXhX5pUCWXTBpNkfGrPvJMlrHYsxAdc";

const storeOf = (sessions: Sessions, policy?: string): SojournStore =>
  new SojournStore(policy === undefined ? { sessions } : { sessions, policy });
const inMemory = (): SojournStore => storeOf(createSessions({ store: memoryStore(), secrets: [TEST_SECRET] }));
const until = (ms: number): Date => new Date(Date.now() + ms);

describe("what is stored", () => {
  onEveryEngine(
    "get answers what set stored, null for an id that nobody stored, a fresh object each time",
    async (place) => {
      const [store, other] = [storeOf(place.sessions), storeOf(place.server())];
      expect(await store.get(SID)).toBeNull();
      const session = { cookie: { originalMaxAge: null, httpOnly: true }, cart: { items: [1, { a: 2 }] }, name: "Ada" };
      await store.set(SID, session);
      const first = await store.get(SID);
      expect(first).toEqual(session);
      expect(await other.get(SID)).toEqual(session);
      (first?.["cart"] as { items: unknown[] } | undefined)?.items.push("mine");
      expect(await store.get(SID)).toEqual(session);
      expect(await store.get(SID)).not.toBe(await store.get(SID));
    },
  );

  test("values are what JSON makes of them, as in express-session's own store", async () => {
    const store = inMemory();
    const at = new Date("2026-02-03T04:05:06.789Z");
    await store.set(SID, {
      at,
      gone: undefined,
      list: [undefined, Number.NaN],
      text: "\ud800",
      secret: { toJSON: () => "shown" },
    });
    expect(await store.get(SID)).toEqual({ at: at.toISOString(), list: [null, null], text: "\ud800", secret: "shown" });
  });

  onEveryEngine(
    "set of an object that was never loaded puts it in the place of what is stored",
    async ({ sessions }) => {
      const store = storeOf(sessions);
      await store.set(SID, { a: 1, b: 2 });
      await store.set(SID, { b: 3, c: 4 });
      expect(await store.get(SID)).toEqual({ b: 3, c: 4 });
    },
  );

  onEveryEngine("two that load a session and change different fields both keep theirs", async (place) => {
    const [store, other] = [storeOf(place.sessions), storeOf(place.server())];
    await store.set(SID, { a: 1, b: 1, c: 1 });
    const loaded = async (by: SojournStore): Promise<SessionJson> => (await by.get(SID)) ?? {};
    const [one, two, three] = [await loaded(store), await loaded(other), await loaded(store)];
    one["a"] = 2;
    two["b"] = 2;
    delete three["c"];
    await Promise.all([store.set(SID, one), other.set(SID, two), store.set(SID, three)]);
    expect(await store.get(SID)).toEqual({ a: 2, b: 2 });
    // What an object wrote itself is what its next write is compared with.
    one["d"] = 1;
    await store.set(SID, one);
    delete one["d"];
    await store.set(SID, one);
    expect(await other.get(SID)).toEqual({ a: 2, b: 2 });
  });

  onEveryEngine("a copy of a loaded session is known by the objects in it", async ({ sessions }) => {
    const store = storeOf(sessions);
    await store.set(SID, { cookie: { originalMaxAge: null }, a: 1 });
    const [one, two] = [await store.get(SID), await store.get(SID)];
    await store.set(SID, { ...one, b: 1 });
    await store.set(SID, { ...two, c: 1 });
    expect(await store.get(SID)).toMatchObject({ a: 1, b: 1, c: 1 });
  });

  onEveryEngine("writes of one session that are not awaited are made in their order", async ({ sessions }) => {
    const store = storeOf(sessions);
    const session: Record<string, unknown> = { n: 0 };
    const writes: Promise<void>[] = [];
    for (let n = 1; n <= 5; n++) {
      session["n"] = n;
      writes.push(store.set(SID, session));
    }
    await Promise.all(writes);
    expect(await store.get(SID)).toEqual({ n: 5 });
    const ended = [store.set("other", { a: 1 }), store.destroy("other")];
    await Promise.all(ended);
    expect(await store.get("other")).toBeNull();
  });

  onEveryEngine(
    "F2 after destroy neither set nor touch brings a session back, and neither is an error",
    async (place) => {
      const [store, other] = [storeOf(place.sessions), storeOf(place.server())];
      await store.set(SID, { cookie: { originalMaxAge: null }, user: "ada" });
      const slow = await other.get(SID);
      await store.destroy(SID);
      await other.set(SID, { ...slow, user: "eve" });
      await other.set(SID, { user: "eve" });
      await store.set(SID, slow ?? {});
      await other.touch(SID, slow ?? {});
      expect([await store.get(SID), await other.get(SID), await other.length()]).toEqual([null, null, 0]);
      await store.set("another id", { user: "ada" });
      expect(await other.get("another id")).toEqual({ user: "ada" });
      await store.destroy("an id that nobody stored");
    },
  );

  test("what is too much, or no session, goes to the callback or rejects", async () => {
    const store = inMemory();
    const tooMuch = { text: "x".repeat(20_000) };
    await expect(store.set(SID, tooMuch)).rejects.toBeInstanceOf(DataTooLargeError);
    await expect(store.set(SID, null as unknown as object)).rejects.toBeInstanceOf(TypeError);
    await expect(store.get(undefined as unknown as string)).rejects.toBeInstanceOf(TypeError);
    const told = vi.fn<(error: unknown) => void>();
    expect(await store.set(SID, tooMuch, told)).toBeUndefined();
    await sleep(0);
    expect(told).toHaveBeenCalledExactlyOnceWith(expect.any(DataTooLargeError));
    expect(await store.get(SID)).toBeNull();
  });
});

describe("time", () => {
  onEveryEngine(
    "a session lives as long as its cookie says, in milliseconds, and is a miss from then on",
    async (place) => {
      const store = storeOf(place.sessions);
      await store.set("by expires", { cookie: { originalMaxAge: null, expires: until(1_500) } });
      await store.set("by text", { cookie: { originalMaxAge: null, expires: until(90_000).toISOString() } });
      await store.set("by maxAge", { cookie: { maxAge: 1_500 } });
      await store.set("by default", { cookie: { originalMaxAge: null, expires: null } });
      await store.set("without", { a: 1 });
      expect(await store.length()).toBe(5);
      await place.clock.advance(2_000);
      expect((await store.ids()).toSorted()).toEqual(["by default", "by text", "without"]);
      expect([await store.get("by expires"), await store.get("by maxAge")]).toEqual([null, null]);
      await place.clock.advance(24 * 60 * MINUTE - 10_000);
      expect((await store.ids()).toSorted()).toEqual(["by default", "without"]);
      await place.clock.advance(10_000);
      expect(await store.length()).toBe(0);
    },
  );

  onEveryEngine("a lifetime of less than a second runs out for real", async ({ sessions }) => {
    const store = storeOf(sessions);
    await store.set(SID, { cookie: { originalMaxAge: 400, expires: until(400) } });
    expect(await store.get(SID)).not.toBeNull();
    await expect.poll(() => store.get(SID), { timeout: 2_000 }).toBeNull();
  });

  onEveryEngine("a cookie whose time is over, or has none left, destroys", async ({ sessions }) => {
    const store = storeOf(sessions);
    for (const cookie of [{ expires: until(-1) }, { maxAge: 0 }, { maxAge: -5 }]) {
      const sid = JSON.stringify(cookie);
      await store.set(sid, { cookie: { expires: until(MINUTE) }, a: 1 });
      await store.set(sid, { cookie, a: 1 });
      expect(await store.get(sid)).toBeNull();
    }
    await store.set("touched", { cookie: { expires: until(MINUTE) } });
    await store.touch("touched", { cookie: { expires: until(-1) } });
    expect(await store.length()).toBe(0);
  });

  onEveryEngine(
    "touch moves what get answers for cookie.expires, to the millisecond, and nothing else",
    async (place) => {
      const store = storeOf(place.sessions);
      const [first, second, third] = [until(MINUTE), until(2 * MINUTE), until(90_000)];
      await store.set(SID, { cookie: { originalMaxAge: MINUTE, expires: first }, a: 1 });
      expect((await store.get(SID))?.["cookie"]).toEqual({ originalMaxAge: MINUTE, expires: first.toISOString() });
      await store.touch(SID, { cookie: { originalMaxAge: MINUTE, expires: second }, a: 2 });
      expect(await store.get(SID)).toEqual({ cookie: { originalMaxAge: MINUTE, expires: second.toISOString() }, a: 1 });
      await store.touch(SID, { cookie: { originalMaxAge: MINUTE, expires: third } });
      expect((await store.get(SID))?.["cookie"]).toMatchObject({ expires: third.toISOString() });
      await store.touch("an id that nobody stored", { cookie: { expires: first } });
      expect(await store.length()).toBe(1);
    },
  );

  onEveryEngine(
    "activity of a loaded session is stored once in a twentieth of its lifetime, another lifetime at once",
    async (place) => {
      const store = storeOf(place.sessions);
      await store.set(SID, { cookie: { originalMaxAge: 10 * MINUTE, expires: until(10 * MINUTE) } });
      const touch = async (ms: number): Promise<Record<string, number>> => {
        const loaded = (await store.get(SID)) ?? {};
        loaded["cookie"] = { originalMaxAge: 10 * MINUTE, expires: until(ms) };
        return place.storeCalls(() => store.touch(SID, loaded));
      };
      expect(await touch(10 * MINUTE + 10_000)).toEqual({});
      expect(await touch(11 * MINUTE)).toEqual({ touch: 1 });
      expect(await touch(5 * MINUTE)).toEqual({ touch: 1 });
      expect(await touch(5 * MINUTE)).toEqual({});
      const said = await store.get<{ cookie: { expires: string } }>(SID);
      expect(Date.parse(said?.cookie.expires ?? "")).toBeGreaterThan(Date.now() + 4 * MINUTE);
      const cookie = { originalMaxAge: 5 * MINUTE, expires: until(5 * MINUTE) };
      const loaded = { ...(await store.get(SID)), cookie };
      expect(await place.storeCalls(() => store.touch(SID, loaded))).toMatchObject({ patch: 1 });
      expect((await store.get(SID))?.["cookie"]).toMatchObject({ originalMaxAge: 5 * MINUTE });
    },
  );

  onEveryEngine(
    "what is not stored of activity, get shows in this process all the same, to the millisecond",
    async (place) => {
      const [store, other] = [storeOf(place.sessions), storeOf(place.server())];
      const expiresIn = async (by: SojournStore): Promise<unknown> =>
        (await by.get<{ cookie: { expires: string } }>(SID))?.cookie.expires;
      const first = until(MINUTE);
      const session = { cookie: { originalMaxAge: MINUTE, expires: first }, a: 1 };
      await store.set(SID, session);
      for (const ms of [1_000, 2_000, 1_500]) {
        session.cookie.expires = new Date(first.getTime() + ms);
        const write = ms === 2_000 ? store.set(SID, session) : store.touch(SID, session);
        expect(await place.storeCalls(() => write)).toEqual({});
        expect(await expiresIn(store)).toBe(session.cookie.expires.toISOString());
        expect(await expiresIn(other)).toBe(first.toISOString());
      }
      // What is stored since, by whomever, is what is shown.
      const later = new Date(first.getTime() + MINUTE);
      await other.touch(SID, { cookie: { originalMaxAge: MINUTE, expires: later } });
      expect(await expiresIn(store)).toBe(later.toISOString());
    },
  );

  onEveryEngine(
    "a policy of the application's says how long a session lives without a lifetime, and at most",
    async (place) => {
      const policies = { shop: { idle: "10m", absolute: "1h", touchInterval: "1s" } } as const;
      const store = storeOf(place.server({ policies }), "shop");
      await store.set("idle", { a: 1 });
      await store.set("long", { cookie: { expires: until(10 * 60 * MINUTE) } });
      await place.clock.advance(11 * MINUTE);
      expect(await store.ids()).toEqual(["long"]);
      for (let i = 0; i < 6; i++) {
        await store.touch("long", { cookie: { expires: until(10 * 60 * MINUTE) } });
        await place.clock.advance(9 * MINUTE);
      }
      expect(await store.get("long")).toBeNull();
    },
  );
});

describe("all of them", () => {
  onEveryEngine("all, ids, length and clear are of these sessions only", async (place) => {
    const [store, other] = [storeOf(place.sessions), storeOf(place.server())];
    await place.sessions.create({ userId: "ada" });
    expect([await store.all(), await store.ids(), await store.length()]).toEqual([[], [], 0]);
    for (const n of [1, 2, 3]) await store.set(`s${n}`, { n, cookie: { originalMaxAge: null } });
    const all = (await other.all()).toSorted((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1));
    expect(all).toEqual([1, 2, 3].map((n) => ({ id: `s${n}`, n, cookie: { originalMaxAge: null } })));
    expect((await other.ids()).toSorted()).toEqual(["s1", "s2", "s3"]);
    await store.destroy("s2");
    expect(await other.length()).toBe(2);
    await other.clear();
    expect([await store.length(), await store.get("s1"), await place.sessions.count()]).toEqual([0, null, 1]);
    await store.set("s4", { n: 4 });
    expect(await other.ids()).toEqual(["s4"]);
  });

  onEveryEngine("a thousand sessions are stored, counted and cleared", async ({ sessions }) => {
    const store = storeOf(sessions);
    const cookie = new expressSession.Cookie();
    cookie.expires = until(MINUTE);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => store.set(`s${n}`, { cookie })));
    expect([await store.length(), new Set(await store.ids()).size]).toEqual([1_000, 1_000]);
    await store.clear();
    expect(await store.length()).toBe(0);
  });

  onRedis("no KEYS and no SCAN, on ioredis as on node-redis", async (place) => {
    const before = await place.commandCalls();
    const opened = await IOREDIS.open(place.port);
    const sessions = createSessions({
      store: place.storeOn(opened.client),
      secrets: [TEST_SECRET],
      clock: place.clock,
    });
    for (const [i, store] of [storeOf(place.sessions), storeOf(sessions)].entries()) {
      const [one, two] = [`one ${i}`, `two ${i}`];
      await store.set(one, { a: 1 });
      await store.set(two, { cookie: { expires: until(MINUTE) } });
      expect([(await store.all()).length, (await store.ids()).length, await store.length()]).toEqual([2, 2, 2]);
      expect(await store.get(one)).toEqual({ a: 1 });
      await store.touch(two, { cookie: { expires: until(2 * MINUTE) } });
      await store.clear();
      expect(await store.length()).toBe(0);
    }
    await sessions.close();
    opened.close();
    const after = await place.commandCalls();
    for (const command of ["keys", "scan"]) expect(after.get(command)).toBe(before.get(command));
  });
});

describe("at rest", () => {
  onDurableEngines("no id of express-session lies in the store, and lists know them all the same", async (place) => {
    const store = storeOf(place.sessions);
    await store.set(SID, { cookie: { originalMaxAge: null }, user: "a user of this test" });
    await store.get(SID);
    const dump = await place.dump();
    expect(dump.includes("a user of this test")).toBe(true);
    expect(dump.includes(SID)).toBe(false);
    expect(await store.ids()).toEqual([SID]);
    await store.destroy(SID);
    expect((await place.dump()).includes(SID)).toBe(false);
  });

  onEveryEngine(
    "a session outlives the secret that sealed its id, and is listed by a public id then",
    async (place) => {
      await storeOf(place.sessions).set(SID, { a: 1 });
      const rotated = storeOf(place.server({ secrets: [OLDER_SECRET, TEST_SECRET] }));
      expect([await rotated.ids(), await rotated.get(SID)]).toEqual([[SID], { a: 1 }]);
      const dropped = storeOf(place.server({ secrets: [OLDER_SECRET] }));
      expect(await dropped.get(SID)).toEqual({ a: 1 });
      const [id = ""] = await dropped.ids();
      expect(await place.sessions.revoke(id)).toBe(true);
      expect(await dropped.get(SID)).toBeNull();
    },
  );

  onEveryEngine("fields can lie encrypted; without the key a session is not answered in part", async (place) => {
    const encryption = { keys: [FIELD_KEY], fields: ["secret"] };
    await storeOf(place.server({ encryption })).set(SID, { secret: "s", a: 1 });
    expect(await storeOf(place.server({ encryption })).get(SID)).toEqual({ secret: "s", a: 1 });
    await expect(storeOf(place.sessions).get(SID)).rejects.toMatchObject({ code: "encryption_key_missing" });
  });
});

describe("as an object", () => {
  test("every method takes a callback, calls it once and later, and answers a promise with or without one", async () => {
    const store = inMemory();
    store.generate = (req) => Object.assign(req, { sessionID: "new", session: {} });
    const calls: Record<string, (callback: (error: unknown, answer?: unknown) => void) => Promise<unknown>> = {
      set: (callback) => store.set(SID, { cookie: {} }, callback),
      touch: (callback) => store.touch(SID, { cookie: {} }, callback),
      get: (callback) => store.get(SID, callback),
      all: (callback) => store.all(callback),
      ids: (callback) => store.ids(callback),
      length: (callback) => store.length(callback),
      load: (callback) => store.load(SID, callback),
      regenerate: (callback) => store.regenerate({ sessionID: SID }, callback),
      destroy: (callback) => store.destroy(SID, callback),
      clear: (callback) => store.clear(callback),
    };
    for (const [name, call] of Object.entries(calls)) {
      const told = vi.fn<(error: unknown, answer?: unknown) => void>();
      const answer = call(told);
      expect(told, name).not.toHaveBeenCalled();
      const answered = await answer;
      await sleep(0);
      expect(told, name).toHaveBeenCalledExactlyOnceWith(null, answered);
    }
  });

  test("methods can be replaced on the instance, and those that build on others call what is there", async () => {
    const store = inMemory();
    const destroyed: string[] = [];
    const destroy = store.destroy.bind(store);
    store.destroy = (sid, callback) => {
      destroyed.push(sid);
      return destroy(sid, callback);
    };
    store.generate = (req) => Object.assign(req, { sessionID: "next" });
    const req = { sessionID: SID };
    await store.set(SID, { a: 1 });
    await store.regenerate(req);
    await store.set("past", { cookie: { expires: until(-1) } });
    expect([destroyed, req.sessionID]).toEqual([[SID, "past"], "next"]);
    expect(await store.get(SID)).toBeNull();
  });

  test("createSession makes a session of express-session's form", async () => {
    const store = inMemory();
    await store.set(SID, {
      cookie: { originalMaxAge: MINUTE, expires: until(MINUTE), path: "/shop", httpOnly: false },
      a: { b: 1 },
    });
    const req = { sessionID: SID, sessionStore: store, session: undefined as unknown };
    const session = store.createSession(req, (await store.get<{ a: { b: number } }>(SID)) ?? { a: { b: 0 } });
    expect(req.session).toBe(session);
    expect([session.id, session.req, session.a.b, Object.keys(session)]).toEqual([SID, req, 1, ["cookie", "a"]]);
    const { cookie } = session;
    expect(cookie.expires).toBeInstanceOf(Date);
    expect(cookie.maxAge).toBeGreaterThan(MINUTE - 5_000);
    expect(cookie.data).toMatchObject({
      originalMaxAge: MINUTE,
      path: "/shop",
      httpOnly: false,
      expires: cookie.expires,
    });
    expect(JSON.parse(JSON.stringify(session))).toMatchObject({ a: { b: 1 }, cookie: { path: "/shop" } });
    cookie.maxAge = 5_000;
    expect([cookie.originalMaxAge, session.touch()]).toEqual([expect.closeTo(5_000, -2), session]);
    cookie.expires = false;
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([false, false]);
    cookie.maxAge = until(7_000);
    expect(cookie.originalMaxAge).toBeCloseTo(7_000, -2);
    expect(() => Object.assign(cookie, { maxAge: "7000" })).toThrow(TypeError);
    // As express-session's own, which hands the error to next().
    expect(() => store.createSession(req, { a: 1 })).toThrow(/Cannot read prop/);
    expect(await store.load("an id that nobody stored")).toBeUndefined();
    expect((await store.load(SID))?.id).toBe(SID);
  });

  test("disconnect is told when the store does not answer, connect once it does", async () => {
    const watched = new WatchedStore(memoryStore());
    const store = storeOf(createSessions({ store: watched.store, secrets: [TEST_SECRET], log: () => undefined }));
    expect(store).toBeInstanceOf(EventEmitter);
    const heard: string[] = [];
    for (const event of ["connect", "disconnect"]) store.on(event, () => heard.push(event));
    await store.set(SID, { a: 1 });
    watched.down = true;
    for (let i = 0; i < 3; i++) await expect(store.get(SID)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(heard).toEqual(["disconnect"]);
    watched.down = false;
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(["disconnect", "connect"]);
    expect(await store.get(SID)).toEqual({ a: 1 });
  });

  test("what is not fit is refused when the store is made", () => {
    expect(() => new SojournStore({ sessions: {} as Sessions })).toThrow(TypeError);
    const ofConnectRedis = ["client", "prefix", "ttl", "serializer", "disableTouch", "disableTTL", "scanCount"];
    const plain = createSessions({ store: memoryStore(), secrets: [TEST_SECRET] });
    for (const name of ofConnectRedis) {
      const options = { sessions: plain, [name]: 1 };
      expect(() => new SojournStore(options), name).toThrow(ConfigError);
    }
    const schema = {
      "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value: value as object }) },
    } as const;
    const sessions = createSessions({ store: memoryStore(), secrets: [TEST_SECRET], schema });
    expect(() => new SojournStore({ sessions })).toThrow(ConfigError);
  });
});

/** Sessions that the real packages made, taken over by Sojourn's Express adapter; each old application goes on beside it. */

import { randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { createRequire } from "node:module";
import fastifyCookie from "@fastify/cookie";
import { RedisStore } from "connect-redis";
import express from "express";
import session, { type Store } from "express-session";
import fastify, { type FastifyPluginCallback } from "fastify";
import { Redis } from "ioredis";
import { getIronSession, unsealData } from "iron-session";
import Koa from "koa";
import koaSessionMiddleware from "koa-session";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connectRedis, expressSession, fastifySession, ironSession, koaSession } from "../src/adopt.ts";
import type { AdoptOptions, OldSessions } from "../src/lifecycle/adoption.ts";
import { memoryStore } from "../src/stores/memory/memory-store.ts";
import { redisStore } from "../src/stores/redis/redis-store.ts";
import { manualClock } from "../src/testing/manual-clock.ts";
import { COOKIE, type Site, startSite } from "./support/express-site.ts";
import { Browser, serve } from "./support/http.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "./support/redis-server.ts";
import { inNamespace } from "./support/redis-user.ts";

/** Not by `import`: its types of `request.session` and those of Sojourn's plugin exclude each other. */
const fastifySessionPlugin = createRequire(import.meta.url)("@fastify/session") as FastifyPluginCallback<
  Record<string, unknown>
>;

const OLD_SECRETS = ["the second secret of old", "keyboard cat"];
const PASSWORD = "a password of iron-session has thirty-two characters";
const ADA = { active: true, userId: "ada", data: { cart: ["book"], nested: { deep: [1, null, "ü"] } } };
const KEPT = { user: "ada", cart: ["book"], nested: { deep: [1, null, "ü"] } };

interface Old {
  readonly listener: RequestListener;
  readonly from: OldSessions;
}

let server: RedisServer;
let client: TestClient;
/** Of the old application, and to look. */
let admin: TestClient;

beforeAll(async () => {
  server = await startRedis();
  [client, admin] = [await server.client(), await server.admin()];
  await server.allow("~sess:*", "~theirs:*", "~sojourn-adopted:*", ...inNamespace("ours"));
});
afterAll(() => server.stop());

function expressApp(store: Store): RequestListener {
  const app = express();
  app.use(
    session({ store, secret: OLD_SECRETS, resave: false, saveUninitialized: false, cookie: { maxAge: 3_600_000 } }),
  );
  app.post("/login", (req, res) => void res.json(Object.assign(req.session, KEPT)));
  app.get("/look", (req, res) => void res.json((req.session as { user?: string }).user ?? null));
  return app;
}

/** As any store of express-session's interface: what it answers is read from text. */
class MapStore extends session.Store {
  readonly sessions = new Map<string, string>();
  /** While true, nothing is stored. */
  fails = false;

  get(sid: string, done: (error: unknown, kept?: session.SessionData | null) => void): void {
    const text = this.sessions.get(sid);
    done(null, text === undefined ? null : (JSON.parse(text) as session.SessionData));
  }
  set(sid: string, kept: unknown, done?: (error?: unknown) => void): void {
    if (!this.fails) this.sessions.set(sid, JSON.stringify(kept));
    done?.(this.fails ? new Error("disk full") : undefined);
  }
  destroy(sid: string, done?: (error?: unknown) => void): void {
    this.sessions.delete(sid);
    done?.();
  }
}

async function fastifyApp(cookiePrefix: string): Promise<Old> {
  const store = new MapStore();
  const app = fastify();
  await app.register(fastifyCookie);
  const secret = OLD_SECRETS.map((each) => each.padEnd(32, "."));
  await app.register(fastifySessionPlugin, {
    secret,
    cookiePrefix,
    cookie: { secure: false, maxAge: 3_600_000 },
    store,
    saveUninitialized: false,
  });
  const kept = (request: object) => (request as { session: { user?: string } }).session;
  app.post("/login", async (request) => Object.assign(kept(request), KEPT));
  app.get("/look", async (request) => JSON.stringify(kept(request).user ?? null));
  await app.ready();
  return {
    listener: (req, res) => app.routing(req, res),
    from: fastifySession({ store, cookiePrefix, secrets: secret }),
  };
}

function koaApp(external: boolean): Old {
  const kept = new Map<string, object>();
  const store = {
    get: (key: string) => Promise.resolve(kept.get(key)),
    set: (key: string, value: object) => void kept.set(key, value),
    destroy: (key: string) => void kept.delete(key),
  };
  const app = new Koa();
  app.keys = OLD_SECRETS;
  app.use(koaSessionMiddleware(external ? { store: store as never } : {}, app as never) as never);
  app.use((ctx) => {
    const old = (ctx as unknown as { session: { user?: string } }).session;
    if (ctx.method === "POST") Object.assign(old, KEPT);
    ctx.body = JSON.stringify(old.user ?? null);
  });
  const listener = app.callback();
  return {
    listener: (req, res) => void listener(req, res),
    from: koaSession({ keys: OLD_SECRETS, ...(external ? { store } : {}) }),
  };
}

function ironApp(chunk: boolean): Old {
  const options = { password: PASSWORD, cookieName: "iron", chunk, cookieOptions: { secure: false } };
  const listener: RequestListener = (req, res) => {
    const answer = async (): Promise<void> => {
      const old = await getIronSession<{ user?: string; filler?: string }>(req, res, options);
      if (req.method === "POST") {
        Object.assign(old, KEPT, chunk ? { filler: randomBytes(3_000).toString("hex") } : {});
        await old.save();
      }
      res.end(JSON.stringify(old.user ?? null));
    };
    void answer();
  };
  const from = ironSession({ cookie: { name: "iron" }, unseal: (seal) => unsealData(seal, { password: PASSWORD }) });
  return { listener, from };
}

const SOURCES: readonly (readonly [name: string, old: () => Old | Promise<Old>])[] = [
  [
    "express-session with connect-redis",
    () => ({
      listener: expressApp(new RedisStore({ client: admin })),
      from: connectRedis({ client, secrets: OLD_SECRETS }),
    }),
  ],
  [
    "express-session with connect-redis, read with ioredis",
    async () => {
      const ioredis = new Redis(server.url);
      onTestFinished(() => ioredis.disconnect());
      await new Promise((resolve) => ioredis.once("ready", resolve));
      const prefix = "theirs:";
      const from = connectRedis({ client: ioredis, prefix, secrets: OLD_SECRETS });
      return { listener: expressApp(new RedisStore({ client: admin, prefix })), from };
    },
  ],
  [
    "express-session with its memory store",
    () => {
      const store = new session.MemoryStore();
      return { listener: expressApp(store), from: expressSession({ store, secrets: OLD_SECRETS }) };
    },
  ],
  ["@fastify/session", () => fastifyApp("")],
  ["@fastify/session with cookies of express-session", () => fastifyApp("s:")],
  ["koa-session with a store", () => koaApp(true)],
  ["koa-session in the cookie", () => koaApp(false)],
  ["iron-session", () => ironApp(false)],
  ["iron-session in several cookies", () => ironApp(true)],
];

const map: NonNullable<AdoptOptions["map"]> = ({ user, cart, nested }) => ({
  ...(typeof user === "string" ? { userId: user } : {}),
  data: { cart, nested },
});

async function look(browser: Browser): Promise<unknown> {
  const reply = await browser.get("/look");
  expect(reply.status).toBe(200);
  return JSON.parse(reply.body);
}

/** Somebody who logged in to the old application, and then comes to the new one. */
async function moved(old: Old, options: Omit<AdoptOptions, "from"> = {}, sessions: object = {}) {
  const theirs = new Browser(await serve(old.listener));
  expect((await theirs.post("/login")).status).toBe(200);
  expect(await look(theirs)).toBe("ada");
  const site = await startSite({ sessions: { adopt: { from: old.from, map, ...options }, ...sessions } });
  return { theirs, site, ours: new Browser(site.origin, theirs.cookies) };
}

describe.each(SOURCES)("%s", (_name, start) => {
  test("is taken over with user and data; its cookies are removed", async () => {
    const { site, ours } = await moved(await start());
    const racers = [ours.copy(), ours.copy(), ours];
    expect(await Promise.all(racers.map(look))).toEqual([ADA, ADA, ADA]);
    expect([[...ours.cookies.keys()], await site.sessions.count()]).toEqual([[COOKIE], 1]);
    expect(await look(ours)).toEqual(ADA);
  });

  test('retire: "keep": the old application serves it as before, and the new one once more', async () => {
    const { theirs, ours, site } = await moved(await start(), { retire: "keep" });
    expect([await look(ours), await look(theirs), await look(ours)]).toEqual([ADA, "ada", ADA]);
    expect(await look(new Browser(site.origin, theirs.cookies))).toEqual(ADA);
    expect(await site.sessions.count()).toBe(1);
  });

  test("C2: after a logout a copy of the old cookie is nobody's", async () => {
    const { site, ours } = await moved(await start(), { retire: "keep" });
    const copy = ours.copy();
    await look(ours);
    await ours.post("/logout");
    expect(ours.cookies.size).toBe(0);
    expect(await look(copy)).toMatchObject({ active: false, userId: null });
    expect(await site.sessions.count()).toBe(0);
  });

  test("A4: cookies that were tampered with are nobody's", async () => {
    const { site, ours } = await moved(await start());
    for (const [name, value] of ours.cookies) {
      for (const at of [Math.floor(value.length / 2), 12]) {
        const other = value[at] === "A" ? "B" : "A";
        const forged = new Browser(site.origin, [
          ...ours.cookies,
          [name, value.slice(0, at) + other + value.slice(at + 1)],
        ]);
        expect(await look(forged)).toMatchObject({ active: false });
      }
    }
    expect(await site.sessions.count()).toBe(0);
  });
});

async function inMap(options?: Omit<AdoptOptions, "from">, sessions?: object) {
  const store = new MapStore();
  const old: Old = { listener: expressApp(store), from: expressSession({ store, secrets: OLD_SECRETS }) };
  return { store, ...(await moved(old, options, sessions)) };
}

test("what cannot be marked is not given out, and the next request goes on with the same session", async () => {
  const { store, site, ours } = await inMap();
  store.fails = true;
  const failed = await ours.get("/look");
  expect([failed.status, failed.setCookies]).toEqual([503, []]);
  store.fails = false;
  const [begun] = await site.sessions.list("ada");
  expect(await look(ours)).toEqual(ADA);
  expect((await site.sessions.list("ada")).map(({ id }) => id)).toEqual([begun?.id]);
});

test("Redis: the session is gone from the old place, a mark without its id stays for 30 days; nobody else's key is touched", async () => {
  const [, start] = SOURCES[0] ?? [];
  const store = redisStore(client, { namespace: "ours", deadline: PATIENT });
  const old = (await start?.()) as Old;
  await admin.flushAll();
  await admin.set("sess:somebody", "else's");
  const { ours } = await moved(old, {}, { store });
  const sid = (await admin.keys("sess:*")).map((key) => key.slice(5)).find((each) => each !== "somebody") ?? "";
  expect(sid).toHaveLength(32);
  expect(await look(ours)).toEqual(ADA);
  const keys = await admin.keys("*");
  expect(keys.filter((key) => key.startsWith("sess:"))).toEqual(["sess:somebody"]);
  const marks = keys.filter((key) => key.startsWith("sojourn-adopted:"));
  expect([marks.length, keys.some((key) => key.includes(sid))]).toEqual([1, false]);
  const days = (await admin.pTTL(marks[0] ?? "")) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThanOrEqual(30);
});

test("iron-session: a copy is refused after a logout as long as the store knows of it: endedKept", async () => {
  const clock = manualClock();
  const { ours } = await moved(ironApp(false), {}, { store: memoryStore({ clock, endedKept: "14d" }), clock });
  const copy = ours.copy();
  await look(ours);
  await ours.post("/logout");
  await clock.advance(13 * 86_400_000);
  expect(await look(copy)).toMatchObject({ active: false });
});

test("the default map keeps the data as they are, without `cookie`, under the default policy and of no user", async () => {
  const store = new MapStore();
  const old = { listener: expressApp(store), from: expressSession({ store, secrets: OLD_SECRETS }) };
  const theirs = new Browser(await serve(old.listener));
  await theirs.post("/login");
  const site = await startSite({ sessions: { adopt: { from: old.from } } });
  expect(await look(new Browser(site.origin, theirs.cookies))).toEqual({ active: true, userId: null, data: KEPT });
  expect((await site.sessions.find()).items.map(({ policy }) => policy)).toEqual(["normal"]);
});

test.each([
  ["map says null", (): null => null, []],
  ["map fails", () => Promise.reject(new Error("no such user")), [/could not be adopted: no such user/]],
  ["the data are too large", () => ({ userId: "ada", data: { a: "x".repeat(20_000) } }), [/could not be adopted: /]],
] as const)("%s: nobody's, and the old session stays as it is", async (_why, mapped, log) => {
  const { store, theirs, site, ours } = await inMap({ map: mapped });
  expect(await look(ours)).toMatchObject({ active: false });
  expect([store.sessions.size, await look(theirs), ours.cookies.size]).toEqual([1, "ada", 1]);
  expect(site.log).toEqual(log.map((line) => expect.stringMatching(line) as string));
});

test("a user who is disabled is nobody, and an old session from before is over when they are enabled again", async () => {
  const { store, site, ours } = await inMap();
  await site.sessions.disableUser("ada");
  expect(await look(ours)).toMatchObject({ active: false });
  expect(store.sessions.size).toBe(1);
  await site.sessions.enableUser("ada");
  expect(await look(ours)).toMatchObject({ active: false });
  expect([store.sessions.size, ours.cookies.size]).toEqual([0, 0]);
});

test.each([
  ["without `since`", undefined, false],
  ["that began before", -60_000, false],
  ["that began since", 60_000, true],
])("F6: signed out everywhere: an old session %s is taken over: %s, %s", async (_which, after, isAdopted) => {
  const { store, site, ours } = await inMap({
    map: (old) => ({ ...(map(old) as object), ...(after === undefined ? {} : { since: Date.now() + after }) }),
  });
  await site.sessions.create({ userId: "ada" });
  await site.sessions.revokeUser("ada");
  expect(await look(ours)).toMatchObject({ userId: isAdopted ? "ada" : null });
  expect([
    store.sessions.has([...store.sessions.keys()].find((sid) => !sid.includes(":")) ?? ""),
    await site.sessions.count(),
  ]).toEqual([false, isAdopted ? 1 : 0]);
});

test("secrets that are rotated between two racing requests: they meet all the same", async () => {
  const { store, ours, site } = await inMap({ retire: "keep" });
  const [later, older] = [
    "a newer secret of these tests, 0123456789",
    "a secret of these tests, long enough to sign with",
  ];
  const copy = ours.copy();
  await look(ours);
  const before = (await site.sessions.list("ada")).map(({ id }) => id);
  const shared = await startSite({
    sessions: {
      store: site.store.store,
      secrets: [later, older],
      adopt: { from: expressSession({ store, secrets: OLD_SECRETS }), map, retire: "keep" },
    },
  });
  const elsewhere = new Browser(shared.origin, copy.cookies);
  expect(await look(elsewhere)).toEqual(ADA);
  expect((await shared.sessions.list("ada")).map(({ id }) => id)).toEqual(before);
});

test('load: "lazy": nothing is read before somebody asks, and a logout ends the old session unread', async () => {
  const store = new MapStore();
  const old = { listener: expressApp(store), from: expressSession({ store, secrets: OLD_SECRETS }) };
  const theirs = new Browser(await serve(old.listener));
  await theirs.post("/login");
  const site: Site = await startSite({
    sessions: { adopt: { from: old.from, map } },
    sojourn: { load: "lazy" },
    routes: (app) => app.get("/loaded", async (req, res) => void res.json((await req.session.load()).userId)),
  });
  const ours = new Browser(site.origin, theirs.cookies);
  expect((await ours.get("/plain")).body).toBe("plain");
  expect([site.store.calls, store.sessions.size]).toEqual([[], 1]);
  const copy = ours.copy();
  expect((await copy.get("/loaded")).body).toBe('"ada"');
  await theirs.post("/login");
  const another = new Browser(site.origin, theirs.cookies);
  await another.post("/logout");
  expect([another.cookies.size, await look(theirs)]).toEqual([0, null]);
});

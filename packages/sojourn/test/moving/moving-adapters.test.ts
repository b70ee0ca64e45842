/** What stands on the store goes on while it is moved: SojournStore, compatibility mode, sessions that are adopted. */

import express from "express";
import session, { MemoryStore } from "express-session";
import { expect, onTestFinished, test } from "vitest";
import { SojournStore } from "../../src/adapters/express-session.ts";
import { sojourn } from "../../src/adapters/express.ts";
import { expressSession } from "../../src/adopt.ts";
import { createSessions, type SessionsOptions, type Store } from "../../src/index.ts";
import { movingStore, moveStore } from "../../src/stores/moving/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { compatSite, type LegacyHandler } from "../support/compat-site.ts";
import { expressSite } from "../support/express-session-site.ts";
import { SECRET } from "../support/express-site.ts";
import { Browser, serve } from "../support/http.ts";
import { PATIENT, startRedis } from "../support/redis-server.ts";

/** More than the mover brings at once. */
const VISITORS = 150;
const OLD_SECRET = "keyboard cat";

interface Moving {
  readonly clock: ManualClock;
  /** For a server of the application meanwhile, and for one afterwards. */
  readonly meanwhile: SessionsOptions;
  readonly afterwards: SessionsOptions;
  readonly to: Store;
  /** Begins the move, and stops it half-way. */
  half(): Promise<void>;
  finish(): Promise<void>;
}

async function moving(): Promise<Moving> {
  const server = await startRedis();
  const [client, admin] = [await server.client(), await server.admin()];
  const clock = manualClock();
  clock.onAdvance(ageRedisKeys(admin));
  const from = sqliteStore(":memory:", { clock, writeDeadlineMs: PATIENT.writeMs });
  const to = redisStore(client, { clock, deadline: PATIENT });
  const store = movingStore({ from, to });
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  await store.ready();
  const common = { secrets: [SECRET], clock, background: false, log: () => undefined };
  return {
    clock,
    to,
    meanwhile: { ...common, store },
    afterwards: { ...common, store: to },
    async half() {
      await to.transfer.begin();
      await clock.advance(6_000);
      const result = await moveStore(from, to, { onProgress: ({ moved }) => moved === 0 });
      expect(result).toMatchObject({ done: false, moved: 128, left: VISITORS - 128 });
    },
    async finish() {
      expect(await moveStore(from, to)).toMatchObject({ done: true, left: 0 });
    },
  };
}

function visitors(browser: () => Browser, count = VISITORS): Browser[] {
  return Array.from({ length: count }, browser);
}

async function seenBy(browser: Browser, path = "/look"): Promise<Record<string, unknown>> {
  return JSON.parse((await browser.get(path)).body) as Record<string, unknown>;
}

test("sojourn/express-session: sessions of express-session stay, are saved, regenerated and destroyed while they move", async () => {
  const move = await moving();
  const site = await expressSite(new SojournStore({ sessions: createSessions(move.meanwhile) }));
  const all = visitors(() => site.browser());
  for (const [i, each] of all.entries()) await each.post(`/set/before/${i}`);
  await move.half();
  const acted = all.map(async (each, i) => {
    if (i % 3 === 0) return each.post(`/set/during/${i}`);
    return each.post(i % 3 === 1 ? "/logout" : `/login/user-${i}`);
  });
  const loggedOut = all.filter((_, i) => i % 3 === 1).map((each) => each.copy());
  const replaced = all.filter((_, i) => i % 3 === 2).map((each) => each.copy());
  await Promise.all([...acted, move.finish()]);
  const next = await expressSite(new SojournStore({ sessions: createSessions(move.afterwards) }));
  for (const [i, each] of all.entries()) {
    const seen = await seenBy(next.browser(each));
    if (i % 3 === 0) expect(seen).toMatchObject({ before: `${i}`, during: `${i}` });
    else if (i % 3 === 1) expect(Object.keys(seen)).toEqual(["cookie"]);
    else expect(seen).toMatchObject({ user: `user-${i}` });
  }
  for (const each of [...loggedOut, ...replaced]) {
    expect(Object.keys(await seenBy(next.browser(each)))).toEqual(["cookie"]);
  }
  expect(await move.to.count()).toBe((VISITORS * 2) / 3);
}, 30_000);

test('compat "express-session": req.session of before goes on, is saved and destroyed while it moves', async () => {
  const move = await moving();
  const views: LegacyHandler = (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1;
    res.json(req.session);
  };
  const logout: LegacyHandler = async (req, res) => {
    await req.session.destroy();
    res.json("bye");
  };
  const routes = { "/views": views, "/logout": logout };
  const site = await compatSite({ sessions: move.meanwhile, routes });
  const all = visitors(() => site.browser());
  for (const each of all) await each.get("/views");
  await move.half();
  const acted = all.map((each, i) => each.get(i % 3 === 0 ? "/logout" : "/views"));
  const loggedOut = all.filter((_, i) => i % 3 === 0).map((each) => each.copy());
  await Promise.all([...acted, move.finish()]);
  const next = await compatSite({ sessions: move.afterwards, routes });
  for (const [i, each] of all.entries()) {
    const seen = await seenBy(new Browser(next.origin, each.cookies));
    expect(seen["views"]).toBe(i % 3 === 0 ? undefined : 2);
  }
  for (const each of loggedOut)
    expect(await seenBy(new Browser(next.origin, each.cookies))).not.toHaveProperty("views");
  expect(await move.to.count()).toBe((VISITORS * 2) / 3);
}, 30_000);

test("adopt: old sessions are taken over before, during and after the move, each once", async () => {
  const move = await moving();
  const store = new MemoryStore();
  const old = express();
  old.use(session({ store, secret: OLD_SECRET, resave: false, saveUninitialized: false }));
  old.get("/login/:user", (req, res) => void res.json(Object.assign(req.session, { userId: req.params.user })));
  const oldOrigin = await serve(old);
  const newOrigin = (options: SessionsOptions): Promise<string> => {
    const map = (fields: Record<string, unknown>) => ({ userId: String(fields["userId"]), data: { n: 0 } });
    const from = expressSession({ store, secrets: [OLD_SECRET] });
    const sessions = createSessions({ ...options, adopt: { from, map, retire: "keep" } });
    const app = express();
    app.use(sojourn(sessions));
    app.get("/me", async (req, res) => {
      const n = req.session.userId === null ? null : await req.session.increment("n");
      res.json({ userId: req.session.userId, n });
    });
    return serve(app);
  };
  const [meanwhile, afterwards] = [await newOrigin(move.meanwhile), await newOrigin(move.afterwards)];
  const all = visitors(() => new Browser(oldOrigin), VISITORS + 60);
  for (const [i, each] of all.entries()) await each.get(`/login/user-${i}`);
  const at = (origin: string, from: number, until?: number): Browser[] =>
    all.slice(from, until).map(({ cookies }) => new Browser(origin, cookies));
  const seen = (browsers: readonly Browser[]) => Promise.all(browsers.map((each) => seenBy(each, "/me")));
  const counted = (n: number, from: number, until = all.length) =>
    Array.from({ length: until - from }, (_, i) => ({ userId: `user-${from + i}`, n }));
  const early = at(meanwhile, 0, VISITORS);
  expect(await seen(early)).toEqual(counted(1, 0, VISITORS));
  await move.half();
  // Each of these old sessions is in two requests at once.
  const [racing, racers] = [at(meanwhile, VISITORS, VISITORS + 30), at(meanwhile, VISITORS, VISITORS + 30)];
  const [again, once, twice] = await Promise.all([seen(early), seen(racing), seen(racers), move.finish()]);
  expect(again).toEqual(counted(2, 0, VISITORS));
  for (const [i, { userId, n }] of once.entries()) {
    expect([userId, Number(n) + Number(twice[i]?.["n"])]).toEqual([`user-${VISITORS + i}`, 3]);
  }
  const next = [...early, ...racing].map(({ cookies }) => new Browser(afterwards, cookies));
  expect(await seen(next)).toEqual(counted(3, 0, VISITORS + 30));
  expect(await seen(at(afterwards, VISITORS + 30))).toEqual(counted(1, VISITORS + 30));
  expect(await move.to.count()).toBe(all.length);
}, 30_000);

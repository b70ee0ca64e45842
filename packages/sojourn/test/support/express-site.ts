/** An Express 5 application with sessions, served over real HTTP for one test. */

import "../../src/adapters/express-augment.ts";
import express, { type Express } from "express";
import { type ExpressOptions, sojourn } from "../../src/adapters/express.ts";
import { createSessions, type SessionsOptions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { Browser, serve } from "./http.ts";
import { WatchedStore } from "./watched-store.ts";

export const COOKIE = "__Host-Http-sid";
export const SECRET = "a secret of these tests, long enough to sign with";
export const OTHER_SECRET = "another secret of these tests, also long enough!";

export interface SiteOptions {
  readonly sessions?: SessionsOptions;
  readonly sojourn?: ExpressOptions;
  /** Set-up that must stand before the sessions. */
  readonly before?: (app: Express) => void;
  readonly routes?: (app: Express, sessions: Sessions) => void;
}

export interface Site {
  readonly origin: string;
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  /** What was logged, one line each. */
  readonly log: readonly string[];
  browser(): Browser;
}

export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const log: string[] = [];
  const store = new WatchedStore(options.sessions?.store ?? memoryStore());
  const sessions = createSessions({
    secrets: [SECRET],
    log: (line) => log.push(line),
    ...options.sessions,
    store: store.store,
  });
  const app = express();
  options.before?.(app);
  app.use(sojourn(sessions, options.sojourn));
  options.routes?.(app, sessions);
  commonRoutes(app);
  const origin = await serve(app);
  await sessions.ready();
  store.calls.length = 0;
  return { origin, sessions, store, log, browser: () => new Browser(origin) };
}

/** What most tests need: look, write one field, log in, log out. */
function commonRoutes(app: Express): void {
  app.all("/plain", (_req, res) => void res.send("plain"));
  app.get("/look", (req, res) => {
    const { active, userId, data } = req.session;
    res.json({ active, userId, data });
  });
  app.post("/set", express.json(), async (req, res) => {
    for (const [name, value] of Object.entries(req.body as Record<string, unknown>)) await req.session.set(name, value);
    res.json(req.session.data);
  });
  app.post("/login", express.json(), async (req, res) => {
    const {
      userId = "ada",
      keep = [],
      policy = "normal",
    } = (req.body ?? {}) as { userId?: string; keep?: string[]; policy?: string };
    const session = await req.session.login({ userId, keep, policy });
    res.json({ id: session.id });
  });
  app.post("/logout", async (req, res) => void res.json({ ended: await req.session.logout() }));
}

/** The value of the session cookie in a Set-Cookie header. */
export function tokenIn(setCookie: string | undefined): string {
  const value = /^[^=]+=([^;]+)/.exec(setCookie ?? "")?.[1];
  if (value === undefined) throw new Error(`no cookie value in ${String(setCookie)}`);
  return value;
}

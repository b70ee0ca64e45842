/** Applications on the real express-session and @fastify/session, whose sessions a `SojournStore` keeps. */

import { createRequire } from "node:module";
import cookie from "@fastify/cookie";
import express, { type Request, type RequestHandler } from "express";
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from "fastify";
import { onTestFinished } from "vitest";
import type { ExpressSession, SojournStore } from "../../src/adapters/express-session.ts";
import { Browser, serve } from "./http.ts";
import { TEST_SECRET } from "./secrets.ts";

// Without their types, which say of every request that its session is theirs, as `sojourn/express/augment` does here.
const load = createRequire(import.meta.url);
export const expressSession = load("express-session") as ((options: object) => RequestHandler) & {
  Cookie: new (options?: object) => { expires: Date | null; maxAge: number | null };
};
const fastifySession = load("@fastify/session") as FastifyPluginCallback<Record<string, unknown>>;

/** What both packages put into a request. */
export type RequestSession = Record<string, unknown> & Pick<ExpressSession, "cookie">;

/** Requests that wait until the test lets them go on. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();

  /** Settles once a request has come here. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }
  open(): void {
    this.#opened.resolve();
  }
  pass(): Promise<void> {
    this.#reached.resolve();
    return this.#opened.promise;
  }
}

export interface ForeignSite {
  readonly origin: string;
  /** Where `/slow/…` waits: a new one for each test step. */
  gate: Gate;
  /** @param other one whose cookies it shares, as they are and as they become. */
  browser(other?: Browser): Browser;
}

const MAX_AGE = 60_000;

function browserOf(origin: string, other?: Browser): Browser {
  const browser = new Browser(origin);
  return other === undefined ? browser : Object.assign(browser, { cookies: other.cookies });
}

export function sessionOf(req: unknown): RequestSession {
  return (req as { session: RequestSession }).session;
}

function expressSessionOf(req: Request): ExpressSession & RequestSession {
  return sessionOf(req) as ExpressSession & RequestSession;
}

/** Express 5 with express-session as its readme has it. */
export async function expressSite(store: SojournStore, options: object = {}): Promise<ForeignSite> {
  const app = express();
  const site: ForeignSite = { origin: "", gate: new Gate(), browser: (other) => browserOf(site.origin, other) };
  app.use(
    expressSession({
      store,
      secret: TEST_SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: MAX_AGE },
      ...options,
    }),
  );
  app.get("/look", (req, res) => void res.json(req.session));
  app.post("/set/:name/:value", (req, res) => {
    sessionOf(req)[req.params.name] = req.params.value;
    res.json(req.session);
  });
  app.post("/delete/:name", (req, res) => {
    delete sessionOf(req)[req.params.name];
    res.json(req.session);
  });
  app.post("/slow/:name/:value", async (req, res) => {
    await site.gate.pass();
    sessionOf(req)[req.params.name] = req.params.value;
    res.json(req.session);
  });
  app.post("/login/:user", (req, res, next) => {
    expressSessionOf(req).regenerate((error) => {
      if (error) return next(error);
      sessionOf(req)["user"] = req.params.user;
      expressSessionOf(req).save((failed) => (failed ? next(failed) : res.redirect("/look")));
    });
  });
  app.post("/logout", (req, res, next) => {
    expressSessionOf(req).destroy((error) => (error ? next(error) : res.json({ session: typeof req.session })));
  });
  app.post("/reload", (req, res, next) => {
    sessionOf(req)["forgotten"] = true;
    expressSessionOf(req).reload((error) => {
      if (error) return next(error);
      sessionOf(req)["reloaded"] = true;
      res.json(req.session);
    });
  });
  app.post("/lifetime/:ms", (req, res) => {
    sessionOf(req).cookie.maxAge = Number(req.params.ms);
    sessionOf(req)["lifetime"] = req.params.ms;
    res.json(req.session);
  });
  Object.assign(site, { origin: await serve(app) });
  return site;
}

/** Fastify 5 with @fastify/session, with its own defaults but for `Secure`. */
export async function fastifySite(
  store: SojournStore,
  options: object = {},
): Promise<ForeignSite & { app: FastifyInstance }> {
  const app = Fastify();
  const site = { origin: "", app, gate: new Gate(), browser: (other?: Browser) => browserOf(site.origin, other) };
  await app.register(cookie);
  await app.register(fastifySession, {
    secret: TEST_SECRET,
    store,
    cookie: { maxAge: MAX_AGE, secure: false },
    ...options,
  });
  app.get("/look", async (req) => sessionOf(req));
  app.get("/slow-look", async (req) => {
    await site.gate.pass();
    return sessionOf(req);
  });
  app.post<{ Params: { name: string; value: string } }>("/set/:name/:value", async (req) => {
    sessionOf(req)[req.params.name] = req.params.value;
    return sessionOf(req);
  });
  app.post("/object", async (req) => {
    sessionOf(req)["basket"] = { items: [] };
    return sessionOf(req);
  });
  app.post<{ Params: { name: string } }>("/delete/:name", async (req) => {
    delete sessionOf(req)[req.params.name];
    return sessionOf(req);
  });
  app.post<{ Params: { name: string; value: string } }>("/slow/:name/:value", async (req) => {
    await site.gate.pass();
    sessionOf(req)[req.params.name] = req.params.value;
    return sessionOf(req);
  });
  app.post<{ Params: { user: string } }>("/login/:user", async (req) => {
    await (sessionOf(req) as unknown as { regenerate(keep: string[]): Promise<void> }).regenerate(["cart"]);
    sessionOf(req)["user"] = req.params.user;
    return sessionOf(req);
  });
  app.post("/logout", async (req) => {
    await (sessionOf(req) as unknown as { destroy(): Promise<void> }).destroy();
    return { session: sessionOf(req) };
  });
  // Run by a timer that was there before any request: in no request's context.
  const jobs: (() => void)[] = [];
  const worker = setInterval(() => jobs.splice(0).forEach((job) => job()), 5);
  app.post("/later", async (req) => {
    const session = sessionOf(req);
    await site.gate.pass();
    session["later"] = true;
    const saved = Promise.withResolvers<void>();
    const save = (): Promise<void> => (session as unknown as { save(): Promise<void> }).save();
    jobs.push(() => void save().then(saved.resolve, saved.reject));
    await saved.promise;
    return {};
  });
  onTestFinished(() => {
    clearInterval(worker);
    return app.close();
  });
  site.origin = await app.listen({ port: 0, host: "127.0.0.1" });
  return site;
}

/** An Express application that was written for express-session, served over real HTTP for one test. */

import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from "express";
import type { CompatSession } from "../../src/adapters/compat/session-object.ts";
import type { CompatStore } from "../../src/adapters/compat/session-store.ts";
import { type ExpressSessionOptions, sojourn } from "../../src/adapters/express.ts";
import { createSessions, type SessionsOptions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { SECRET } from "./express-site.ts";
import { Browser, serve } from "./http.ts";
import { WatchedStore } from "./watched-store.ts";

export interface LegacySession extends CompatSession {
  views?: number;
}
export interface LegacyRequest extends Omit<Request, "session" | "sessionID" | "sessionStore"> {
  session: LegacySession;
  sessionID: string;
  sessionStore: CompatStore;
}
export type LegacyHandler = (req: LegacyRequest, res: Response, next: NextFunction) => unknown;

export interface CompatSiteOptions {
  readonly make?: () => Express;
  readonly sessions?: SessionsOptions;
  readonly options?: Omit<ExpressSessionOptions, "compat">;
  /** Set-up that must stand before the sessions. */
  readonly before?: (app: Express) => void;
  readonly after?: (app: Express, sessions: Sessions) => void;
  /** By path, for every method. */
  readonly routes?: Readonly<Record<string, LegacyHandler>>;
}

export interface CompatSite {
  readonly origin: string;
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  readonly clock: ManualClock;
  /** What was logged, one line each. */
  readonly log: readonly string[];
  browser(): Browser;
}

export async function compatSite(given: CompatSiteOptions = {}): Promise<CompatSite> {
  const clock = manualClock();
  const log: string[] = [];
  const store = new WatchedStore(given.sessions?.store ?? memoryStore({ clock }));
  const common = { secrets: [SECRET], clock, log: (line: string) => void log.push(line) };
  const sessions = createSessions({ ...common, ...given.sessions, store: store.store });
  const app = (given.make ?? express)();
  given.before?.(app);
  app.use(sojourn(sessions, { compat: "express-session", ...given.options }));
  given.after?.(app, sessions);
  for (const [path, handler] of Object.entries(given.routes ?? {})) {
    app.all(path, ((req, res, next) => {
      // Express 4 does not look at promises.
      void Promise.resolve(handler(req as unknown as LegacyRequest, res, next)).catch(next);
    }) satisfies RequestHandler);
  }
  app.all("/look", (req, res) => void res.json((req as unknown as LegacyRequest).session));
  const failed: express.ErrorRequestHandler = (
    error: { code?: string; status?: number; message: string },
    _req,
    res,
    _next,
  ) => {
    res.status(error.status ?? 500).send(`error: ${error.code ?? error.message}`);
  };
  app.use(failed);
  const origin = await serve(app);
  await sessions.ready();
  store.calls.length = 0;
  return { origin, sessions, store, clock, log, browser: () => new Browser(origin) };
}

/** A Fastify application with sessions, served over real HTTP for one test. */

import "../../src/adapters/fastify-augment.ts";
import Fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { onTestFinished } from "vitest";
import { type FastifyOptions, sojourn } from "../../src/adapters/fastify.ts";
import { createSessions, type SessionsOptions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { SECRET } from "./express-site.ts";
import { Browser } from "./http.ts";
import { WatchedStore } from "./watched-store.ts";

export interface FastifySiteOptions {
  readonly sessions?: SessionsOptions;
  readonly sojourn?: FastifyOptions;
  readonly server?: FastifyServerOptions;
  /** Set-up that must stand before the sessions. */
  readonly before?: (app: FastifyInstance) => void;
  readonly routes?: (app: FastifyInstance, sessions: Sessions) => void;
}

export interface FastifySite {
  readonly app: FastifyInstance;
  readonly origin: string;
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  /** What was logged, one line each. */
  readonly log: readonly string[];
  browser(): Browser;
  /** A browser in which ada has logged in. */
  user(): Promise<Browser>;
}

export async function startFastify(options: FastifySiteOptions = {}): Promise<FastifySite> {
  const log: string[] = [];
  const store = new WatchedStore(options.sessions?.store ?? memoryStore());
  const sessions = createSessions({
    secrets: [SECRET],
    log: (line) => log.push(line),
    ...options.sessions,
    store: store.store,
  });
  const app = Fastify({ forceCloseConnections: true, ...options.server });
  onTestFinished(() => app.close());
  options.before?.(app);
  await app.register(sojourn(sessions, options.sojourn));
  options.routes?.(app, sessions);
  commonRoutes(app);
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  await sessions.ready();
  const browser = (): Browser => new Browser(origin);
  const user = async (): Promise<Browser> => {
    const ada = browser();
    await ada.post("/login");
    store.calls.length = 0;
    return ada;
  };
  store.calls.length = 0;
  return { app, origin, sessions, store, log, browser, user };
}

/** What most tests need: look, log in. */
function commonRoutes(app: FastifyInstance): void {
  app.get("/look", ({ session: { active, userId, data } }) => ({ active, userId, data }));
  app.post("/login", async (request) => ({ id: (await request.session.login({ userId: "ada" })).id }));
}

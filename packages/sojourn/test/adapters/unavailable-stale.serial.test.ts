/** `onUnavailable: "stale"` on a real Redis that hangs and one that is gone, with each client and framework. */

import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Express } from "express";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as forExpress from "../../src/adapters/express.ts";
import * as forFastify from "../../src/adapters/fastify.ts";
import { createSessions, type OnUnavailable, type SessionsOptions, type Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { SECRET, startSite, tokenIn } from "../support/express-site.ts";
import { startFastify } from "../support/fastify-site.ts";
import { Browser } from "../support/http.ts";
import { IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

/** So short that hardly anything is answered by the lease. */
const LEASE_MS = 20;
const READ_MS = 250;
const QUIET_MS = 50;

let server: RedisServer;
let opened: OpenedClient;

beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  opened.close();
  server.process.kill("SIGCONT");
  await server.stop();
});

/** All pages but those that say so may be of the last that is known. */
const sojourn = {
  onUnavailable: ({ url }: { readonly url: string }): OnUnavailable => (url.includes("exact") ? "reject" : "stale"),
};

function expressRoutes(app: Express): void {
  app.get("/stale", (req, res) => void res.json(req.session.stale));
  app.get("/guarded", forExpress.requireUser(), (_req, res) => void res.send("in"));
  app.post("/write", async (req, res) => void res.json(await req.session.increment("n")));
}

function fastifyRoutes(app: FastifyInstance): void {
  app.get("/stale", ({ session }) => JSON.stringify(session.stale));
  app.get("/guarded", { preHandler: forFastify.requireUser() }, () => "in");
  app.post("/write", ({ session }) => session.increment("n"));
  app.post("/logout", ({ session }) => session.logout());
}

const STARTS = {
  express: async (sessions: SessionsOptions) => (await startSite({ sessions, sojourn, routes: expressRoutes })).origin,
  fastify: async (sessions: SessionsOptions) =>
    (await startFastify({ sessions, sojourn, routes: fastifyRoutes })).origin,
};
const CASES = Object.entries(STARTS).flatMap(([framework, start]) =>
  [NODE_REDIS, IOREDIS].map((kind) => ({ name: `${framework}, ${kind.name}`, start, kind })),
);

describe.each(CASES)("$name", ({ start, kind }) => {
  let origin: string;
  let nearCache: Store["nearCache"];

  async function site(): Promise<void> {
    opened = await kind.open(server.port);
    const store = redisStore(opened.client, { nearCache: { leaseMs: LEASE_MS }, deadline: { readMs: READ_MS } });
    origin = await start({ store });
    ({ nearCache } = store);
  }

  /** So many who have just looked at a page, while changes are heard: until then each answer does away with the copies before it. */
  async function users(count: number): Promise<Browser[]> {
    const browsers = Array.from({ length: count }, () => new Browser(origin));
    for (const browser of browsers) await browser.post("/login");
    const known = async (): Promise<number | undefined> => {
      for (const browser of browsers) await browser.get("/look");
      await sleep(QUIET_MS);
      return nearCache?.size;
    };
    await expect.poll(known).toBe(count);
    return browsers;
  }

  async function expectLastPages(ada: Browser): Promise<void> {
    const cookies = ada.cookieHeader;
    const isStale = async (): Promise<unknown> => JSON.parse((await ada.get("/stale")).body);
    await expect.poll(isStale, { timeout: 5_000 }).toBe(true);
    const reply = await ada.get("/look");
    expect([reply.status, JSON.parse(reply.body)]).toEqual([200, { active: true, userId: "ada", data: {} }]);
    expect([reply.headers["cache-control"], reply.setCookies]).toEqual(["no-store", []]);
    const refused = [ada.get("/look?exact"), ada.get("/guarded"), ada.post("/write")];
    for (const { status, setCookies } of await Promise.all(refused)) expect([status, setCookies]).toEqual([503, []]);
    // A write that was refused is no reason to know less.
    expect(await isStale()).toBe(true);
    expect(ada.cookieHeader).toBe(cookies);
  }

  async function expectOwnPages(ada: Browser): Promise<void> {
    const seen = async (): Promise<unknown> => [(await ada.get("/stale")).body, (await ada.get("/guarded")).body];
    await expect.poll(seen, { timeout: 5_000 }).toEqual(["false", "in"]);
    expect((await ada.post("/write")).body).toBe("1");
  }

  test("M4: Redis hangs: pages are of the last that is known, guards and writes 503, none waits for long; afterwards all is ada's", async () => {
    await site();
    const [ada = new Browser(origin)] = await users(2);
    server.process.kill("SIGSTOP");
    await expectLastPages(ada);
    const took: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      expect((await ada.get("/look")).status).toBe(200);
      took.push(performance.now() - began);
    }
    // Five reads waited for their deadline; from then on none does.
    expect(Math.min(...took)).toBeLessThan(READ_MS / 2);
    server.process.kill("SIGCONT");
    await expectOwnPages(ada);
  });

  test("M4: Redis is killed: the same; a session whose end was heard is not answered, whoever ended it", async () => {
    await site();
    const [ada, ended, loggedOut] = (await users(3)) as [Browser, Browser, Browser];
    const elsewhere = createSessions({ store: redisStore(opened.client), secrets: [SECRET] });
    await elsewhere.logout(tokenIn(ended.cookieHeader));
    await elsewhere.close();
    const before = loggedOut.cookieHeader;
    await loggedOut.post("/logout");
    // What is heard travels on a connection of its own.
    await expect.poll(() => nearCache?.size).toBe(1);
    await server.stop();
    await expectLastPages(ada);
    expect((await ended.get("/look")).status).toBe(503);
    const reply = await new Browser(origin).get("/look", { Cookie: before });
    expect(reply.status).toBe(503);
  });
});

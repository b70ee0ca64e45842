/** Requests that open pages make by themselves keep no session alive. */

import express from "express";
import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { sojourn as expressSessions } from "../../src/adapters/express.ts";
import { sojourn as fastifySessions } from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import { sojourn as fetchSessions } from "../../src/adapters/fetch.ts";
import { createSessions, memoryStore } from "../../src/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";
import { serve } from "../support/http.ts";

const MINUTE = 60_000;

function site() {
  const clock = manualClock();
  const sessions = createSessions({ store: memoryStore({ clock }), clock, secrets: [SECRET] });
  return { clock, sessions };
}

const isPolling = (path: string): boolean => path === "/messages/count";

/** Asks for a path with the cookie, and answers who was there. */
type Ask = (path: string, cookie: string) => Promise<unknown>;

async function withExpress(sessions: ReturnType<typeof createSessions>): Promise<Ask> {
  const app = express();
  app.use(expressSessions(sessions, { countsAsActivity: (req) => !isPolling(req.path) }));
  app.get("/{*path}", (req, res) => void res.json(req.session.userId));
  const origin = await serve(app);
  return async (path, cookie) => (await fetch(origin + path, { headers: { cookie } })).json();
}

async function withFastify(sessions: ReturnType<typeof createSessions>): Promise<Ask> {
  const app = Fastify();
  onTestFinished(() => app.close());
  app.register(
    fastifySessions(sessions, { countsAsActivity: ({ routeOptions }) => !isPolling(routeOptions.url ?? "") }),
  );
  for (const url of ["/messages", "/messages/count"]) app.get(url, async ({ session }) => ({ userId: session.userId }));
  return async (url, cookie) => (await app.inject({ url, headers: { cookie } })).json<{ userId: unknown }>().userId;
}

async function withFetch(sessions: ReturnType<typeof createSessions>): Promise<Ask> {
  const { open } = fetchSessions(sessions, {
    countsAsActivity: (request) => !isPolling(new URL(request.url).pathname),
  });
  return async (path, cookie) => {
    const opened = await open(new Request(`https://shop.example${path}`, { headers: { cookie } }));
    return (await opened.commit(Response.json(opened.session.userId))).json();
  };
}

test.each([
  ["Express", withExpress],
  ["Fastify", withFastify],
  ["fetch", withFetch],
])("D1 requests that do not count as activity move no idle timeout, with %s", async (_, adapter) => {
  const { clock, sessions } = site();
  const ask = await adapter(sessions);
  const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
  const cookie = `${COOKIE}=${token}`;
  await clock.advance(10 * MINUTE);
  expect(await ask("/messages/count", cookie)).toBe("ada");
  expect((await sessions.get(session.id))?.lastSeenAt).toBe(session.lastSeenAt);
  expect(await ask("/messages", cookie)).toBe("ada");
  await expect.poll(async () => (await sessions.get(session.id))?.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
  for (const minutes of [7, 7]) {
    await clock.advance(minutes * MINUTE);
    expect(await ask("/messages/count", cookie)).toBe("ada");
  }
  await clock.advance(2 * MINUTE);
  expect(await ask("/messages/count", cookie)).toBeNull();
});

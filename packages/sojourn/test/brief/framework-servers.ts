/** The same small application in frameworks that the brief does not name: one server each, over one pair of sessions. */

import { Hono } from "hono";
import Koa from "koa";
import { sojourn as honoSessions } from "../../src/adapters/hono.ts";
import { sojourn as koaSessions } from "../../src/adapters/koa.ts";
import { sojourn as nodeSessions } from "../../src/adapters/node.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { type Reply, send, serve } from "../support/http.ts";

export type Ask = (method: "GET" | "POST", path: string, cookie?: string) => Promise<Reply>;

/** The theme is written without waiting, as handlers may. */
async function answer(path: string, session: RequestSession): Promise<object> {
  if (path === "/login") await session.login({ userId: "123" });
  if (path === "/theme") void session.set("theme", "dark");
  if (path === "/logout") await session.logout();
  return { userId: session.userId, ...session.data };
}

/** As through a proxy that ends TLS. */
const over =
  (origin: string): Ask =>
  (method, path, cookie) => {
    const browser = { Origin: origin.replace("http:", "https:"), "X-Forwarded-Proto": "https" };
    return send(origin + path, {
      method,
      headers: { ...browser, ...(cookie === undefined ? {} : { Cookie: cookie }) },
    });
  };

async function koaServer(sessions: Sessions): Promise<Ask> {
  const app = new Koa({ proxy: true });
  app.use(koaSessions(sessions));
  app.use(async (ctx) => {
    ctx.body = await answer(ctx.path, ctx["session"]);
  });
  const callback = app.callback();
  return over(await serve((req, res) => void callback(req, res)));
}

async function honoServer(sessions: Sessions): Promise<Ask> {
  const origin = "https://shop.example";
  const app = new Hono().use(honoSessions(sessions, { property: "sojourn" }));
  app.all("*", async (c) => c.json(await answer(c.req.path, c.get("sojourn" as never) as RequestSession)));
  return async (method, path, cookie) => {
    const headers = { Origin: origin, ...(cookie === undefined ? {} : { Cookie: cookie }) };
    const response = await app.request(origin + path, { method, headers });
    const { status, statusText: reason } = response;
    return { status, reason, headers: {}, setCookies: response.headers.getSetCookie(), body: await response.text() };
  };
}

async function nodeServer(sessions: Sessions): Promise<Ask> {
  const { handler } = nodeSessions(sessions, { url: ({ headers }) => `https://${headers.host}` });
  return over(
    await serve(handler(async (req, res) => res.end(JSON.stringify(await answer(req.url ?? "", req.session))))),
  );
}

export const FRAMEWORKS: readonly ((sessions: Sessions) => Promise<Ask>)[] = [koaServer, honoServer, nodeServer];

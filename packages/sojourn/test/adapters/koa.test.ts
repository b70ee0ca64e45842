/** What is Koa's own, beyond the contract: other middleware, thrown errors, bodies of every kind. */

import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import Koa, { type Middleware } from "koa";
import { expect, test } from "vitest";
import { requireUser, sojourn } from "../../src/adapters/koa.ts";
import "../../src/adapters/koa-augment.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import { OWN_PAGE, watchedSessions } from "../support/adapter-site.ts";
import { send, serve } from "../support/http.ts";

function served(app: Koa): Promise<string> {
  const callback = app.callback();
  return serve((req, res) => void callback(req, res));
}

function koa(...middleware: Middleware[]): Promise<string> {
  const app = new Koa();
  app.silent = true;
  for (const each of middleware) app.use(each);
  return served(app);
}

/** What `ctx.body = …` takes: a string, an object, bytes, a stream, a web stream, a Blob, a Response, nothing. */
const BODIES: [string, () => unknown, string][] = [
  ["text", () => "it", "it"],
  ["JSON", () => ({ it: 1 }), '{"it":1}'],
  ["bytes", () => Buffer.from("it"), "it"],
  ["a stream", () => Readable.from(["i", "t"]), "it"],
  ["a web stream", () => new Blob(["it"]).stream(), "it"],
  ["a Blob", () => new Blob(["it"]), "it"],
  ["a Response", () => new Response("it"), "it"],
  ["nothing", () => null, ""],
];

test.each(BODIES)(
  "C1 %s as the body: uncacheable, with the cookie of a write that nobody awaited",
  async (_name, body, text) => {
    const { sessions, store } = watchedSessions();
    store.before.set("create", () => sleep(20));
    const origin = await koa(sojourn(sessions), (ctx) => {
      void ctx.session.set("a", 1);
      ctx.body = body();
    });
    const reply = await send(`${origin}/`);
    expect(reply).toMatchObject({ body: text, headers: { "cache-control": "no-store", vary: "Cookie" } });
    expect(reply.setCookies).toHaveLength(1);
  },
);

test.each(BODIES)("M4 %s as the body: 503 in its place when the write fails", async (_name, body) => {
  const { sessions, store } = watchedSessions();
  const origin = await koa(sojourn(sessions), (ctx) => {
    store.down = true;
    void ctx.session.set("a", 1);
    ctx.set({ ETag: '"1"', "X-Kept": "1" });
    ctx.body = body();
  });
  const reply = await send(`${origin}/`);
  expect(reply).toMatchObject({ status: 503, setCookies: [], headers: { "retry-after": "1", "x-kept": "1" } });
  expect(JSON.parse(reply.body)).toMatchObject({ error: "store_unavailable" });
  expect(reply.headers["etag"]).toBeUndefined();
});

test("a stream that is not sent is destroyed", async () => {
  const { sessions, store } = watchedSessions();
  const stream = new Readable({ read: () => undefined });
  const origin = await koa(sojourn(sessions), (ctx) => {
    store.down = true;
    void ctx.session.set("a", 1);
    ctx.body = stream;
  });
  expect((await send(`${origin}/`)).status).toBe(503);
  expect(stream.destroyed).toBe(true);
});

test("middleware before it sees what is sent, also a 503 in place of the handler's answer", async () => {
  const { sessions, store } = watchedSessions();
  const seen: unknown[] = [];
  const origin = await koa(
    async (ctx, next) => {
      await next();
      seen.push([ctx.status, ctx.response.get("Cache-Control"), ctx.response.get("Vary")]);
    },
    sojourn(sessions),
    (ctx) => {
      void ctx.session.set("a", 1);
      ctx.body = "ok";
    },
  );
  await send(`${origin}/`);
  store.down = true;
  await send(`${origin}/`);
  expect(seen).toEqual([
    [200, "no-store", "Cookie"],
    [503, "no-store", "Cookie"],
  ]);
});

test("a write that middleware before it begins is waited for too", async () => {
  const { sessions, store } = watchedSessions();
  store.before.set("create", () => sleep(20));
  const late: Middleware = async (ctx, next) => {
    await next();
    void ctx.session.set("a", 1);
  };
  const origin = await koa(late, sojourn(sessions), (ctx) => void (ctx.body = "ok"));
  expect((await send(`${origin}/`)).setCookies).toHaveLength(1);
  store.down = true;
  expect(await send(`${origin}/`)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
});

test('onError: "throw" gives refusals, failed reads, failed writes and guards to the middleware before', async () => {
  const { sessions, store, cookie } = watchedSessions();
  const ada = await cookie();
  const caught: unknown[] = [];
  const origin = await koa(
    async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        const { code, status, headers } = error as { code: string; status: number; headers: unknown };
        caught.push([code, status, headers !== undefined]);
        ctx.status = status;
        ctx.body = "ours";
      }
    },
    sojourn(sessions, { onError: "throw" }),
    async (ctx, next) => {
      if (ctx.path === "/guarded") return next();
      void ctx.session.set("a", 1);
      ctx.body = "ok";
    },
    requireUser(),
  );
  expect(await send(`${origin}/guarded`)).toMatchObject({ status: 401, body: "ours" });
  expect(await send(`${origin}/`, { method: "POST", headers: { Origin: "https://evil.example" } })).toMatchObject({
    status: 403,
  });
  store.down = true;
  for (const headers of [ada, OWN_PAGE]) {
    expect(await send(`${origin}/`, { headers })).toMatchObject({ status: 503, body: "ours", setCookies: [] });
  }
  expect(caught).toEqual([
    ["login_required", 401, false],
    ["cross_site_request", 403, true],
    ["store_unavailable", 503, true],
    ["store_unavailable", 503, true],
  ]);
});

test("what a handler's awaited write throws is answered by Koa with its status, and its message is not shown", async () => {
  const { sessions, store } = watchedSessions();
  const origin = await koa(sojourn(sessions), async (ctx) => {
    store.down = true;
    await ctx.session.set("a", 1);
  });
  expect(await send(`${origin}/`)).toMatchObject({
    status: 503,
    body: "Service Unavailable",
    headers: { "retry-after": "1" },
  });
});

test('property: "sojourn" leaves ctx.session to another; with app.proxy the proxy is believed', async () => {
  const { sessions, cookie } = watchedSessions();
  const app = new Koa({ proxy: true });
  app.use(sojourn(sessions, { property: "sojourn" }));
  app.use((ctx) => {
    const session = ctx["sojourn"] as RequestSession;
    ctx.body = { userId: session.userId, taken: ctx.session !== undefined };
  });
  const origin = await served(app);
  const behind = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example", Origin: "https://shop.example" };
  const reply = await send(`${origin}/`, { method: "POST", headers: { ...(await cookie()), ...behind } });
  expect(JSON.parse(reply.body)).toEqual({ userId: "ada", taken: false });
});

test("a guard without the middleware says so", async () => {
  const app = new Koa();
  const told = new Promise<unknown>((resolve) => void app.on("error", resolve));
  app.use(requireUser());
  expect((await send(`${await served(app)}/`)).status).toBe(500);
  expect(await told).toMatchObject({ code: "middleware_missing" });
});

/** What is Hono's own, beyond the contract: responses of every kind, `app.onError`, forms, types of the variable. */

import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { stream, streamSSE } from "hono/streaming";
import { expect, test } from "vitest";
import { csrf, type HonoOptions, requireUser, sojourn } from "../../src/adapters/hono.ts";
import "../../src/adapters/hono-augment.ts";
import { OWN_PAGE, type WatchedSessions, watchedSessions } from "../support/adapter-site.ts";

const SHOP = "https://shop.example";

interface Shop extends WatchedSessions {
  readonly app: Hono;
  ask(path: string, headers?: Record<string, string>, body?: URLSearchParams): Promise<Response>;
}

function shop(options: HonoOptions = {}): Shop {
  const watched = watchedSessions();
  const app = new Hono();
  app.use(sojourn(watched.sessions, options));
  return {
    ...watched,
    app,
    ask: async (path, headers = {}, body) =>
      app.request(
        SHOP + path,
        body === undefined ? { headers } : { method: "POST", headers: { ...OWN_PAGE, ...headers }, body },
      ),
  };
}

const EMPTY = new Response(null, { status: 204 });

test("C1 the handler's headers do not come back over the session's; its cookies stay beside it", async () => {
  const { app, ask } = shop();
  app.get("/", async (c) => {
    await c.var.session.set("a", 1);
    c.header("Cache-Control", "public, max-age=60");
    c.header("Set-Cookie", "theirs=1");
    return c.text("ok");
  });
  const { headers } = await ask("/");
  expect([headers.get("cache-control"), headers.get("vary")]).toEqual(["no-store", "Cookie"]);
  expect(headers.getSetCookie()).toEqual(["theirs=1", expect.stringContaining("__Host-Http-sid=")]);
});

test("C1 a Response that is answered to many keeps the cookie of none", async () => {
  const { app, ask } = shop();
  app.get("/", async (c) => {
    await c.var.session.set("a", 1);
    return EMPTY;
  });
  const [one, two] = [await ask("/"), await ask("/")];
  for (const { headers } of [one, two]) expect(headers.getSetCookie()).toHaveLength(1);
  expect(one.headers.getSetCookie()).not.toEqual(two.headers.getSetCookie());
  expect(EMPTY.headers.getSetCookie()).toEqual([]);
});

test("streams wait for writes that nobody awaited, and bring the cookie", async () => {
  const { app, ask, store } = shop();
  store.before.set("create", () => sleep(20));
  app.get("/stream", (c) => {
    void c.var.session.set("a", 1);
    return stream(c, async (out) => void (await out.write("it")));
  });
  app.get("/events", (c) => {
    void c.var.session.set("a", 1);
    return streamSSE(c, async (out) => out.writeSSE({ data: "it" }));
  });
  for (const [path, text] of [
    ["/stream", "it"],
    ["/events", "data: it\n\n"],
  ] as const) {
    const reply = await ask(path);
    expect([reply.headers.getSetCookie().length, await reply.text()]).toEqual([1, text]);
  }
});

test("M4 of an answer whose write fails no header stays but those of the middleware before", async () => {
  const { app, sessions, store } = shop();
  const outer = new Hono();
  outer.use(async (c, next) => {
    await next();
    c.header("X-Outer", String(c.res.status));
  });
  app.get("/", (c) => {
    void c.var.session.set("a", 1);
    c.header("ETag", '"1"');
    c.header("Set-Cookie", "theirs=1");
    return c.html("<p>ok");
  });
  outer.route("/", app);
  store.down = true;
  const { status, headers } = await outer.request(`${SHOP}/`);
  expect([status, headers.get("x-outer"), headers.get("retry-after")]).toEqual([503, "503", "1"]);
  expect([headers.get("etag"), headers.getSetCookie(), headers.get("content-type")]).toEqual([
    null,
    [],
    "application/json",
  ]);
  store.down = false;
  expect(await sessions.count()).toBe(0);
});

test('onError: "throw" gives refusals, failed reads, failed writes and guards to app.onError', async () => {
  const { app, ask, store, cookie } = shop({ onError: "throw" });
  const ada = await cookie();
  app.onError((error, c) =>
    c.json({ ours: (error as { code?: string }).code }, ((error as { status?: number }).status ?? 500) as 500),
  );
  app.get("/guarded", requireUser(), (c) => c.text("in"));
  app.all("/", (c) => {
    void c.var.session.set("a", 1);
    c.header("ETag", '"1"');
    return c.text("ok");
  });
  const told = async (reply: Response): Promise<unknown> => [
    reply.status,
    await reply.json(),
    reply.headers.get("etag"),
  ];
  expect(await told(await ask("/guarded"))).toEqual([401, { ours: "login_required" }, null]);
  expect(await told(await ask("/", { "Sec-Fetch-Site": "cross-site" }, new URLSearchParams()))).toEqual([
    403,
    { ours: "cross_site_request" },
    null,
  ]);
  store.down = true;
  for (const headers of [ada, {}]) {
    const reply = await ask("/", headers);
    expect([reply.headers.get("vary"), reply.headers.getSetCookie()]).toEqual(["Cookie", []]);
    expect(await told(reply)).toEqual([503, { ours: "store_unavailable" }, null]);
  }
});

test("a login's cookie goes out with what app.onError answers to a later write that failed", async () => {
  const { app, ask, store } = shop({ onError: "throw" });
  app.onError((_error, c) => c.text("ours", 503));
  app.get("/", async (c) => {
    await c.var.session.login({ userId: "ada" });
    store.down = true;
    void c.var.session.set("a", 1);
    return c.text("ok");
  });
  const { status, headers } = await ask("/");
  expect([status, headers.get("cache-control"), headers.getSetCookie().length]).toEqual([503, "no-store", 1]);
});

test("csrf(): a form is read before and after the handler's own reading of it", async () => {
  const { app, ask, sessions } = shop();
  const { token, csrfToken } = await sessions.create({ userId: "ada" });
  const Cookie = `__Host-Http-sid=${token}`;
  const read = async (path: string): Promise<unknown> => {
    const reply = await ask(path, { Cookie }, new URLSearchParams({ _csrf: csrfToken, theme: "dark" }));
    return [reply.status, ((await reply.json()) as { theme: unknown }).theme];
  };
  app.post("/guard-first", csrf(), async (c) => c.json(await c.req.parseBody()));
  app.post(
    "/parsed-first",
    async (c, next) => (await c.req.parseBody(), next()),
    csrf(),
    (c) => c.json({ theme: "dark" }),
  );
  app.post(
    "/json-first",
    async (c, next) => (await c.req.text(), next()),
    csrf(),
    (c) => c.json({ theme: "dark" }),
  );
  for (const path of ["/guard-first", "/parsed-first", "/json-first"]) expect(await read(path)).toEqual([200, "dark"]);
  expect((await ask("/guard-first", { Cookie }, new URLSearchParams({ theme: "dark" }))).status).toBe(403);
});

test("what is not found carries the session's headers; a handler that answers nothing is a bug", async () => {
  const { app, ask, cookie } = shop();
  app.get("/nothing", () => undefined as never);
  app.onError((_error, c) => c.text("bug", 500));
  const ada = await cookie();
  const { status, headers } = await ask("/nowhere", ada);
  expect([status, headers.get("cache-control")]).toEqual([404, "no-store"]);
  expect((await ask("/nothing", ada)).status).toBe(500);
});

test('property: "sojourn" is another variable; url and ip tell what the proxy knows', async () => {
  const { sessions } = watchedSessions();
  const app = new Hono().use(
    sojourn(sessions, {
      property: "sojourn",
      url: (c) => `https://${c.req.header("x-forwarded-host")}`,
      ip: (c) => c.req.header("x-real-ip"),
    }),
  );
  app.post("/", async (c) => c.json((await c.var.sojourn.login({ userId: "ada" })).device));
  const headers = { Origin: SHOP, "X-Forwarded-Host": "shop.example", "X-Real-IP": "203.0.113.7" };
  const reply = await app.request("http://10.0.0.1/", { method: "POST", headers });
  expect(await reply.json()).toEqual({ ip: "203.0.113.7" });
});

test("a guard without the middleware says so", async () => {
  const app = new Hono().get("/", requireUser(), (c) => c.text("in"));
  const errors: unknown[] = [];
  app.onError((error, c) => (errors.push(error), c.text("bug", 500)));
  expect((await app.request("/")).status).toBe(500);
  expect(errors).toEqual([expect.objectContaining({ code: "middleware_missing" })]);
});

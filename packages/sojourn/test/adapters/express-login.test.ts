/** Login and logout over HTTP: what they change, what they end, what they leave. */

import express from "express";
import { describe, expect, test } from "vitest";
import { requireUser } from "../../src/adapters/express.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { COOKIE, type SiteOptions, startSite, tokenIn } from "../support/express-site.ts";
import { type Browser, send } from "../support/http.ts";

const EXPIRE = `${COOKIE}=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax`;
const HOUR = 3_600_000;

const guarded: SiteOptions = {
  routes: (app) => {
    app.get("/me", requireUser(), (req, res) => void res.json(req.session.userId));
    app.get(
      "/account",
      requireUser({ redirectTo: "/login?next=account" }),
      (req, res) => void res.send(`account of ${req.session.userId}`),
    );
    app.post("/account", requireUser({ redirectTo: "/login" }), (_req, res) => void res.send("changed"));
  },
};

function lookOf(browser: Browser): Promise<unknown> {
  return browser.get("/look").then(({ body }) => JSON.parse(body) as unknown);
}

describe("E1: login", () => {
  test("the cookie from before is anonymous afterwards, the new one differs in id and secret", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/set", { cart: [1] });
    const thief = visitor.copy();
    const before = visitor.cookies.get(COOKIE) ?? "";
    const reply = await visitor.post("/login");
    const after = tokenIn(reply.setCookies[0]);
    expect(after.slice(1, 25)).not.toBe(before.slice(1, 25));
    expect(after.slice(28, 71)).not.toBe(before.slice(28, 71));
    const stolen = await thief.get("/look");
    expect(JSON.parse(stolen.body)).toEqual({ active: false, userId: null, data: {} });
    expect(stolen.setCookies).toEqual([EXPIRE]);
    expect(await lookOf(visitor)).toMatchObject({ active: true, userId: "ada" });
    expect(await site.sessions.count()).toBe(1);
  });

  test("only the fields in keep survive", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/set", { cart: [1, 2], theme: "dark", isAdmin: true });
    await visitor.post("/login", { keep: ["cart", "theme", "absent"] });
    expect(await lookOf(visitor)).toEqual({ active: true, userId: "ada", data: { cart: [1, 2], theme: "dark" } });
  });

  test("nothing survives without keep", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/set", { cart: [1] });
    await visitor.post("/login");
    expect(await lookOf(visitor)).toEqual({ active: true, userId: "ada", data: {} });
  });

  test("keep carries over nothing of another user's session, and ends it", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/login", { userId: "grace" });
    await visitor.post("/set", { cart: [1] });
    const thief = visitor.copy();
    await visitor.post("/login", { userId: "ada", keep: ["cart"] });
    expect(await lookOf(visitor)).toEqual({ active: true, userId: "ada", data: {} });
    expect(await lookOf(thief)).toMatchObject({ active: false });
    expect(await site.sessions.list("grace")).toEqual([]);
  });

  test("an acknowledged write to a kept field between reading and ending the old session is not lost", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/set", { cart: [1], theme: "dark" });
    const otherTab = visitor.copy();
    let written = 0;
    site.store.before.set("revoke", async () => {
      site.store.before.clear();
      written = (await otherTab.post("/set", { cart: [1, 2], note: "not kept" })).status;
    });
    await visitor.post("/login", { keep: ["cart", "theme"] });
    expect(written).toBe(200);
    expect(await lookOf(visitor)).toEqual({ active: true, userId: "ada", data: { cart: [1, 2], theme: "dark" } });
  });

  test("a genuine token of a session that ended is replaced, too", async () => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/login");
    await site.sessions.revokeUser("ada");
    const reply = await visitor.post("/login", { userId: "ada" });
    expect(reply.setCookies).toHaveLength(1);
    expect(await lookOf(visitor)).toMatchObject({ userId: "ada" });
  });

  test("twice in one request: one cookie, of the second", async () => {
    const site = await startSite({
      routes: (app) =>
        app.post("/twice", async (req, res) => {
          await req.session.login({ userId: "grace" });
          await req.session.login({ userId: "ada" });
          res.end();
        }),
    });
    const visitor = site.browser();
    expect((await visitor.post("/twice")).setCookies).toHaveLength(1);
    expect(await lookOf(visitor)).toMatchObject({ userId: "ada" });
    expect(await site.sessions.list("grace")).toEqual([]);
  });

  test("device and address are filled in; the application's own values win", async () => {
    const site = await startSite({
      routes: (app) =>
        app.post("/named", async (req, res) => {
          const session = await req.session.login({ userId: "ada", device: { ip: "203.0.113.9" } });
          res.json(session.device);
        }),
    });
    const headers = { "User-Agent": "Test/1" };
    await send(`${site.origin}/login`, { method: "POST", headers });
    expect((await site.sessions.list("ada"))[0]?.device).toEqual({ ip: "127.0.0.1", userAgent: "Test/1" });
    const named = await send(`${site.origin}/named`, { method: "POST", headers });
    expect(JSON.parse(named.body)).toEqual({ ip: "203.0.113.9", userAgent: "Test/1" });
  });

  test("N3: without a userId it is refused, and nothing changes", async () => {
    const errors: unknown[] = [];
    const site = await startSite({
      routes: (app) =>
        app.post("/wrong", express.json(), async (req, res) => {
          const { userId } = req.body as { userId: string };
          await req.session.login({ userId }).catch((error: unknown) => errors.push(error));
          res.json(req.session.data);
        }),
    });
    const visitor = site.browser();
    await visitor.post("/set", { cart: [1] });
    for (const userId of [undefined, null, "", 7, ["ada"], { toString: "ada" }]) {
      expect((await visitor.post("/wrong", { userId })).setCookies).toEqual([]);
    }
    expect(errors).toHaveLength(6);
    for (const error of errors) expect(error).toBeInstanceOf(TypeError);
    expect(await lookOf(visitor)).toEqual({ active: true, userId: null, data: { cart: [1] } });
  });
});

describe("F1, F8: logout", () => {
  test("ends the session before the answer, removes the cookie with the attributes it was set with", async () => {
    const site = await startSite(guarded);
    const visitor = site.browser();
    const login = await visitor.post("/login");
    const attributes = (line = ""): string[] =>
      line
        .split("; ")
        .slice(1)
        .filter((each) => !/^(Max-Age|Expires)=/.test(each));
    const thief = visitor.copy();
    const reply = await visitor.post("/logout");
    expect(JSON.parse(reply.body)).toEqual({ ended: true });
    expect(reply.setCookies).toEqual([EXPIRE]);
    expect(attributes(reply.setCookies[0])).toEqual(attributes(login.setCookies[0]));
    const replay = await thief.get("/me");
    expect(replay.status).toBe(401);
    expect(JSON.parse(replay.body)).toMatchObject({ error: "login_required" });
    expect(await site.sessions.count()).toBe(0);
  });

  test("again and again changes nothing and creates nothing", async () => {
    const site = await startSite(guarded);
    const visitor = site.browser();
    await visitor.post("/login");
    const thief = visitor.copy();
    await visitor.post("/logout");
    for (const browser of [visitor, thief, thief.copy()]) {
      const reply = await browser.post("/logout");
      expect([reply.status, JSON.parse(reply.body)]).toEqual([200, { ended: false }]);
    }
    expect(site.store.calls.filter((name) => name === "create")).toHaveLength(1);
    expect(await site.sessions.count()).toBe(0);
  });

  test("a hundred anonymous calls create nothing and ask the store nothing", async () => {
    const site = await startSite();
    for (let i = 0; i < 100; i++) {
      const reply = await send(`${site.origin}/logout`, { method: "POST" });
      expect([reply.status, reply.setCookies.length]).toEqual([200, 0]);
    }
    expect(site.store.calls).toEqual([]);
  });

  test("with an expired session it answers 200 and removes the cookie", async () => {
    const clock = manualClock();
    const site = await startSite({ sessions: { clock, store: memoryStore({ clock }) } });
    const visitor = site.browser();
    await visitor.post("/login");
    await clock.advance(25 * HOUR);
    const reply = await visitor.post("/logout");
    expect([reply.status, reply.setCookies]).toEqual([200, [EXPIRE]]);
    expect(visitor.cookies.size).toBe(0);
    expect(site.store.calls.filter((name) => name === "create")).toHaveLength(1);
  });

  test("a write after it in the same request begins an anonymous session of its own", async () => {
    const site = await startSite({
      routes: (app) =>
        app.post("/out", async (req, res) => {
          await req.session.logout();
          await req.session.set("flash", "Goodbye");
          res.json(req.session.userId);
        }),
    });
    const visitor = site.browser();
    await visitor.post("/login");
    await visitor.post("/set", { secret: 1 });
    const before = visitor.cookies.get(COOKIE);
    const reply = await visitor.post("/out");
    expect([reply.body, reply.setCookies.length]).toEqual(["null", 1]);
    expect(visitor.cookies.get(COOKIE)).not.toBe(before);
    expect(await lookOf(visitor)).toEqual({ active: true, userId: null, data: { flash: "Goodbye" } });
  });

  test("F2: a slow request that began before the logout cannot write the session back", async () => {
    let arrived: () => void = () => undefined;
    let release: () => void = () => undefined;
    const [arrival, barrier] = [
      new Promise<void>((resolve) => (arrived = resolve)),
      new Promise<void>((resolve) => (release = resolve)),
    ];
    const site = await startSite({
      routes: (app) =>
        app.post("/slow", async (req, res) => {
          arrived();
          await barrier;
          await req.session.set("a", 1);
          res.end();
        }),
    });
    const visitor = site.browser();
    await visitor.post("/login");
    const slow = visitor.copy();
    const answer = slow.post("/slow");
    await arrival;
    await visitor.post("/logout");
    release();
    const reply = await answer;
    expect([reply.status, reply.setCookies]).toEqual([401, []]);
    expect(await lookOf(slow)).toMatchObject({ active: false });
    expect(await site.sessions.count()).toBe(0);
  });
});

describe("the cookie of a session that is over", () => {
  test.each([
    ["revoked", (site: Awaited<ReturnType<typeof startSite>>) => site.sessions.revokeUser("ada")],
    [
      "logged out elsewhere",
      async (site: Awaited<ReturnType<typeof startSite>>) => {
        for (const { id } of await site.sessions.list("ada")) await site.sessions.revoke(id, { reason: "logout" });
      },
    ],
  ])("%s: anonymous, the cookie is removed, once", async (_what, end) => {
    const site = await startSite();
    const visitor = site.browser();
    await visitor.post("/login");
    await end(site);
    const reply = await visitor.get("/plain");
    expect(reply.setCookies).toEqual([EXPIRE]);
    expect(reply.headers).toMatchObject({ "cache-control": "no-store", vary: "Cookie" });
    expect((await visitor.get("/plain")).setCookies).toEqual([]);
  });

  test.each([
    ["idle for too long", 25 * HOUR],
    ["so long ago that the store forgot", 40 * 24 * HOUR],
  ])("B6: %s: anonymous whatever the client believes, the cookie is removed", async (_what, ms) => {
    const clock = manualClock();
    const site = await startSite({ sessions: { clock, store: memoryStore({ clock }) } });
    const visitor = site.browser();
    await visitor.post("/login", { policy: "normal" });
    await clock.advance(ms);
    const reply = await visitor.get("/look");
    expect(JSON.parse(reply.body)).toMatchObject({ active: false });
    expect(reply.setCookies).toEqual([EXPIRE]);
  });
});

describe("requireUser", () => {
  test("lets users through and answers others 401, uncacheable", async () => {
    const site = await startSite(guarded);
    const visitor = site.browser();
    const refused = await visitor.get("/me");
    expect(refused.status).toBe(401);
    expect(refused.headers).toMatchObject({ "cache-control": "no-store", vary: "Cookie" });
    await visitor.post("/set", { cart: [1] });
    expect((await visitor.get("/me")).status).toBe(401);
    await visitor.post("/login");
    expect((await visitor.get("/me")).body).toBe('"ada"');
  });

  test.each([
    ["a browser's page load", "GET", "text/html,application/xhtml+xml,*/*;q=0.8", 303],
    ["HEAD of a page", "HEAD", "text/html", 303],
    ["fetch()", "GET", "*/*", 401],
    ["a client without Accept", "GET", undefined, 401],
    ["a form", "POST", "text/html", 401],
  ] as const)("redirectTo: %s", async (_what, method, accept, status) => {
    const site = await startSite(guarded);
    const reply = await send(`${site.origin}/account`, {
      method,
      headers: accept === undefined ? {} : { Accept: accept },
    });
    expect(reply.status).toBe(status);
    expect(reply.headers["location"]).toBe(status === 303 ? "/login?next=account" : undefined);
    expect(reply.headers["vary"]).toContain("Cookie");
  });

  test('onError: "next" hands a LoginRequiredError to the error handler', async () => {
    const seen: unknown[] = [];
    const site = await startSite({
      ...guarded,
      sojourn: { onError: "next" },
      routes: (app, sessions) => {
        guarded.routes?.(app, sessions);
        const handler: express.ErrorRequestHandler = (error, _req, res, _next) => {
          seen.push(error);
          res.status(418).end();
        };
        app.use(handler);
      },
    });
    expect((await send(`${site.origin}/me`)).status).toBe(418);
    expect(seen).toMatchObject([{ name: "LoginRequiredError", status: 401 }]);
  });

  test("somebody else answered while the session was read: nothing breaks", async () => {
    const errors: unknown[] = [];
    const site = await startSite({
      sojourn: { load: "lazy" },
      routes: (app) => {
        app.use("/raced", (_req, res, next) => {
          site.store.before.set("read", async () => void res.status(504).end("too slow"));
          next();
        });
        app.get("/raced", requireUser({ redirectTo: "/login" }));
        const handler: express.ErrorRequestHandler = (error, _req, _res, _next) => void errors.push(error);
        app.use(handler);
      },
    });
    const visitor = site.browser();
    await visitor.post("/login");
    await site.sessions.revokeUser("ada");
    const reply = await visitor.get("/raced", { Accept: "text/html" });
    expect([reply.status, reply.body]).toEqual([504, "too slow"]);
    expect(errors).toMatchObject([{ code: "ERR_HTTP_HEADERS_SENT" }]);
  });
});

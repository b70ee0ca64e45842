/** Row M4: when the store cannot answer, the client is told so; nobody is logged in or out by it. */

import type express from "express";
import { describe, expect, test } from "vitest";
import { requireUser } from "../../src/adapters/express.ts";
import { sqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { COOKIE, type Site, type SiteOptions, startSite } from "../support/express-site.ts";
import { type Browser, type Reply, send } from "../support/http.ts";
import { INTERNAL_DETAIL } from "../support/watched-store.ts";

const guarded: NonNullable<SiteOptions["routes"]> = (app) => {
  app.get("/me", requireUser({ redirectTo: "/login" }), (req, res) => void res.json(req.session.userId));
};

async function userOf(options: SiteOptions = {}): Promise<{ site: Site; user: Browser }> {
  const site = await startSite({ routes: guarded, ...options });
  const user = site.browser();
  await user.post("/login");
  return { site, user };
}

function expectUnavailable(reply: Reply): void {
  expect(reply.status).toBe(503);
  expect(reply.headers).toMatchObject({ "retry-after": "1", "cache-control": "no-store" });
  expect(reply.setCookies).toEqual([]);
}

describe("M4: the store is down", () => {
  test.each(["/plain", "/look", "/me"])(
    "GET %s with a cookie: 503, Retry-After, cookie kept, nothing of the inside in the body",
    async (path) => {
      const { site, user } = await userOf();
      site.store.down = true;
      const reply = await user.get(path, { Accept: "text/html" });
      expectUnavailable(reply);
      expect(JSON.parse(reply.body)).toEqual({
        error: "store_unavailable",
        message: "The session cannot be read at the moment. Please try again.",
      });
      expect(reply.body).not.toMatch(/ {2,}at |node_modules|\.ts|ECONNREFUSED|10\.11/);
    },
  );

  test("the log says what failed, at most once a second", async () => {
    const { site, user } = await userOf();
    site.store.down = true;
    const before = site.log.length;
    for (let i = 0; i < 5; i++) await user.get("/plain");
    expect(site.log.slice(before)).toEqual([`sojourn: a request was answered with 503: ${INTERNAL_DETAIL}`]);
  });

  test("requests without a session are served as ever", async () => {
    const { site } = await userOf();
    site.store.down = true;
    expect((await send(`${site.origin}/plain`)).status).toBe(200);
    expect((await send(`${site.origin}/plain`, { headers: { Cookie: `${COOKIE}=forged` } })).status).toBe(200);
    expect((await send(`${site.origin}/me`)).status).toBe(401);
  });

  test("login: 503 and no cookie", async () => {
    const { site } = await userOf();
    site.store.down = true;
    expectUnavailableOfApp(await site.browser().post("/login"));
  });

  test("logout whose ending fails: 503, and the cookie stays, so that it can be tried again", async () => {
    const { site, user } = await userOf();
    site.store.before.set("revoke", () => {
      site.store.down = true;
      return site.store.store.ready().then(() => undefined);
    });
    expectUnavailableOfApp(await user.post("/logout"));
    site.store.before.clear();
    site.store.down = false;
    expect((await user.get("/me")).body).toBe('"ada"');
    const reply = await user.post("/logout");
    expect([JSON.parse(reply.body), reply.setCookies.length]).toEqual([{ ended: true }, 1]);
  });

  test("a write that fails: 503, and the value is not in req.session.data", async () => {
    const seen: unknown[] = [];
    const { site, user } = await userOf({
      routes: (app) =>
        app.post("/write", async (req, res) => {
          site.store.down = true;
          await req.session.set("a", 1).catch((error: unknown) => {
            seen.push((error as { code: string }).code, req.session.data);
            throw error;
          });
          res.end();
        }),
    });
    expectUnavailableOfApp(await user.post("/write"));
    expect(seen).toEqual(["store_unavailable", {}]);
  });

  test("it recovers by itself, and the cookie still logs in", async () => {
    const { site, user } = await userOf();
    site.store.down = true;
    await user.get("/me");
    site.store.down = false;
    expect((await user.get("/me")).body).toBe('"ada"');
  });

  test('load: "lazy": 503 from a guard, and from a handler that reads', async () => {
    const { site, user } = await userOf({
      sojourn: { load: "lazy" },
      routes: (app, sessions) => {
        guarded(app, sessions);
        app.get("/read", async (req, res) => void res.json((await req.session.load()).userId));
      },
    });
    site.store.down = true;
    expect((await user.get("/plain")).status).toBe(200);
    expectUnavailable(await user.get("/me", { Accept: "text/html" }));
    expectUnavailableOfApp(await user.get("/read"));
  });

  test('onError: "next" passes the error to the application, with status and headers', async () => {
    const seen: unknown[] = [];
    const { site, user } = await userOf({
      sojourn: { onError: "next" },
      routes: (app, sessions) => {
        guarded(app, sessions);
        const handler: express.ErrorRequestHandler = (error, _req, res, _next) => {
          seen.push(error);
          res.status(503).send("The shop is resting.");
        };
        app.use(handler);
      },
    });
    site.store.down = true;
    const reply = await user.get("/me");
    expect([reply.status, reply.body, reply.setCookies]).toEqual([503, "The shop is resting.", []]);
    expect(reply.headers).toMatchObject({ "cache-control": "no-store", vary: "Cookie" });
    expect(seen).toMatchObject([{ name: "StoreUnavailableError", status: 503, headers: { "Retry-After": "1" } }]);
  });

  test("after close(): 503, not anonymous", async () => {
    const { site, user } = await userOf({ sessions: { store: sqliteStore(":memory:") } });
    await site.sessions.close();
    const reply = await user.get("/me");
    expect([reply.status, reply.setCookies]).toEqual([503, []]);
    expect(JSON.parse(reply.body)).toMatchObject({ error: "store_closed" });
  });

  test("a bug below is the error handler's, not an answer of ours", async () => {
    const seen: unknown[] = [];
    const { site, user } = await userOf({
      routes: (app) => {
        const handler: express.ErrorRequestHandler = (error, _req, res, _next) => {
          seen.push((error as Error).message);
          res.status(500).end();
        };
        app.use(handler);
      },
    });
    site.store.before.set("read", () => Promise.reject(new RangeError("a bug")));
    const reply = await user.get("/plain");
    expect([reply.status, reply.setCookies, seen]).toEqual([500, [], ["a bug"]]);
  });
});

/** What a handler rejects with goes through Express's own error handler, which honours status and headers. */
function expectUnavailableOfApp(reply: Reply): void {
  expect(reply.status).toBe(503);
  expect(reply.headers["retry-after"]).toBe("1");
  expect(reply.setCookies).toEqual([]);
}

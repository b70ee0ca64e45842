/** What was written for `@fastify/session`, unchanged: each package's own readme flow, over HTTP. */

import { Authenticator } from "@fastify/passport";
import csrfProtection from "@fastify/csrf-protection";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Strategy } from "passport-local";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FastifyCompatSession } from "../../../src/adapters/compat/session-object.ts";
import { type FastifySessionOptions, sojourn } from "../../../src/adapters/fastify.ts";
import { createSessions } from "../../../src/create-sessions.ts";
import type { Sessions } from "../../../src/lifecycle/sessions.ts";
import { Browser } from "../../support/http.ts";
import { engineBench } from "../../support/engines.ts";
import { SECRET } from "../../support/express-site.ts";
import { WatchedStore } from "../../support/watched-store.ts";

const bench = engineBench();

interface Site {
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  browser(): Browser;
}

type Routes = (app: FastifyInstance) => unknown;

const put = async (request: object): Promise<string> => {
  sessionOf(request).set("a", 1);
  return "put";
};

const sessionOf = (request: object): FastifyCompatSession => (request as { session: FastifyCompatSession }).session;

async function siteOn(
  engine: "memory" | "redis",
  routes: Routes,
  options: Partial<FastifySessionOptions> = {},
): Promise<Site> {
  const opened = await bench.open(engine);
  const store = new WatchedStore(opened.store);
  const sessions = createSessions({ store: store.store, secrets: [SECRET], clock: opened.clock, log: () => undefined });
  const app = fastify();
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  await app.register(sojourn(sessions, { compat: "@fastify/session", cookie: { secure: false }, ...options }));
  await routes(app);
  app.get("/look", async (request) => sessionOf(request));
  app.setErrorHandler((error: { code?: string; statusCode?: number; status?: number }, _request, reply) => {
    void reply.code(error.statusCode ?? error.status ?? 500).send(`error: ${error.code}`);
  });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  await sessions.ready();
  return { sessions, store, browser: () => new Browser(origin) };
}

const look = async (browser: Browser): Promise<Record<string, unknown>> =>
  JSON.parse((await browser.get("/look")).body) as Record<string, unknown>;

describe.each(["memory", "redis"] as const)("on %s", (engine) => {
  describe("@fastify/passport", () => {
    function passportSite(): Promise<Site> {
      const passport = new Authenticator();
      passport.use(
        "local",
        new Strategy((username, password, done) =>
          done(null, password === "secret" ? { id: username } : false),
        ) as never,
      );
      passport.registerUserSerializer(async (user) => (user as { id: string }).id);
      passport.registerUserDeserializer(async (id) => ({ id: id as string }));
      const user = (session: Record<string, unknown>): string | undefined => session["passport"] as string | undefined;
      return siteOn(
        engine,
        async (app) => {
          await app.register(passport.initialize());
          await app.register(passport.secureSession());
          const authenticate = passport.authenticate("local", { successRedirect: "/", authInfo: false }) as never;
          app.post("/login", { preValidation: authenticate }, () => {});
          const guard = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
            request.isAuthenticated() ? undefined : reply.redirect("/login");
          app.get("/", { preValidation: guard }, async (request) => `hello ${(request.user as { id: string }).id}`);
          app.post("/logout", async (request, reply) => {
            await request.logout();
            return reply.redirect("/login");
          });
          app.get("/cart", async (request) => {
            sessionOf(request).set("cart", 1);
            return sessionOf(request).sessionId;
          });
        },
        { userId: user },
      );
    }

    test("the readme's flow: redirected without a login, let in with one, out after the logout", async () => {
      const { sessions, browser } = await passportSite();
      const user = browser();
      expect((await user.get("/")).headers["location"]).toBe("/login");
      expect((await user.submit("/login", { username: "ada", password: "wrong" })).status).toBe(401);
      const before = (await user.get("/cart")).body;
      const planted = user.copy();
      expect((await user.submit("/login", { username: "ada", password: "secret" })).headers["location"]).toBe("/");
      expect((await user.get("/")).body).toBe("hello ada");
      expect((await planted.get("/")).status).toBe(302);
      expect(await sessions.get(before)).toBeNull();
      expect(await sessions.list("ada")).toHaveLength(1);
      const copy = user.copy();
      await user.submit("/logout", {});
      expect((await user.get("/")).headers["location"]).toBe("/login");
      expect((await copy.get("/")).headers["location"]).toBe("/login");
      expect(await sessions.list("ada")).toEqual([]);
    });

    test("sign out everywhere", async () => {
      const { sessions, browser } = await passportSite();
      const devices = [browser(), browser()];
      for (const device of devices) await device.submit("/login", { username: "ada", password: "secret" });
      expect(await sessions.revokeUser("ada")).toEqual({ ended: 2 });
      for (const device of devices) expect((await device.get("/")).status).toBe(302);
    });
  });

  test.each(["@fastify/session", "@fastify/secure-session"] as const)(
    "@fastify/csrf-protection as for %s",
    async (sessionPlugin) => {
      const { browser } = await siteOn(engine, async (app) => {
        await app.register(csrfProtection, { sessionPlugin });
        app.get("/", async (_request, reply) => ({ token: reply.generateCsrf() }));
        app.post("/", { onRequest: app.csrfProtection.bind(app) }, async (request) => request.body);
      });
      const user = browser();
      const { token } = JSON.parse((await user.get("/")).body) as { token: string };
      expect((await user.post("/", { a: 1 })).status).toBe(403);
      expect((await user.post("/", { a: 1 }, { "CSRF-Token": token })).body).toBe('{"a":1}');
      expect((await browser().post("/", { a: 1 }, { "CSRF-Token": token })).status).toBe(403);
    },
  );

  test("request.session: fields, get, set, regenerate with what is kept, save, reload, touch, destroy; callbacks and promises", async () => {
    const { sessions, browser } = await siteOn(engine, (app) => {
      app.get("/put", async (request) => {
        sessionOf(request)["a"] = 1;
        sessionOf(request).set("b", 2);
        return sessionOf(request).get("a");
      });
      app.get("/regenerate", async (request) => {
        await sessionOf(request).regenerate(["a"]);
        return sessionOf(request).id;
      });
      app.get("/save", (request, reply) => {
        sessionOf(request).set("c", 3);
        sessionOf(request).save(() => void reply.send(sessionOf(request).touch().id));
      });
      app.get("/reload", async (request) => {
        sessionOf(request)["a"] = 99;
        await sessionOf(request).reload();
        return sessionOf(request);
      });
      app.get("/destroy", (request, reply) => {
        sessionOf(request).destroy(() => void reply.send(typeof sessionOf(request)));
      });
    });
    const user = browser();
    expect((await user.get("/put")).body).toBe("1");
    const id = (await user.get("/regenerate")).body;
    const seen = await look(user);
    expect(seen).toMatchObject({ a: 1 });
    expect(seen).not.toHaveProperty("b");
    expect((await user.get("/save")).body).toBe(id);
    expect(JSON.parse((await user.get("/reload")).body)).toMatchObject({ a: 1, c: 3 });
    expect((await user.get("/destroy")).body).toBe("undefined");
    expect(user.cookies.size).toBe(0);
    expect(await sessions.count()).toBe(0);
  });

  test("C2: a slow request that writes after the logout brings nothing back", async () => {
    const reached = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const { sessions, browser } = await siteOn(engine, (app) => {
      app.get("/put", put);
      app.get("/slow", async (request) => {
        reached.resolve();
        await open.promise;
        sessionOf(request).set("late", true);
        return "done";
      });
      app.get("/destroy", async (request) => {
        await sessionOf(request).destroy();
        return "bye";
      });
    });
    const user = browser();
    await user.get("/put");
    const slow = user.copy().get("/slow");
    await reached.promise;
    await user.get("/destroy");
    open.resolve();
    expect(await slow).toMatchObject({ status: 200, setCookies: [], body: "done" });
    expect(await sessions.count()).toBe(0);
  });

  test("while the store is down the error handler answers 503, and the cookie stays", async () => {
    const { store, browser } = await siteOn(engine, (app) => {
      app.get("/put", put);
    });
    const user = browser();
    await user.get("/put");
    store.down = true;
    expect(await user.get("/look")).toMatchObject({ status: 503, setCookies: [] });
    expect(await browser().get("/put")).toMatchObject({ status: 503, setCookies: [] });
    store.down = false;
    expect(await look(user)).toMatchObject({ a: 1 });
  });
});

test("isModified and isSaved as its readme has them: changed since it was loaded, and stored as it is here", async () => {
  const { browser } = await siteOn("memory", (app) => {
    const says = (request: object) => [sessionOf(request).isModified(), sessionOf(request).isSaved()];
    app.get("/new", async (request) => {
      const said = says(request);
      sessionOf(request).set("a", 1);
      said.push(...says(request));
      await sessionOf(request).save();
      return [...said, ...says(request), Object.keys(sessionOf(request)).includes("isModified")];
    });
    app.get("/loaded", async (request) => says(request));
  });
  const user = browser();
  expect(JSON.parse((await user.get("/new")).body)).toEqual([false, false, true, false, false, true, false]);
  expect(JSON.parse((await user.get("/loaded")).body)).toEqual([false, true]);
});

test("secure: auto makes SameSite Lax where there is no https, as its readme has it", async () => {
  const options = { cookie: { secure: "auto" }, proxy: true } as const;
  const { browser } = await siteOn("memory", (app) => app.get("/put", put), options);
  expect((await browser().get("/put")).setCookies[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
  const [line] = (await browser().get("/put", { "X-Forwarded-Proto": "https" })).setCookies;
  expect(line).toMatch(/; HttpOnly; Secure$/);
});

test("a cookie is Secure unless it is told otherwise, and its name is theirs", async () => {
  const { browser } = await siteOn("memory", (app) => app.get("/put", put), {
    cookie: {},
    proxy: true,
  });
  expect((await browser().get("/put")).setCookies).toEqual([]);
  const [line] = (await browser().get("/put", { "X-Forwarded-Proto": "https" })).setCookies;
  expect(line).toMatch(/^sessionId=[^;]+; Path=\/; HttpOnly; Secure$/);
});

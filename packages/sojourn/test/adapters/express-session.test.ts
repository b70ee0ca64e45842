/** `req.session`: when a session begins, what its writes promise, and its options. */

import express from "express";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { requireUser } from "../../src/adapters/express.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import { DataTooLargeError, HeadersSentError, InvalidNameError, InvalidValueError } from "../../src/errors.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { sqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { sojourn } from "../../src/adapters/express.ts";
import { type Site, type SiteOptions, startSite, tokenIn } from "../support/express-site.ts";
import { begin, replyOf, send, serve } from "../support/http.ts";

type Step = (session: RequestSession) => Promise<unknown>;

/** POST /step runs the step on `req.session` and answers its result, or the name of its error. */
function stepSite(step: Step, options: SiteOptions = {}): Promise<Site> {
  const routes: SiteOptions["routes"] = (app, sessions) => {
    options.routes?.(app, sessions);
    app.post("/step", async (req, res) => {
      try {
        res.json({ result: (await step(req.session)) ?? null, data: req.session.data });
      } catch (error) {
        res.json({ error: (error as Error).name, message: (error as Error).message });
      }
    });
  };
  return startSite({ ...options, routes });
}

function parsed(body: string): { result?: unknown; data?: unknown; error?: string; message?: string } {
  return JSON.parse(body) as { result?: unknown; data?: unknown; error?: string; message?: string };
}

describe("M2: the first write begins an anonymous session", () => {
  const writes: [string, Step, object][] = [
    ["set", (session) => session.set("theme", "dark"), { theme: "dark" }],
    ["increment", (session) => session.increment("visits", 3), { visits: 3 }],
    ["update", (session) => session.update((draft) => void (draft["list"] = [1])), { list: [1] }],
    [
      "update whose function answers an array",
      (session) => session.update((draft) => (draft["list"] = ["a"])),
      { list: ["a"] },
    ],
  ];
  test.each(writes)("%s: one create, one Set-Cookie, found by the next request", async (_what, step, data) => {
    const site = await stepSite(step);
    const visitor = site.browser();
    const reply = await visitor.post("/step");
    expect(parsed(reply.body).data).toEqual(data);
    expect(reply.setCookies).toHaveLength(1);
    expect(site.store.calls.filter((name) => name === "create")).toHaveLength(1);
    const seen = await visitor.get("/look");
    expect(JSON.parse(seen.body)).toEqual({ active: true, userId: null, data });
    expect(seen.setCookies).toEqual([]);
    expect(await site.sessions.count()).toBe(1);
  });

  const none: [string, Step][] = [
    ["update that changes nothing", (session) => session.update(() => undefined)],
    ["update whose function only answers an object", (session) => session.update(() => ({ a: 1 }))],
    ["update that sets undefined", (session) => session.update((draft) => void (draft["a"] = undefined))],
    ["delete", (session) => session.delete("a")],
  ];
  test.each(none)("%s begins nothing", async (_what, step) => {
    const site = await stepSite(step);
    const reply = await site.browser().post("/step");
    expect(parsed(reply.body)).toMatchObject({ result: _what.startsWith("update") ? {} : null, data: {} });
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).toEqual([]);
  });

  const asynchronous = (async () => undefined) as never;
  const refused: [string, Step, string][] = [
    ["set of undefined", (session) => session.set("a", undefined), InvalidValueError.name],
    ["set of a Date", (session) => session.set("a", new Date()), InvalidValueError.name],
    ["set of __proto__", (session) => session.set("__proto__", 1), InvalidNameError.name],
    ["set of 20 kB", (session) => session.set("a", "x".repeat(20_000)), DataTooLargeError.name],
    ["increment by a half", (session) => session.increment("a", 0.5), TypeError.name],
    ["increment by NaN", (session) => session.increment("a", Number.NaN), TypeError.name],
    ["increment by text", (session) => session.increment("a", "5" as unknown as number), TypeError.name],
    ["increment of a nameless field", (session) => session.increment(""), InvalidNameError.name],
    ["an asynchronous update", (session) => session.update(asynchronous), TypeError.name],
    [
      "an update that throws",
      (session) =>
        session.update(() => {
          throw new RangeError("no");
        }),
      RangeError.name,
    ],
  ];
  test.each(refused)("%s is refused and begins nothing", async (_what, step, error) => {
    const site = await stepSite(step);
    const reply = await site.browser().post("/step");
    expect(parsed(reply.body).error).toBe(error);
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).not.toContain("create");
  });
});

describe("M2: writes at the same time on an anonymous request", () => {
  const pairs: [string, Step, object][] = [
    ["set and set", (s) => Promise.all([s.set("a", 1), s.set("b", 2)]), { a: 1, b: 2 }],
    ["set, set and set", (s) => Promise.all([s.set("a", 1), s.set("b", 2), s.set("c", 3)]), { a: 1, b: 2, c: 3 }],
    ["set and update", (s) => Promise.all([s.set("a", 1), s.update((d) => void (d["b"] = 2))]), { a: 1, b: 2 }],
    ["update and set", (s) => Promise.all([s.update((d) => void (d["b"] = 2)), s.set("a", 1)]), { a: 1, b: 2 }],
    ["increment twice", (s) => Promise.all([s.increment("n"), s.increment("n", 2)]), { n: 3 }],
    [
      "update and increment",
      (s) => Promise.all([s.update((d) => void (d["a"] = 1)), s.increment("n")]),
      { a: 1, n: 1 },
    ],
    ["an update of nothing and set", (s) => Promise.all([s.update(() => undefined), s.set("a", 1)]), { a: 1 }],
    ["set and delete of it", (s) => Promise.all([s.set("a", 1), s.set("b", 2), s.delete("a")]), { b: 2 }],
  ];
  test.each(pairs)("%s: one session, both values, one cookie", async (_what, step, data) => {
    const site = await stepSite(step);
    const visitor = site.browser();
    const reply = await visitor.post("/step");
    expect(reply.setCookies).toHaveLength(1);
    expect(await site.sessions.count()).toBe(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toEqual({ active: true, userId: null, data });
  });

  test("one that fails does not take the others with it", async () => {
    const site = await stepSite(async (session) => {
      const both = await Promise.allSettled([session.set("a", "x".repeat(20_000)), session.set("b", 2)]);
      return both.map(({ status }) => status);
    });
    const visitor = site.browser();
    expect(parsed((await visitor.post("/step")).body)).toEqual({ result: ["rejected", "fulfilled"], data: { b: 2 } });
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { b: 2 } });
  });

  const besideLogin: [string, Step][] = [
    ["set, then login", (s) => Promise.all([s.set("a", 1), s.login({ userId: "ada", keep: ["a"] })])],
    ["login, then set", (s) => Promise.all([s.login({ userId: "ada" }), s.set("a", 1)])],
  ];
  test.each(besideLogin)("%s: the user is logged in, the value is there", async (_what, step) => {
    const site = await stepSite(async (session) => void (await step(session)));
    const visitor = site.browser();
    expect((await visitor.post("/step")).setCookies).toHaveLength(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toEqual({ active: true, userId: "ada", data: { a: 1 } });
    expect(await site.sessions.count()).toBe(1);
  });

  test("login and logout at the same time: the later call has the last word", async () => {
    const site = await stepSite(async (s) => (await Promise.all([s.login({ userId: "ada" }), s.logout()]))[1]);
    const visitor = site.browser();
    expect(parsed((await visitor.post("/step")).body)).toEqual({ result: true, data: {} });
    expect(visitor.cookies.size).toBe(0);
    expect(await site.sessions.count()).toBe(0);
  });
});

describe("awaited writes", () => {
  const engines = [
    ["memory", () => memoryStore()],
    ["sqlite", () => sqliteStore(":memory:")],
  ] as const;
  test.each(engines)(
    "on %s are stored when their promise resolves, before the response ends",
    async (_engine, store) => {
      const site = await startSite({
        sessions: { store: store() },
        routes: (app) =>
          app.post("/slow", async (req, res) => {
            await req.session.set("a", 1);
            res.write("stored");
            await sleep(50);
            // After the headers a session that began before can still be written.
            await req.session.set("b", 2);
            res.end("!");
          }),
      });
      const visitor = site.browser();
      const first = await begin(`${site.origin}/slow`, { method: "POST" });
      visitor.take({ setCookies: first.headers["set-cookie"] ?? [] });
      expect(first.complete).toBe(false);
      expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1 } });
      expect((await replyOf(first)).body).toBe("stored!");
      expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1, b: 2 } });
      await site.sessions.close();
    },
  );

  test("after an own write data is the new data, and the old object is unchanged", async () => {
    const site = await stepSite(async (session) => {
      await session.set("a", { n: 1 });
      const before = session.data;
      await session.update((draft) => void ((draft["a"] as { n: number }).n = 2));
      return [before, session.data, Object.isFrozen(session.data)];
    });
    expect(parsed((await site.browser().post("/step")).body).result).toEqual([{ a: { n: 1 } }, { a: { n: 2 } }, true]);
  });

  test("get asks the store: it sees what another request wrote", async () => {
    const site = await stepSite(async (session) => {
      await site.sessions.data(session.id ?? "").set("a", "theirs");
      return [session.data["a"] ?? null, await session.get("a")];
    });
    const visitor = site.browser();
    await visitor.post("/set", { b: 1 });
    expect(parsed((await visitor.post("/step")).body).result).toEqual([null, "theirs"]);
  });

  test("F2: a write to a session that ended meanwhile is refused and revives nothing", async () => {
    const site = await stepSite(async (session) => {
      await site.sessions.revoke(session.id ?? "");
      await session.set("a", 1);
    });
    const visitor = site.browser();
    await visitor.post("/login");
    const thief = visitor.copy();
    const reply = await visitor.post("/step");
    expect(parsed(reply.body).error).toBe("SessionEndedError");
    expect(JSON.parse((await thief.get("/look")).body)).toMatchObject({ active: false });
    expect(await site.sessions.count()).toBe(0);
  });
});

describe("after the headers are sent", () => {
  const late: [string, Step][] = [
    ["set on an anonymous request", (session) => session.set("a", 1)],
    ["increment on an anonymous request", (session) => session.increment("a")],
    ["update on an anonymous request", (session) => session.update((draft) => void (draft["a"] = 1))],
    ["login", (session) => session.login({ userId: "ada" })],
  ];
  async function lateSite(step: Step): Promise<{ site: Site; failure: () => unknown }> {
    let failure: unknown;
    const site = await startSite({
      routes: (app) =>
        app.post("/late", async (req, res) => {
          res.write("begun");
          failure = await step(req.session).then(
            () => null,
            (error: unknown) => error,
          );
          res.end();
        }),
    });
    return { site, failure: () => failure };
  }

  test.each(late)("%s rejects with HeadersSentError and writes nothing", async (_what, step) => {
    const { site, failure } = await lateSite(step);
    const reply = await site.browser().post("/late");
    expect(failure()).toBeInstanceOf(HeadersSentError);
    expect([reply.body, reply.setCookies]).toEqual(["begun", []]);
    expect(site.store.calls).toEqual([]);
    expect(await site.sessions.count()).toBe(0);
  });

  const ends: [string, Step][] = [
    ["logout", (session) => session.logout()],
    ["revoke", (session) => session.revoke("test")],
    ["login as another user", (session) => session.login({ userId: "grace" })],
  ];
  test.each(ends)(
    "%s of a live session rejects with HeadersSentError and the session lives on",
    async (_what, step) => {
      const { site, failure } = await lateSite(step);
      const visitor = site.browser();
      await visitor.post("/login");
      await visitor.post("/late");
      expect(failure()).toBeInstanceOf(HeadersSentError);
      expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ userId: "ada" });
      expect(await site.sessions.list("grace")).toEqual([]);
    },
  );

  test("an update whose function sent the response holds that response back", async () => {
    const site = await startSite({
      routes: (app) =>
        app.post("/odd", async (req, res) => {
          const sendsFirst = (draft: Record<string, unknown>): void => {
            draft["a"] = 1;
            if (!res.headersSent) res.end();
          };
          await req.session.update(sendsFirst);
        }),
    });
    const visitor = site.browser();
    expect((await visitor.post("/odd")).setCookies).toHaveLength(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1 } });
  });
});

describe('load: "lazy"', () => {
  const lazy: SiteOptions = {
    sojourn: { load: "lazy" },
    routes: (app) => {
      app.get("/loaded", async (req, res) => {
        const [{ userId }] = await Promise.all([req.session.load(), req.session.load()]);
        await req.session.load();
        res.json({ userId });
      });
      app.get("/unloaded", (req, res) => {
        const { session } = req;
        const readers = [
          () => session.active,
          () => session.userId,
          () => session.data,
          () => session.id,
          () => session.current,
        ];
        const errors = readers.map((read) => {
          try {
            return read();
          } catch (error) {
            return error instanceof TypeError ? error.message : "?";
          }
        });
        res.json(errors);
      });
      app.post("/write", async (req, res) => {
        await req.session.set("a", 1);
        res.json(req.session.userId);
      });
      app.get("/me", requireUser(), (req, res) => void res.json(req.session.userId));
    },
  };

  test("nothing is read until load(), and then once", async () => {
    const site = await startSite(lazy);
    const visitor = site.browser();
    await visitor.post("/login");
    site.store.calls.length = 0;
    const plain = await visitor.get("/plain");
    expect(site.store.calls).toEqual([]);
    expect(plain.headers).not.toHaveProperty("vary");
    const loaded = await visitor.get("/loaded");
    expect(JSON.parse(loaded.body)).toEqual({ userId: "ada" });
    expect(site.store.calls).toEqual(["read"]);
    expect(loaded.headers).toMatchObject({ "cache-control": "no-store", vary: "Cookie" });
  });

  test("reading before load() throws a TypeError that names load()", async () => {
    const site = await startSite(lazy);
    const visitor = site.browser();
    await visitor.post("/login");
    site.store.calls.length = 0;
    const errors = JSON.parse((await visitor.get("/unloaded")).body) as string[];
    expect(errors).toHaveLength(5);
    for (const message of errors) expect(message).toContain("load()");
    expect(site.store.calls).toEqual([]);
  });

  test("an anonymous request needs no load()", async () => {
    const site = await startSite(lazy);
    expect(JSON.parse((await send(`${site.origin}/look`)).body)).toEqual({ active: false, userId: null, data: {} });
  });

  test("writes, logout and guards load by themselves", async () => {
    const site = await startSite(lazy);
    const visitor = site.browser();
    await visitor.post("/login");
    expect((await visitor.post("/write")).body).toBe('"ada"');
    expect((await visitor.get("/me")).body).toBe('"ada"');
    const thief = visitor.copy();
    expect(JSON.parse((await visitor.post("/logout")).body)).toEqual({ ended: true });
    expect(visitor.cookies.size).toBe(0);
    expect((await thief.get("/me")).status).toBe(401);
  });
});

describe("set-up", () => {
  test('property: "sojourn" leaves req.session to others', async () => {
    const site = await startSite({
      sojourn: { property: "sojourn" },
      before: (app) =>
        app.use((req, _res, next) => {
          (req as unknown as { session: unknown }).session = "somebody else's";
          next();
        }),
      routes: (app) =>
        app.post("/both", async (req, res) => {
          const { session, sojourn: mine } = req as unknown as { session: string; sojourn: RequestSession };
          await mine.set("a", 1);
          res.json([session, mine.data]);
        }),
    });
    expect(JSON.parse((await site.browser().post("/both")).body)).toEqual(["somebody else's", { a: 1 }]);
  });

  test("requireUser without the middleware is answered by the error handler with MiddlewareMissingError", async () => {
    const errors: unknown[] = [];
    const app = express();
    app.get("/me", requireUser(), (_req, res) => void res.send("me"));
    const handler: express.ErrorRequestHandler = (error, _req, res, _next) => {
      errors.push(error);
      res.status(500).end();
    };
    app.use(handler);
    expect((await send(`${await serve(app)}/me`)).status).toBe(500);
    expect(errors).toMatchObject([{ name: "MiddlewareMissingError", code: "middleware_missing" }]);
    expect(String(errors[0])).toContain("register sojourn(sessions) before it");
  });

  test("sojourn() refuses what createSessions did not make, and wrong origins", () => {
    expect(() => sojourn({} as never)).toThrow(TypeError);
    const sessions = createSessions({ development: true, log: () => undefined });
    expect(() => sojourn(sessions, { origins: ["https://app.example/"] })).toThrow(/write "https:\/\/app\.example"/);
  });

  test("N3: data cannot say who the user is", async () => {
    const site = await stepSite(async (session) => {
      await session.set("userId", "admin");
      await session.set("aal", 3);
      await session.update((draft) => void (draft["expiresAt"] = 0));
      return [session.userId, session.current?.userId ?? null, session.current?.aal, session.data["userId"]];
    });
    const visitor = site.browser();
    expect(parsed((await visitor.post("/step")).body).result).toEqual([null, null, 0, "admin"]);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ active: true, userId: null });
    await visitor.post("/login", { userId: "ada", keep: ["userId"] });
    expect(parsed((await visitor.post("/step")).body).result).toEqual(["ada", "ada", 1, "admin"]);
  });

  test("the id in req.session is the token's public part, not the token", async () => {
    const site = await stepSite(async (session) => {
      await session.set("a", 1);
      return session.id;
    });
    const reply = await site.browser().post("/step");
    const token = tokenIn(reply.setCookies[0]);
    expect(parsed(reply.body).result).toBe(token.slice(1, 25));
  });
});

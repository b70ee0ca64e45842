/** Row C1: no shared cache may keep what depends on a session, however the answer is sent. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Request, Response } from "express";
import type express from "express";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type RequestSession, sojourn as expressSessions } from "../../src/adapters/express.ts";
import { createSessions, memoryStore } from "../../src/index.ts";
import { COOKIE, SECRET, type Site, startSite } from "../support/express-site.ts";
import type { Browser, Reply } from "../support/http.ts";

type Handler = (req: Request, res: Response) => unknown;

async function siteWith(handler: Handler, load: "eager" | "lazy" = "eager"): Promise<{ site: Site; user: Browser }> {
  const site = await startSite({
    sojourn: { load },
    routes: (app) => {
      app.all("/it", async (req, res) => void (await handler(req, res)));
    },
  });
  const user = site.browser();
  await user.post("/login");
  await user.post("/set", { a: 1, n: 1 });
  return { site, user };
}

const UNCACHEABLE = { "cache-control": "no-store", vary: "Cookie" };

describe("C1: every way of reading a live session", () => {
  const reads: [string, Handler][] = [
    ["not at all, the middleware read it", () => undefined],
    ["active", (req) => req.session.active],
    ["id", (req) => req.session.id],
    ["userId", (req) => req.session.userId],
    ["data", (req) => req.session.data["a"]],
    ["'x' in data", (req) => "x" in req.session.data],
    ["current", (req) => req.session.current?.device],
    ["load", (req) => req.session.load()],
    ["get", (req) => req.session.get("a")],
    ["set", (req) => req.session.set("b", 2)],
    ["delete", (req) => req.session.delete("a")],
    ["increment", (req) => req.session.increment("n")],
    ["update", (req) => req.session.update((draft) => void (draft["b"] = 2))],
    ["touch", (req) => req.session.touch()],
    ["login", (req) => req.session.login({ userId: "grace" })],
    ["logout", (req) => req.session.logout()],
    ["revoke", (req) => req.session.revoke()],
  ];
  test.each(reads)("%s", async (_what, read) => {
    const { user } = await siteWith(async (req, res) => {
      await read(req, res);
      res.send("ok");
    });
    const reply = await user.get("/it");
    expect([reply.status, reply.body]).toEqual([200, "ok"]);
    expect(reply.headers).toMatchObject(UNCACHEABLE);
  });

  test("a write that begins an anonymous session", async () => {
    const { site } = await siteWith(async (req, res) => {
      await req.session.set("b", 2);
      res.send("ok");
    });
    expect((await site.browser().get("/it")).headers).toMatchObject(UNCACHEABLE);
  });
});

describe("C1: what the application says about caching", () => {
  test.each([
    ["public, max-age=60", "no-store"],
    ["max-age=60", "no-store"],
    ["no-cache", "no-store"],
    ["PUBLIC, s-maxage=1", "no-store"],
    ['private="Set-Cookie", max-age=60', "no-store"],
    ["max-age=60, x-private-ish", "no-store"],
    ["private", "private"],
    ["private, max-age=60", "private, max-age=60"],
    ["max-age=0, Private", "max-age=0, Private"],
    ["no-store", "no-store"],
    ["no-cache,no-store", "no-cache,no-store"],
  ])("%s is sent as %s", async (said, sent) => {
    const { user } = await siteWith((_req, res) => void res.set("Cache-Control", said).send("ok"));
    expect((await user.get("/it")).headers["cache-control"]).toBe(sent);
  });

  test("public is said in the log once", async () => {
    const { site, user } = await siteWith(
      (_req, res) => void res.set("Cache-Control", "public, max-age=60").send("ok"),
    );
    await user.get("/it");
    await user.get("/it");
    const lines = site.log.filter((line) => line.includes("public"));
    expect(lines).toHaveLength(1);
  });

  test("an answer to somebody without a session stays public", async () => {
    const { site } = await siteWith((req, res) => void res.set("Cache-Control", "public").json(req.session.active));
    const reply = await site.browser().get("/it");
    expect(reply.headers).toMatchObject({ "cache-control": "public", vary: "Cookie" });
  });

  test.each([
    ["Accept-Encoding", "Accept-Encoding, Cookie"],
    ["cookie", "cookie"],
    ["Accept, COOKIE", "Accept, COOKIE"],
    ["*", "*"],
    ["X-Cookie", "X-Cookie, Cookie"],
  ])("Vary: %s becomes %s", async (said, sent) => {
    const { user } = await siteWith((_req, res) => void res.set("Vary", said).send("ok"));
    expect((await user.get("/it")).headers["vary"]).toBe(sent);
  });

  test("Vary set as a list is kept", async () => {
    const { user } = await siteWith((_req, res) => void res.setHeader("Vary", ["Accept", "Origin"]).end());
    expect((await user.get("/it")).headers["vary"]).toBe("Accept, Origin, Cookie");
  });
});

describe("C1: every way of sending", () => {
  const ways: [string, Handler, Partial<Reply>][] = [
    ["res.end", (_req, res) => res.end("ok"), { status: 200, body: "ok" }],
    ["res.json", (_req, res) => res.json([1]), { status: 200, body: "[1]" }],
    ["res.sendStatus", (_req, res) => res.sendStatus(204), { status: 204 }],
    ["res.redirect", (_req, res) => res.redirect("/elsewhere"), { status: 302 }],
    [
      "res.write and end",
      (_req, res) => {
        res.write("a");
        res.end("b");
      },
      { status: 200, body: "ab" },
    ],
    [
      "flushHeaders",
      (_req, res) => {
        res.flushHeaders();
        res.end("ok");
      },
      { status: 200, body: "ok" },
    ],
    ["a stream", (_req, res) => Readable.from(["a", "b"]).pipe(res), { status: 200, body: "ab" }],
    [
      "server-sent events",
      async (_req, res) => {
        res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
        res.write("data: 1\n\n");
        await sleep(10);
        res.end("data: 2\n\n");
      },
      { status: 200, body: "data: 1\n\ndata: 2\n\n" },
    ],
    ["writeHead without headers", (_req, res) => res.writeHead(201).end("ok"), { status: 201, body: "ok" }],
    [
      "writeHead with an object",
      (_req, res) => res.writeHead(200, { "Cache-Control": "public", "X-A": "1" }).end("ok"),
      { body: "ok" },
    ],
    [
      "writeHead with reason and object",
      (_req, res) => res.writeHead(200, "Fine", { "cache-control": "public", "X-A": "1" }).end("ok"),
      { body: "ok" },
    ],
    [
      "writeHead with a flat list",
      (_req, res) => res.writeHead(200, ["Cache-Control", "public", "X-A", "1"]).end("ok"),
      { body: "ok" },
    ],
    [
      "writeHead with an object, after one that threw",
      (_req, res) => {
        expect(() => res.writeHead(200, { "X-Bad": "\n" })).toThrow(/Invalid character/);
        res.writeHead(201, { "Cache-Control": "public", "X-A": "1" }).end("ok");
      },
      { status: 201, body: "ok" },
    ],
    [
      "writeHead through a wrapper that passes undefined",
      (_req, res) => {
        const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
        writeHead(200, { "Cache-Control": "public", "X-A": "1" }, undefined).end("ok");
      },
      { body: "ok" },
    ],
    [
      "an error thrown by the handler",
      () => {
        throw new Error("a bug");
      },
      { status: 500 },
    ],
    ["no such page", (_req, res) => res.status(404).send("none"), { status: 404 }],
  ];
  test.each(ways)("%s", async (what, way, expected) => {
    const { user } = await siteWith(way);
    const reply = await user.get("/it");
    expect(reply).toMatchObject(expected);
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect(reply.headers["vary"]).toContain("Cookie");
    if (/object|list|undefined/.test(what)) expect(reply.headers["x-a"]).toBe("1");
  });

  test("HEAD", async () => {
    const { user } = await siteWith((_req, res) => void res.send("ok"));
    const reply = await user.send("/it", { method: "HEAD" });
    expect(reply).toMatchObject({ status: 200, body: "", headers: UNCACHEABLE });
  });

  test("304", async () => {
    const { user } = await siteWith((_req, res) => void res.send("ok"));
    const { headers } = await user.get("/it");
    const reply = await user.get("/it", { "If-None-Match": headers["etag"] ?? "" });
    expect(reply).toMatchObject({ status: 304, headers: UNCACHEABLE });
  });

  test("the reason and the status of writeHead arrive", async () => {
    const { user } = await siteWith((_req, res) => void res.writeHead(299, "Odd").end());
    expect(await user.get("/it")).toMatchObject({ status: 299, reason: "Odd" });
  });
});

describe("C1: the session's cookie beside the application's", () => {
  const OURS = new RegExp(`^${COOKIE}=[A-Za-z0-9_-]{93}; `);
  const begins =
    (send: (res: Response) => void): Handler =>
    async (req, res) => {
      await req.session.login({ userId: "ada" });
      send(res);
    };
  const sends: [string, (res: Response) => void, string[]][] = [
    ["res.cookie", (res) => res.cookie("a", "1").send("ok"), ["a=1; Path=/"]],
    ["res.cookie twice", (res) => res.cookie("a", "1").cookie("b", "2").end(), ["a=1; Path=/", "b=2; Path=/"]],
    ["writeHead with an object", (res) => res.writeHead(200, { "Set-Cookie": "a=1" }).end(), ["a=1"]],
    ["writeHead with several", (res) => res.writeHead(200, { "Set-Cookie": ["a=1", "b=2"] }).end(), ["a=1", "b=2"]],
    [
      "writeHead with a flat list",
      (res) => res.writeHead(200, ["Set-Cookie", "a=1", "set-cookie", "b=2"]).end(),
      ["a=1", "b=2"],
    ],
    [
      "writeHead after one that threw",
      (res) => {
        expect(() => res.writeHead(200, { "Set-Cookie": "a=1", "X-Bad": "\n" })).toThrow(/Invalid character/);
        res.writeHead(200, { "Set-Cookie": "a=1" }).end();
      },
      ["a=1"],
    ],
    ["redirect", (res) => res.cookie("a", "1").redirect("/"), ["a=1; Path=/"]],
    [
      "write",
      (res) => {
        res.cookie("a", "1").write("x");
        res.end();
      },
      ["a=1; Path=/"],
    ],
  ];
  test.each(sends)("%s", async (_what, way, theirs) => {
    const { site } = await siteWith(begins(way));
    const { setCookies } = await site.browser().get("/it");
    expect(setCookies.slice(0, -1)).toEqual(theirs);
    expect(setCookies.at(-1)).toMatch(OURS);
  });

  test("as without sessions: headers given to writeHead replace those set before", async () => {
    const handler: Handler = (_req, res) =>
      void res.cookie("gone", "1").set("X-A", "old").writeHead(200, { "x-a": "new", "set-cookie": "a=1" }).end();
    const { user } = await siteWith(handler);
    const reply = await user.get("/it");
    expect([reply.headers["x-a"], reply.setCookies]).toEqual(["new", ["a=1"]]);
  });

  test("an error after the login: the cookie is set, the error handler answers", async () => {
    const { site } = await siteWith(
      begins(() => {
        throw new Error("a bug");
      }),
    );
    const reply = await site.browser().get("/it");
    expect(reply.status).toBe(500);
    expect(reply.setCookies[0]).toMatch(OURS);
  });

  test("of two kinds of sessions on one request each sets its own", async () => {
    const staff = createSessions({ store: memoryStore(), secrets: [SECRET], cookie: { name: "staff" } });
    const site = await startSite({
      before: (app) => app.use(expressSessions(staff, { property: "sojourn" })),
      routes: (app) =>
        app.post("/it", async (req, res) => {
          const { session, sojourn: theirs } = req as unknown as Record<"session" | "sojourn", RequestSession>;
          await Promise.all([session.login({ userId: "ada" }), theirs.login({ userId: "grace" })]);
          res.writeHead(200, { "Set-Cookie": "a=1" }).end();
        }),
    });
    const reply = await site.browser().post("/it");
    expect(reply.setCookies.map((line) => line.split("=")[0])).toEqual(["a", "staff", COOKIE]);
    expect(reply.headers["vary"]).toBe("Cookie");
  });

  test("other middlewares that wait for the headers still get their turn", async () => {
    const wrap: express.RequestHandler = (_req, res, next) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
      res.writeHead = ((...args: unknown[]) => {
        res.appendHeader("X-Wrapped", "yes");
        return writeHead(...args);
      }) as typeof res.writeHead;
      next();
    };
    const site = await startSite({
      before: (app) => app.use(wrap),
      routes: (app) =>
        app.post("/it", wrap, async (req, res) => {
          await req.session.login({ userId: "ada" });
          res.send("ok");
        }),
    });
    const reply = await site.browser().post("/it");
    expect(reply.headers["x-wrapped"]).toBe("yes, yes");
    expect(reply.setCookies).toHaveLength(1);
  });
});

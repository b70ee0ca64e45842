/** Session writes that nobody awaited: the response waits for them, and their failure is the answer. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type express from "express";
import type { Request, Response } from "express";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { COOKIE, type Site, type SiteOptions, startSite } from "../support/express-site.ts";
import { type Browser, replyOf } from "../support/http.ts";

type Handler = (req: Request, res: Response) => unknown;

/** Rejections that would have ended the process. */
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
});
afterEach(async () => {
  await sleep(5);
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
  expect(unhandled).toEqual([]);
});

async function siteWith(handler: Handler, options: SiteOptions = {}): Promise<{ site: Site; user: Browser }> {
  const site = await startSite({
    ...options,
    routes: (app, sessions) => {
      app.all("/it", (req, res, next) => {
        void Promise.resolve(handler(req, res)).catch(next);
      });
      options.routes?.(app, sessions);
    },
  });
  const user = site.browser();
  await user.post("/login");
  site.store.calls.length = 0;
  return { site, user };
}

/** Makes the operation take its time, so that an answer that did not wait would be seen. */
function slow(site: Site, operation: string, ms = 40): void {
  site.store.before.set(operation, () => sleep(ms));
}

const writes: [string, Handler][] = [
  ["set", (req) => void req.session.set("a", 1)],
  ["increment", (req) => void req.session.increment("a")],
  ["update", (req) => void req.session.update((draft) => void (draft["a"] = 1))],
];

const FILE = import.meta.filename;

const ways: [string, (res: Response) => unknown, { status: number; body: string }][] = [
  ["res.send", (res) => res.send("ok"), { status: 200, body: "ok" }],
  ["res.json", (res) => res.status(201).json([1]), { status: 201, body: "[1]" }],
  ["res.end", (res) => res.end("ok"), { status: 200, body: "ok" }],
  ["res.sendStatus", (res) => res.sendStatus(204), { status: 204, body: "" }],
  ["res.redirect", (res) => res.redirect(303, "/x"), { status: 303, body: "See Other. Redirecting to /x" }],
  ["res.write, then end", (res) => (res.write("a"), res.end("b")), { status: 200, body: "ab" }],
  ["flushHeaders", (res) => (res.flushHeaders(), res.end("ok")), { status: 200, body: "ok" }],
  ["writeHead, then end", (res) => res.writeHead(201, { "X-A": "1" }).end("ok"), { status: 201, body: "ok" }],
  ["a stream", (res) => Readable.from(["a", "b"]).pipe(res), { status: 200, body: "ab" }],
  ["res.sendFile", (res) => res.sendFile(FILE), { status: 200, body: readFileSync(FILE, "utf8") }],
  ["pipeline", (res) => pipeline(Readable.from(["a", "b"]), res), { status: 200, body: "ab" }],
  [
    "write now, end later",
    async (res) => {
      res.write("a");
      await sleep(60);
      res.end("b");
    },
    { status: 200, body: "ab" },
  ],
];

describe("the response waits", () => {
  test.each(writes)("%s that begins a session: its cookie is in the answer", async (_what, write) => {
    const { site } = await siteWith((req, res) => {
      write(req, res);
      res.send("ok");
    });
    slow(site, "create");
    const visitor = site.browser();
    const reply = await visitor.post("/it");
    expect(reply).toMatchObject({ status: 200, body: "ok" });
    expect(reply.headers).toMatchObject({ "cache-control": "no-store", vary: "Cookie" });
    expect(reply.setCookies).toHaveLength(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ active: true, data: { a: 1 } });
  });

  test.each(ways)("%s: stored before the answer begins, cookie included", async (_what, way, expected) => {
    const { site } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      return way(res);
    });
    slow(site, "create");
    const visitor = site.browser();
    const reply = await visitor.get("/it");
    expect(reply).toMatchObject(expected);
    expect(reply.setCookies).toHaveLength(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1 } });
  });

  test.each(ways)("%s is the same answer as without a write", async (_what, way) => {
    const { user } = await siteWith(async (req, res) => {
      if (req.query["write"] !== undefined) void req.session.set("a", 1);
      await way(res);
    });
    const [without, held] = [await user.get("/it"), await user.get("/it?write")];
    delete (without.headers as Record<string, string>)["date"];
    delete (held.headers as Record<string, string>)["date"];
    expect(held).toEqual(without);
  });

  test("a login and a logout", async () => {
    const { site, user } = await siteWith((req, res) => {
      void (req.method === "POST" ? req.session.login({ userId: "grace" }) : req.session.logout());
      res.send("ok");
    });
    slow(site, "create");
    const visitor = site.browser();
    await visitor.post("/it");
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ userId: "grace" });
    const reply = await user.get("/it");
    expect(reply.setCookies).toEqual([expect.stringContaining("Max-Age=0")]);
    expect(await site.sessions.list("ada")).toEqual([]);
  });

  test("HEAD", async () => {
    const { site } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.send("ok");
    });
    const reply = await site.browser().send("/it", { method: "HEAD" });
    expect(reply).toMatchObject({ status: 200, body: "", headers: { "content-length": "2" } });
    expect(reply.setCookies).toHaveLength(1);
  });

  test("status and headers are those of the call, whatever is done meanwhile; changing them throws as ever", async () => {
    const codes: unknown[] = [];
    const { user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.status(202).set("X-A", "1").send("ok");
      res.statusCode = 500;
      try {
        res.setHeader("X-A", "2");
      } catch (error) {
        codes.push((error as { code?: string }).code, res.headersSent, res.writableEnded);
      }
    });
    expect(await user.get("/it")).toMatchObject({ status: 202, body: "ok", headers: { "x-a": "1" } });
    expect(codes).toEqual(["ERR_HTTP_HEADERS_SENT", true, true]);
  });

  test("callbacks of write and end run, in their order", async () => {
    const order: string[] = [];
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1).then(() => order.push("stored"));
      res.write("a", () => order.push("write"));
      res.end("b", () => order.push("end"));
    });
    slow(site, "patch");
    expect((await user.get("/it")).body).toBe("ab");
    expect(order).toEqual(["stored", "write", "end"]);
  });

  test("a large stream: back pressure while it waits, every byte once", async () => {
    const size = 3_000_000;
    let buffered = 0;
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      const source = Readable.from(chunks(size), { objectMode: false });
      source.on("data", (chunk: Buffer) => {
        if (site.store.before.has("patch")) buffered += chunk.byteLength;
      });
      source.pipe(res);
    });
    site.store.before.set("patch", async () => {
      await sleep(60);
      site.store.before.delete("patch");
    });
    const reply = await user.get("/it");
    expect(reply.body).toBe("x".repeat(size));
    expect(buffered).toBeLessThan(300_000);
  });

  test("HEAD of a large stream ends: what was held back asks for more, though Node sends none of it", async () => {
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      Readable.from(chunks(300_000), { objectMode: false }).pipe(res);
    });
    slow(site, "patch");
    expect(await user.send("/it", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  });

  test("keep-alive: the connection serves the next request", async () => {
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.send("ok");
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      const sent = request(`${site.origin}/it`, { agent, headers: { Cookie: user.cookieHeader } }).end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      ports.add(response.socket.localPort);
      expect(await replyOf(response)).toMatchObject({ status: 200, body: "ok" });
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });

  test("a client that hangs up while the response waits harms nobody; the write is stored", async () => {
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.send("ok");
    });
    slow(site, "patch");
    const sent = request(`${site.origin}/it`, { headers: { Cookie: user.cookieHeader } }).end();
    sent.on("error", () => undefined);
    while (!site.store.calls.includes("patch")) await sleep(1);
    sent.destroy();
    await sleep(60);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ data: { a: 1 } });
  });

  test("middlewares that wrapped the response before and after the first write still see it", async () => {
    const wrap = (_req: Request, res: Response, next: () => void): void => {
      const end = res.end.bind(res) as (...args: unknown[]) => Response;
      res.end = ((text: string) => end(`[${text}]`)) as typeof res.end;
      next();
    };
    const { user } = await siteWith(() => undefined, {
      before: (app) => app.use("/wrapped", wrap),
      routes: (app) =>
        app.get("/wrapped", (req, res) => {
          void req.session.set("a", 1);
          wrap(req, res, () => undefined);
          res.end("ok");
        }),
    });
    expect((await user.get("/wrapped")).body).toBe("[[ok]]");
  });

  test("without a write nothing of the response is replaced", async () => {
    const replaced: boolean[] = [];
    const { user } = await siteWith((req, res) => {
      for (const name of ["write", "end", "flushHeaders", "setHeader"]) replaced.push(Object.hasOwn(res, name));
      res.json(req.session.data);
    });
    await user.get("/it");
    await user.get("/it");
    expect(replaced).toEqual(Array.from({ length: 8 }, () => false));
  });
});

function* chunks(size: number): Iterable<Buffer> {
  for (let sent = 0; sent < size; sent += 10_000) yield Buffer.alloc(10_000, "x");
}

describe("a write that failed", () => {
  function failing(way: (res: Response) => unknown, options: SiteOptions = {}): ReturnType<typeof siteWith> {
    return siteWith((req, res) => {
      void req.session.set("a", 1);
      res.setHeader("Content-Type", "application/x-secret");
      res.setHeader("X-Kept", "1");
      res.cookie("believed", "1");
      return way(res);
    }, options);
  }
  /** Reads go on, the write does not. */
  function refuseWrites(site: Site, ms = 20): void {
    for (const name of ["create", "patch"]) {
      site.store.before.set(name, async () => {
        await sleep(ms);
        site.store.down = true;
        await Promise.resolve(site.store.store.count()).finally(() => (site.store.down = false));
      });
    }
  }

  const piped = ways.filter(([name]) => name !== "pipeline");
  test.each(piped)("%s: 503 in place of the answer, nothing of its body, no cookie", async (_what, way) => {
    const { site } = await failing(way);
    refuseWrites(site);
    const reply = await site.browser().get("/it");
    expect(reply.status).toBe(503);
    expect(JSON.parse(reply.body)).toMatchObject({ error: "store_unavailable" });
    expect(reply.headers).toMatchObject({ "retry-after": "1", "cache-control": "no-store", "x-kept": "1" });
    expect(reply.headers["content-type"]).toContain("application/json");
    expect(reply.headers).not.toHaveProperty("location");
    expect(reply.setCookies).toEqual([]);
    expect(await site.sessions.count()).toBe(1);
  });

  test("of a session that lives: 503, its cookie untouched, and the next request is served", async () => {
    const { site, user } = await failing((res) => res.send("ok"));
    refuseWrites(site);
    const reply = await user.get("/it");
    expect([reply.status, reply.setCookies]).toEqual([503, []]);
    site.store.before.clear();
    expect((await user.get("/it")).status).toBe(200);
  });

  test("before the response began, unseen: 503 too", async () => {
    const { site, user } = await siteWith(async (req, res) => {
      void req.session.set("a", 1);
      await sleep(30);
      res.send("ok");
    });
    refuseWrites(site, 0);
    expect((await user.get("/it")).status).toBe(503);
  });

  test("before the response began and caught: the handler's answer", async () => {
    const { site, user } = await siteWith(async (req, res) => {
      const written = req.session.set("a", 1);
      await sleep(30);
      const outcome = await written.catch((error: unknown) => (error as Error).name);
      const both = await Promise.allSettled([req.session.set("b", 1), req.session.increment("c")]);
      res.json([outcome, ...both.map(({ status }) => status)]);
    });
    refuseWrites(site, 0);
    const reply = await user.get("/it");
    expect([reply.status, JSON.parse(reply.body)]).toEqual([200, ["StoreUnavailableError", "rejected", "rejected"]]);
  });

  const refused: [string, Handler, number][] = [
    ["a value that JSON would lose", (req) => void req.session.set("a", 1n), 400],
    ["a wrong name", (req) => void req.session.set("__proto__", 1), 400],
    ["too much data", (req) => void req.session.set("a", "x".repeat(20_000)), 413],
    ["a bug in an update", (req) => void req.session.update(() => expect.unreachable()), 500],
    ["a wrong call", (req) => void req.session.increment("a", 0.5), 500],
  ];
  test.each(refused)("%s is answered with its own status", async (_what, write, status) => {
    const { user } = await siteWith((req, res) => {
      write(req, res);
      res.send("ok");
    });
    const reply = await user.get("/it");
    expect(reply.status).toBe(status);
    expect(reply.body).not.toContain("ok");
  });

  test('onError: "next" gives it to the error handler, which answers', async () => {
    const { site, user } = await failing((res) => res.send("ok"), {
      sojourn: { onError: "next" },
      routes: (app) => {
        const handler: express.ErrorRequestHandler = (error: { code: string }, _req, res, _next) => {
          setTimeout(() => res.status(507).send(error.code), 5);
        };
        app.use(handler);
      },
    });
    refuseWrites(site);
    expect(await user.get("/it")).toMatchObject({ status: 507, body: "store_unavailable" });
  });

  test("a handler that goes on sending is ignored, its callbacks hear it", async () => {
    const heard: unknown[] = [];
    const { site, user } = await failing(async (res) => {
      res.write("a", (error) => heard.push(error?.message));
      await sleep(60);
      res.write("b", (error) => heard.push(error?.message));
      res.end("c", () => heard.push("end"));
    });
    refuseWrites(site);
    const reply = await user.get("/it");
    expect(reply.status).toBe(503);
    await sleep(80);
    expect(heard).toHaveLength(3);
    expect(heard[0]).toContain("Not sent");
  });

  test("a source that is piped is let go", async () => {
    const source = new PassThrough();
    const { site, user } = await failing((res) => {
      source.pipe(res);
      source.write("x".repeat(100_000));
    });
    refuseWrites(site);
    expect((await user.get("/it")).status).toBe(503);
    expect(source.listenerCount("data")).toBe(0);
    source.destroy();
  });

  test("after the client hung up: nobody is harmed", async () => {
    const { site, user } = await failing((res) => res.send("ok"));
    refuseWrites(site, 40);
    const sent = request(`${site.origin}/it`, { headers: { Cookie: user.cookieHeader } }).end();
    sent.on("error", () => undefined);
    while (!site.store.calls.includes("patch")) await sleep(1);
    sent.destroy();
    await sleep(80);
    site.store.before.clear();
    expect((await user.get("/look")).status).toBe(200);
  });

  test("one of several: 503, and the session that the login began is the browser's", async () => {
    const { site } = await siteWith((req, res) => {
      void req.session.login({ userId: "grace" });
      void req.session.set("a", "x".repeat(20_000));
      res.send("ok");
    });
    const visitor = site.browser();
    const reply = await visitor.get("/it");
    expect(reply.status).toBe(413);
    expect(reply.setCookies).toEqual([expect.stringContaining(COOKIE)]);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ userId: "grace" });
  });

  test("wrong arguments that a held call hides are answered with 500", async () => {
    const { user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.writeHead(99);
      res.end();
    });
    expect((await user.get("/it")).status).toBe(500);
  });
});

describe("writes that begin after the response has", () => {
  test("one that is ignored and fails is said in the log, and nothing else happens", async () => {
    const { site } = await siteWith((req, res) => {
      res.send("ok");
      void req.session.set("a", 1);
      void req.session.login({ userId: "grace" });
    });
    const reply = await site.browser().get("/it");
    expect([reply.status, reply.body, reply.setCookies]).toEqual([200, "ok", []]);
    await sleep(10);
    expect(site.log.filter((line) => line.includes("nobody awaited"))).toHaveLength(1);
    expect(await site.sessions.count()).toBe(1);
  });

  test("one that is awaited is its caller's, and is not said", async () => {
    const names: string[] = [];
    const { site } = await siteWith(async (req, res) => {
      res.send("ok");
      await req.session.set("a", 1).catch((error: unknown) => names.push((error as Error).name));
    });
    await site.browser().get("/it");
    await sleep(10);
    expect(names).toEqual(["HeadersSentError"]);
    expect(site.log.filter((line) => line.includes("nobody awaited"))).toEqual([]);
  });

  test("while the response waits, too: it does not wait for them", async () => {
    const { site, user } = await siteWith((req, res) => {
      void req.session.set("a", 1);
      res.send("ok");
      void req.session.login({ userId: "grace" });
      void req.session.set("b", 2);
    });
    slow(site, "patch");
    expect(await user.get("/it")).toMatchObject({ status: 200, body: "ok", setCookies: [] });
    await sleep(60);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ userId: "ada", data: { a: 1, b: 2 } });
  });

  test.each(["awaited", "not awaited"])("one begun by a hook in writeHead, after one %s", async (how) => {
    const { site, user } = await siteWith(async (req, res) => {
      const first = req.session.set("a", 1);
      if (how === "awaited") await first;
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
      res.writeHead = ((...args: unknown[]) => {
        void req.session.set("b", 2);
        return writeHead(...args);
      }) as typeof res.writeHead;
      res.send("ok");
    });
    expect(await user.get("/it")).toMatchObject({ status: 200, body: "ok" });
    await sleep(10);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ data: { a: 1, b: 2 } });
    expect(site.log.filter((line) => line.includes("nobody awaited"))).toEqual([]);
  });
});

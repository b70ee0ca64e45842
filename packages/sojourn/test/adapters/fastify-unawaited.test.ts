/** Fastify: session writes that nobody awaited. The response waits for them, and their failure is the answer. */

import { request as httpRequest } from "node:http";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FastifySite } from "../support/fastify-site.ts";
import { type Handler, siteWith, UNCACHEABLE, WAYS } from "../support/fastify-ways.ts";
import { INTERNAL_DETAIL } from "../support/watched-store.ts";

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

/** Makes the operation take its time, so that an answer that did not wait would be seen. */
function slow(site: FastifySite, operation: string): void {
  site.store.before.set(operation, () => sleep(30));
}

/** Reads go on, writes fail. */
function refuseWrites(site: FastifySite): void {
  for (const name of ["create", "patch"]) {
    site.store.before.set(name, async () => {
      await sleep(10);
      site.store.down = true;
      await Promise.resolve(site.store.store.count()).finally(() => (site.store.down = false));
    });
  }
}

/** What the log says of writes that failed after the response had begun. */
function ignored(site: FastifySite): string[] {
  return site.log.filter((line) => line.includes("nobody awaited"));
}

describe("a write that nobody awaited", () => {
  test.each(WAYS)("%s waits for it", async (_what, way, expected, route) => {
    const handler: Handler = (request, reply) => {
      void request.session.set("a", 1);
      return way(reply);
    };
    const { site } = await siteWith(handler, {}, route);
    slow(site, "create");
    const visitor = site.browser();
    const reply = await visitor.get("/it");
    expect(reply).toMatchObject({ ...expected, headers: UNCACHEABLE });
    expect(reply.setCookies).toHaveLength(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1 } });
  });

  test.each(WAYS)(
    "%s: M4 503 in its place when it failed, nothing of the handler's, no cookie",
    async (_what, way, _told, route) => {
      const handler: Handler = (request, reply) => {
        void request.session.set("a", 1);
        reply.headers({ "content-type": "application/json", "x-kept": "1", etag: '"1"', "set-cookie": "believed=1" });
        return way(reply);
      };
      const { site } = await siteWith(handler, {}, route);
      refuseWrites(site);
      const reply = await site.browser().get("/it");
      expect(reply).toMatchObject({ status: 503, setCookies: [] });
      expect(JSON.parse(reply.body)).toMatchObject({ error: "store_unavailable" });
      expect(reply.body).not.toContain(INTERNAL_DETAIL);
      expect(reply.headers).toMatchObject({ ...UNCACHEABLE, "retry-after": "1" });
      expect(reply.headers["content-type"]).toContain("application/json");
      for (const name of ["location", "etag"]) expect(reply.headers).not.toHaveProperty(name);
      expect(await site.sessions.count()).toBe(1);
    },
  );

  test("of HEAD: the same without a body", async () => {
    const handler: Handler = (request, reply) => {
      void request.session.set("a", 1);
      return reply.send("ok");
    };
    const { site, user } = await siteWith(handler);
    expect(await user.send("/it", { method: "HEAD" })).toMatchObject({
      status: 200,
      headers: { "content-length": "2" },
    });
    refuseWrites(site);
    expect(await user.send("/it", { method: "HEAD" })).toMatchObject({ status: 503, body: "" });
  });

  test("a source whose stream is not sent is let go", async () => {
    const node = new PassThrough();
    const cancelled: string[] = [];
    const web = (name: string): ReadableStream => new ReadableStream({ cancel: () => void cancelled.push(name) });
    const payloads: unknown[] = [node, web("stream"), new Response(web("response"))];
    const { site, user } = await siteWith((request, reply) => {
      void request.session.set("a", 1);
      return reply.send(payloads.shift());
    });
    refuseWrites(site);
    for (let i = 0; i < 3; i++) expect((await user.get("/it")).status).toBe(503);
    expect([node.destroyed, cancelled]).toEqual([true, ["stream", "response"]]);
  });

  test('onError: "throw" gives its failure to the error handler, which begins anew', async () => {
    const { site, user } = await siteWith(
      (request, reply) => {
        void request.session.set("a", 1);
        return reply.code(201).header("etag", '"1"').send({ a: 1 });
      },
      {
        sojourn: { onError: "throw" },
        routes: (app) =>
          app.setErrorHandler((error: { code: string }, _request, reply) => {
            setTimeout(() => void reply.send({ told: error.code, was: reply.statusCode }), 5);
          }),
      },
    );
    refuseWrites(site);
    const reply = await user.get("/it");
    expect(JSON.parse(reply.body)).toEqual({ told: "store_unavailable", was: 200 });
    expect(reply.headers).not.toHaveProperty("etag");
  });

  const refused: [string, Handler, number][] = [
    ["a value that JSON would lose", (request) => void request.session.set("a", 1n), 400],
    ["too much data", (request) => void request.session.set("a", "x".repeat(20_000)), 413],
    ["a bug in an update", (request) => void request.session.update(() => expect.unreachable()), 500],
  ];
  test.each(refused)("%s is answered with its own status, also after a hijack", async (_what, write, status) => {
    const { user } = await siteWith((request, reply) => {
      write(request, reply);
      return reply.send("ok");
    });
    const { user: hijacker } = await siteWith((request, reply) => {
      write(request, reply);
      reply.hijack().raw.end("ok");
    });
    for (const each of [user, hijacker]) {
      const reply = await each.get("/it");
      expect(reply.status).toBe(status);
      expect(reply.body).not.toContain("ok");
    }
  });

  test("that a later onSend hook began is waited for; its failure is a 503 too", async () => {
    const { site, user } = await siteWith(() => "ok", {
      routes: (app) =>
        app.addHook("onSend", (request, _reply, _payload, done) => {
          if (request.url === "/it") void request.session.set("late", 1);
          done();
        }),
    });
    slow(site, "patch");
    expect(await user.get("/it")).toMatchObject({ status: 200, body: "ok" });
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ data: { late: 1 } });
    refuseWrites(site);
    const reply = await user.get("/it");
    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([503, { error: "store_unavailable" }]);
  });

  test("when the client hangs up while the answer waits: it is stored, nobody is harmed", async () => {
    const { site, user } = await siteWith((request, reply) => {
      void request.session.set("a", 1);
      return reply.send("ok");
    });
    slow(site, "patch");
    const sent = httpRequest(`${site.origin}/it`, { headers: { Cookie: user.cookieHeader } }).end();
    sent.on("error", () => undefined);
    while (!site.store.calls.includes("patch")) await sleep(1);
    sent.destroy();
    await sleep(50);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ data: { a: 1 } });
  });
});

describe("after the response has begun", () => {
  test("in onResponse: what needs the cookie rejects with HeadersSentError; ignored it is said in the log", async () => {
    const names: string[] = [];
    const { site } = await siteWith(() => "ok", {
      routes: (app) =>
        app.addHook("onResponse", async (request) => {
          if (request.url !== "/it") return;
          void request.session.set("a", 1);
          await request.session.login({ userId: "grace" }).catch((error: Error) => names.push(error.name));
        }),
    });
    expect(await site.browser().get("/it")).toMatchObject({ status: 200, setCookies: [] });
    await expect.poll(() => names).toEqual(["HeadersSentError"]);
    await expect.poll(() => ignored(site)).toHaveLength(1);
    expect(await site.sessions.count()).toBe(1);
  });

  test("in onResponse: a write to the session that there is goes through, unawaited too", async () => {
    const { site, user } = await siteWith(() => "ok", {
      routes: (app) =>
        app.addHook("onResponse", (request, _reply, done) => {
          if (request.url === "/it") void request.session.increment("seen");
          done();
        }),
    });
    await user.get("/it");
    await expect.poll(async () => (await user.get("/look")).body).toContain('"seen":1');
    expect(ignored(site)).toEqual([]);
  });

  test("a handler that goes on after reply.send: the same", async () => {
    const names: string[] = [];
    const { site, user } = await siteWith(async (request, reply) => {
      reply.send("ok");
      await request.session.logout().catch((error: Error) => names.push(error.name));
      await request.session.set("a", 1);
    });
    expect(await user.get("/it")).toMatchObject({ status: 200, body: "ok", setCookies: [] });
    await expect.poll(async () => (await user.get("/look")).body).toContain('"a":1');
    expect([names, ignored(site)]).toEqual([["HeadersSentError"], []]);
  });
});

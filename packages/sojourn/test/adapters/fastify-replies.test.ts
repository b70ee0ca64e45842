/** Fastify: every way of answering carries the session's headers. */

import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { COOKIE } from "../support/express-site.ts";
import { siteWith, UNCACHEABLE, WAYS } from "../support/fastify-ways.ts";
import { send } from "../support/http.ts";

describe("the session's headers", () => {
  test.each(WAYS)("%s: C1 uncacheable, and a login's cookie is set", async (_what, way, expected, route) => {
    const { site, user } = await siteWith((_request, reply) => way(reply), {}, route);
    const reply = await user.get("/it");
    expect(reply).toMatchObject({ ...expected, headers: UNCACHEABLE });
    expect(site.store.calls).toEqual(["read"]);

    const login = await siteWith(
      async (request, asked) => {
        await request.session.login({ userId: "grace" });
        return way(asked);
      },
      {},
      route,
    );
    expect((await login.site.browser().get("/it")).setCookies).toHaveLength(1);
  });

  test.each(WAYS)(
    "%s is the same answer as without sessions, but for its headers",
    async (_what, way, _told, route) => {
      const bare = Fastify({ forceCloseConnections: true });
      onTestFinished(() => bare.close());
      bare.get("/it", route ?? {}, ((_request: FastifyRequest, reply: FastifyReply) => way(reply)) as never);
      const without = await send(`${await bare.listen({ port: 0, host: "127.0.0.1" })}/it`);
      const { user } = await siteWith((_request, reply) => way(reply), {}, route);
      const within = await user.get("/it");
      for (const { headers } of [without, within]) {
        for (const name of ["date", "vary", "cache-control"]) Reflect.deleteProperty(headers, name);
      }
      expect(within).toEqual(without);
    },
  );

  test("HEAD", async () => {
    const { user } = await siteWith((_request, reply) => void reply.send("ok"));
    const reply = await user.send("/it", { method: "HEAD" });
    expect(reply).toMatchObject({ status: 200, body: "", headers: { ...UNCACHEABLE, "content-length": "2" } });
  });

  test("C1: hooks that come later see them, and cannot make the answer public", async () => {
    const seen: unknown[] = [];
    const { user } = await siteWith(() => "ok", {
      routes: (app) =>
        app.addHook("onSend", async (request, reply) => {
          if (request.url === "/it") seen.push(reply.getHeader("cache-control"), reply.getHeader("vary"));
          reply.headers({ "cache-control": "public, max-age=60", vary: "Accept" });
        }),
    });
    expect((await user.get("/it")).headers).toMatchObject({ "cache-control": "no-store", vary: "Accept, Cookie" });
    expect(seen).toEqual(["no-store", "Cookie"]);
  });

  test("a login in a later onSend hook still sets its cookie, once, beside the application's", async () => {
    const { site } = await siteWith((_request, reply) => reply.header("set-cookie", "a=1").send("ok"), {
      routes: (app) =>
        app.addHook("onSend", async (request, reply) => {
          if (request.url !== "/it") return;
          await request.session.login({ userId: "grace" });
          reply.header("set-cookie", "b=2");
        }),
    });
    const { setCookies } = await site.browser().get("/it");
    expect(setCookies.map((line) => line.split("=")[0])).toEqual(["a", "b", COOKIE]);
  });

  test("a cookie that was put on before an error is sent once with the error's answer", async () => {
    const { site } = await siteWith(
      async (request) => {
        await request.session.login({ userId: "grace" });
        return "ok";
      },
      {
        routes: (app) =>
          app.addHook("onSend", async (_request, reply) => {
            if (reply.statusCode === 200 && reply.request.url === "/it") throw new Error("a bug in a hook");
          }),
      },
    );
    const reply = await site.browser().get("/it");
    expect([reply.status, reply.setCookies.length]).toEqual([500, 1]);
  });

  test("a header that Node refuses: the error's answer has them", async () => {
    const { site } = await siteWith(async (request, reply) => {
      await request.session.login({ userId: "grace" });
      return reply.header("x-bad", "\n").send("ok");
    });
    const reply = await site.browser().get("/it");
    expect([reply.status, reply.setCookies.length, reply.headers["cache-control"]]).toEqual([500, 1, "no-store"]);
  });
});

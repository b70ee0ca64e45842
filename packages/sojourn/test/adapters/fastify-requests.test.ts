/** Fastify: errors, pages that there are not, proxies, HTTP/2, inject. */

import { once } from "node:events";
import { connect } from "node:http2";
import { inspect } from "node:util";
import Fastify, { type FastifyInstance } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { requireUser, sojourn } from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import { createSessions, memoryStore } from "../../src/index.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";
import { startFastify } from "../support/fastify-site.ts";
import { send } from "../support/http.ts";
import { SecretPieces } from "../support/secret-pieces.ts";
import { WatchedStore } from "../support/watched-store.ts";

describe("errors", () => {
  test("M4 of an awaited write: the error handler sees status, code and headers; without one Fastify sends them", async () => {
    const seen: unknown[] = [];
    const routes = (app: FastifyInstance): void => void app.get("/it", ({ session }) => session.set("a", 1));
    const own = await startFastify({
      routes: (app) => {
        routes(app);
        app.setErrorHandler((error: { status: number; code: string; headers?: unknown }, _request, reply) => {
          seen.push([error.status, error.code, error.headers]);
          return reply.code(error.status).send("told");
        });
      },
    });
    const fallback = await startFastify({ routes });
    for (const site of [own, fallback]) {
      site.store.down = true;
      const reply = await site.browser().get("/it");
      expect([reply.status, reply.setCookies]).toEqual([503, []]);
      if (site === fallback) expect(reply.headers["retry-after"]).toBe("1");
    }
    expect(seen).toEqual([[503, "store_unavailable", { "Retry-After": "1" }]]);
  });

  test('onError: "throw" hands reads, refusals and guards to the error handler', async () => {
    const site = await startFastify({
      sojourn: { onError: "throw" },
      routes: (app) => {
        app.get("/me", { preHandler: requireUser() }, () => "me");
        app.post("/plain", () => "plain");
        app.setErrorHandler((error: { status: number; code: string }, _request, reply) =>
          reply.code(error.status).send(`handler: ${error.code}`),
        );
      },
    });
    const user = await site.user();
    expect(await site.browser().get("/me")).toMatchObject({ status: 401, body: "handler: login_required" });
    const elsewhere = { method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } };
    expect(await user.send("/plain", elsewhere)).toMatchObject({ status: 403, body: "handler: cross_site_request" });
    site.store.down = true;
    expect(await user.get("/me")).toMatchObject({ status: 503, body: "handler: store_unavailable", setCookies: [] });
  });

  test('H1 with onError: "throw" the session of a request from elsewhere can be read there, not written to', async () => {
    const site = await startFastify({
      sojourn: { onError: "throw" },
      routes: (app) => {
        app.post("/plain", () => "plain");
        app.setErrorHandler(async (_error, { session }, reply) => {
          const written = await session.set("a", 1).catch((error: Error) => error.name);
          return reply.code(200).send({ written, userId: (await session.load()).userId });
        });
      },
    });
    const elsewhere = { method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } };
    const [visitor, user] = [site.browser(), await site.user()];
    const written = "CrossSiteRequestError";
    expect(JSON.parse((await visitor.send("/plain", elsewhere)).body)).toEqual({ written, userId: null });
    expect(JSON.parse((await user.send("/plain", elsewhere)).body)).toEqual({ written, userId: "ada" });
    expect((await site.sessions.list("ada")).map(({ data }) => data)).toEqual([{}]);
  });

  test("a Vary that was there before a refusal stays", async () => {
    const site = await startFastify({
      before: (app) => app.addHook("onRequest", async (_request, reply) => void reply.header("vary", "Accept")),
      routes: (app) => app.post("/it", () => "ok"),
    });
    const reply = await send(`${site.origin}/it`, { method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } });
    expect([reply.status, reply.headers["vary"]]).toEqual([403, "Accept, Sec-Fetch-Site, Origin"]);
  });

  test("C1 pages that there are not: the handler of 404 has the session, its answer is uncacheable", async () => {
    const site = await startFastify({
      routes: (app) =>
        app.setNotFoundHandler(({ session }, reply) => reply.code(404).send(`not for ${session.userId}`)),
    });
    const reply = await (await site.user()).get("/nowhere");
    expect([reply.status, reply.body, reply.headers["cache-control"]]).toEqual([404, "not for ada", "no-store"]);
  });
});

describe("around it", () => {
  test("H2, K2 behind proxies that Fastify trusts: own origin and address are the forwarded ones", async () => {
    const routes = (app: FastifyInstance): void =>
      void app.post("/ip", async ({ session }) => (await session.login({ userId: "ada" })).device.ip);
    const trusting = await startFastify({ server: { trustProxy: "127.0.0.1" }, routes });
    const careful = await startFastify({ routes });
    const forwarded = {
      "X-Forwarded-Host": "shop.example",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-For": "203.0.113.7",
      Origin: "https://shop.example",
      Cookie: `${COOKIE}=x`,
    };
    const ask = (origin: string, headers: Record<string, string>) => send(`${origin}/ip`, { method: "POST", headers });
    expect(await ask(trusting.origin, forwarded)).toMatchObject({ status: 200, body: "203.0.113.7" });
    expect((await ask(careful.origin, forwarded)).status).toBe(403);
    expect(await ask(careful.origin, { ...forwarded, Origin: careful.origin })).toMatchObject({ body: "127.0.0.1" });
  });

  test("HTTP/2: cookies, waiting and failures as over HTTP/1", async () => {
    const watched = new WatchedStore(memoryStore());
    const sessions = createSessions({ store: watched.store, secrets: [SECRET], log: () => undefined });
    const app = Fastify({ http2: true });
    onTestFinished(() => app.close());
    await app.register(sojourn(sessions));
    app.get("/unawaited", async (request) => {
      void request.session.increment("n");
      return request.session.userId;
    });
    app.get("/raw", (request, reply) => {
      void request.session.increment("n");
      reply.hijack();
      reply.raw.end("raw");
    });
    const client = connect(await app.listen({ port: 0, host: "127.0.0.1" }));
    onTestFinished(() => client.close());
    const cookie = `${COOKIE}=${(await sessions.create({ userId: "ada" })).token}`;
    const get = async (path: string) => {
      const stream = client.request({ ":path": path, cookie });
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      const chunks = await stream.toArray();
      return { headers, body: Buffer.concat(chunks as Buffer[]).toString() };
    };
    for (const [path, body] of [
      ["/unawaited", "ada"],
      ["/raw", "raw"],
    ] as const) {
      expect(await get(path)).toMatchObject({ headers: { ":status": 200, "cache-control": "no-store" }, body });
      watched.before.set("patch", async () => {
        watched.down = true;
        await Promise.resolve(watched.store.count()).finally(() => (watched.down = false));
      });
      expect(await get(path)).toMatchObject({ headers: { ":status": 503, "retry-after": "1" } });
      watched.before.clear();
    }
    expect((await sessions.list("ada"))[0]?.data).toEqual({ n: 2 });
  });

  test("inject: as over HTTP", async () => {
    const site = await startFastify();
    const login = await site.app.inject({ method: "POST", url: "/login" });
    const [cookie] = login.cookies;
    expect(cookie).toMatchObject({ name: COOKIE, httpOnly: true, secure: true, sameSite: "Lax", path: "/" });
    const look = await site.app.inject({ url: "/look", cookies: { [COOKIE]: cookie?.value ?? "" } });
    expect(look.json()).toMatchObject({ active: true, userId: "ada" });
  });

  test("L2 what it hangs on the request prints no token", async () => {
    const options = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true };
    const printed: string[] = [];
    const site = await startFastify({
      routes: (app) =>
        app.get("/it", (request, reply) => {
          const symbols = Object.getOwnPropertySymbols(request).filter(({ description }) =>
            description?.startsWith("sojourn"),
          );
          for (const symbol of symbols) {
            printed.push(inspect((request as unknown as Record<symbol, unknown>)[symbol], options));
          }
          printed.push(inspect(request.session, options), JSON.stringify(request.session));
          reply.send("ok");
        }),
    });
    const user = await site.user();
    await user.get("/it");
    expect(printed).toHaveLength(3);
    expect(new SecretPieces([user.cookies.get(COOKIE) ?? ""]).foundIn(printed.join("\n"))).toEqual([]);
  });
});

/** The Fastify plugin among other plugins, hooks and handlers. */

import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { requireFresh, requireUser, type RequestSession, sojourn } from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import { createSessions, memoryStore, type Sessions } from "../../src/index.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";
import { startFastify } from "../support/fastify-site.ts";

function sessionsOf(name = COOKIE): Sessions {
  return createSessions({
    store: memoryStore(),
    secrets: [SECRET],
    cookie: { name, secure: name.startsWith("__") },
    log: () => undefined,
  });
}

function bare(): FastifyInstance {
  const app = Fastify();
  onTestFinished(() => app.close());
  return app;
}

async function cookieOf(sessions: Sessions, name = COOKIE): Promise<{ cookie: string }> {
  return { cookie: `${name}=${(await sessions.create({ userId: "ada" })).token}` };
}

describe("what a request costs", () => {
  test("M2 without a cookie: nothing is read, and nothing of the response is touched until somebody looks", async () => {
    const touched: boolean[] = [];
    const site = await startFastify({
      routes: (app) =>
        app.get("/it", (request, reply) => {
          touched.push(Object.hasOwn(reply.raw, "writeHead"));
          if (request.headers["x-look"] !== undefined) void request.session.active;
          touched.push(Object.hasOwn(reply.raw, "writeHead"));
          reply.send("ok");
        }),
    });
    const plain = await site.browser().get("/it");
    expect([touched.splice(0), plain.headers["vary"]]).toEqual([[false, false], undefined]);
    const looked = await site.browser().get("/it", { "X-Look": "1" });
    expect([touched, looked.headers["vary"]]).toEqual([[false, true], "Cookie"]);
    expect(site.store.calls).toEqual([]);
  });

  test("with a session: one read, whatever is looked at", async () => {
    const site = await startFastify();
    const user = await site.user();
    await user.get("/look");
    expect(site.store.calls).toEqual(["read"]);
  });

  test('load: "lazy" reads when the handler asks', async () => {
    const site = await startFastify({
      sojourn: { load: "lazy" },
      routes: (app) => {
        app.get("/plain", () => "plain");
        app.get("/loaded", async (request) => (await request.session.load()).userId);
      },
    });
    const user = await site.user();
    expect((await user.get("/plain")).body).toBe("plain");
    expect(site.store.calls).toEqual([]);
    expect((await user.get("/loaded")).body).toBe("ada");
    expect(site.store.calls).toEqual(["read"]);
  });
});

describe("among plugins", () => {
  const whoami: FastifyPluginAsync = async (app) => {
    app.get("/who", async ({ session }) => session?.userId ?? "nobody");
  };

  test("it is not encapsulated: plugins beside and below have sessions; others can depend on it", async () => {
    const [app, sessions] = [bare(), sessionsOf()];
    await app.register(sojourn(sessions));
    const dependent = Object.assign(whoami.bind(null), { [Symbol.for("plugin-meta")]: { dependencies: ["sojourn"] } });
    await app.register(dependent, { prefix: "/below" });
    await app.register(whoami);
    const headers = await cookieOf(sessions);
    for (const url of ["/who", "/below/who"]) expect((await app.inject({ url, headers })).body).toBe("ada");
    expect(app.hasPlugin("sojourn")).toBe(true);
  });

  test("registered within a plugin it is for that plugin and what is below", async () => {
    const [app, sessions] = [bare(), sessionsOf()];
    await app.register(whoami);
    await app.register(
      async (area) => {
        await area.register(sojourn(sessions));
        await area.register(whoami);
      },
      { prefix: "/area" },
    );
    const headers = await cookieOf(sessions);
    const outside = await app.inject({ url: "/who", headers });
    expect([outside.body, outside.headers["cache-control"]]).toEqual(["nobody", undefined]);
    expect((await app.inject({ url: "/area/who", headers })).body).toBe("ada");
  });

  test("guards go by the sessions registered nearest; each kind has its cookie", async () => {
    const [app, customers, staff] = [bare(), sessionsOf("customer"), sessionsOf("staff")];
    await app.register(sojourn(customers));
    app.get("/shop", { preHandler: requireUser() }, async ({ session }) => session.userId);
    await app.register(async (area) => {
      await area.register(sojourn(staff, { property: "sojourn" }));
      area.get("/office", { preHandler: requireUser() }, async (request) => {
        const own = request.getDecorator<RequestSession>("sojourn");
        await Promise.all([request.session.login({ userId: "grace" }), own.rotate()]);
        return own.userId;
      });
    });
    const [asCustomer, asStaff] = [await cookieOf(customers, "customer"), await cookieOf(staff, "staff")];
    expect((await app.inject({ url: "/shop", headers: asCustomer })).body).toBe("ada");
    expect((await app.inject({ url: "/shop", headers: asStaff })).statusCode).toBe(401);
    expect((await app.inject({ url: "/office", headers: asCustomer })).statusCode).toBe(401);
    const both = await app.inject({ url: "/office", headers: asStaff });
    expect(both.body).toBe("ada");
    expect(both.cookies.map(({ name }) => name).toSorted()).toEqual(["customer", "staff"]);
  });

  test('where "session" is taken, the registration fails, and property: "sojourn" does not', async () => {
    const taken = bare().decorateRequest("session" as string, null);
    await expect(taken.register(sojourn(sessionsOf())).ready()).rejects.toMatchObject({
      code: "FST_ERR_DEC_ALREADY_PRESENT",
    });
    const [beside, sessions] = [bare().decorateRequest("session" as string, null), sessionsOf()];
    await beside.register(sojourn(sessions, { property: "sojourn" }));
    beside.get("/", async (request) => ({
      theirs: request.session as unknown,
      ours: request.getDecorator<RequestSession>("sojourn").userId,
    }));
    const answer = await beside.inject({ url: "/", headers: await cookieOf(sessions) });
    expect(answer.json()).toEqual({ theirs: null, ours: "ada" });
  });

  test("another major version of Fastify is refused at the start", async () => {
    const app = bare();
    Object.defineProperty(app, "version", { value: "6.0.0" });
    await expect(app.register(sojourn(sessionsOf()))).rejects.toMatchObject({
      code: "FST_ERR_PLUGIN_VERSION_MISMATCH",
    });
  });

  test("wrong arguments are refused before anything is registered", () => {
    expect(() => sojourn({} as Sessions)).toThrow(TypeError);
    expect(() => sojourn(sessionsOf(), { trustProxy: ["nowhere"] })).toThrow(/trustProxy/);
  });
});

describe("among hooks", () => {
  test("hooks added after it have the session, in every phase", async () => {
    const seen: string[] = [];
    const [app, sessions] = [bare(), sessionsOf()];
    await app.register(sojourn(sessions));
    app.addHook("onRequest", async ({ session }) => void seen.push(`onRequest ${session.userId}`));
    app.addHook("preParsing", async ({ session }) => void seen.push(`preParsing ${session.userId}`));
    app.addHook("preHandler", async ({ session }) => void seen.push(`preHandler ${session.userId}`));
    app.addHook("onSend", async ({ session }) => void seen.push(`onSend ${session.userId}`));
    app.addHook("onResponse", async ({ session }) => void seen.push(`onResponse ${session.userId}`));
    app.get("/", async () => "ok");
    await app.inject({ url: "/", headers: await cookieOf(sessions) });
    const phases = ["onRequest", "preParsing", "preHandler", "onSend", "onResponse"];
    expect(seen).toEqual(phases.map((phase) => `${phase} ada`));
  });

  test("registered without awaiting it stands where it was registered; a hook before it is told what is missing", async () => {
    const [after, before, sessions] = [bare(), bare(), sessionsOf()];
    after.register(sojourn(sessions));
    after.addHook("onRequest", async ({ session }) => void session.active);
    before.addHook("onRequest", async ({ session }) => void session.active);
    await before.register(sojourn(sessions));
    for (const app of [after, before]) app.get("/", async () => "ok");
    expect((await after.inject("/")).body).toBe("ok");
    expect((await before.inject("/")).json()).toMatchObject({ statusCode: 500, code: "middleware_missing" });
  });

  test("a hook that answers before it: no session, no harm", async () => {
    const app = bare();
    app.addHook("onRequest", (_request, reply) => void reply.code(418).send("teapot"));
    await app.register(sojourn(sessionsOf()));
    app.get("/", async () => "ok");
    expect(await app.inject("/")).toMatchObject({ statusCode: 418, body: "teapot" });
  });

  test("a guard without the plugin is an error of the site's", async () => {
    const app = bare();
    app.get("/", { preHandler: requireUser() }, async () => "ok");
    expect((await app.inject("/")).json()).toMatchObject({ statusCode: 500, code: "middleware_missing" });
  });

  test("a refused request runs no handler and no later hook, also where other hooks hold the answer back", async () => {
    const ran: string[] = [];
    const [app, sessions] = [bare(), sessionsOf()];
    await app.register(sojourn(sessions));
    app.addHook("onSend", () => sleep(20));
    const route = {
      preHandler: [requireUser(), requireFresh({ maxAge: "10m" }), async () => void ran.push("hook")],
      handler: async () => void ran.push("handler"),
    };
    app.route({ method: ["GET", "POST"], url: "/", ...route });
    expect((await app.inject("/")).statusCode).toBe(401);
    const headers = { ...(await cookieOf(sessions)), "sec-fetch-site": "cross-site" };
    expect((await app.inject({ method: "POST", url: "/", headers })).statusCode).toBe(403);
    expect(ran).toEqual([]);
  });

  test("guards stand in any phase: as onRequest before the body is read", async () => {
    const [app, sessions] = [bare(), sessionsOf()];
    await app.register(sojourn(sessions));
    app.addHook("onRequest", requireUser({ redirectTo: "/login" }));
    app.post("/", async ({ body }) => body);
    const wrong = { method: "POST", url: "/", payload: "{", headers: { "content-type": "application/json" } } as const;
    expect((await app.inject(wrong)).statusCode).toBe(401);
    const headers = {
      ...wrong.headers,
      ...(await cookieOf(sessions)),
      "sec-fetch-site": "same-origin",
    };
    expect((await app.inject({ ...wrong, headers })).statusCode).toBe(400);
  });

  test("handlerTimeout answers while the session is being read; what comes later is nobody's", async () => {
    const site = await startFastify({ server: { handlerTimeout: 30 }, routes: (app) => app.get("/it", () => "ok") });
    const user = await site.user();
    site.store.before.set("read", () => sleep(80));
    const reply = await user.get("/it");
    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([503, { code: "FST_ERR_HANDLER_TIMEOUT" }]);
    await sleep(80);
    site.store.before.clear();
    expect((await user.get("/it")).body).toBe("ok");
  });

  test("a client that hangs up while the session is being read harms nobody", async () => {
    const site = await startFastify({ routes: (app) => app.get("/it", () => "ok") });
    const user = await site.user();
    for (const down of [false, true]) {
      site.store.calls.length = 0;
      site.store.before.set("read", async () => {
        await sleep(30);
        site.store.down = down;
        if (down) await site.store.store.count();
      });
      const sent = httpRequest(`${site.origin}/it`, { headers: { Cookie: user.cookieHeader } }).end();
      sent.on("error", () => undefined);
      while (!site.store.calls.includes("read")) await sleep(1);
      sent.destroy();
      await sleep(50);
      site.store.down = false;
      site.store.before.clear();
      expect((await user.get("/it")).body).toBe("ok");
    }
  });
});

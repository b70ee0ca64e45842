/** Each option of express-session's is honoured, or refused with the reason and what there is in its place. */

import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { sojourn } from "../../../src/adapters/express.ts";
import { sojourn as fastifySojourn } from "../../../src/adapters/fastify.ts";
import { createSessions } from "../../../src/create-sessions.ts";
import { ConfigError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import { compatSite } from "../../support/compat-site.ts";
import { SECRET } from "../../support/express-site.ts";

const sessions = createSessions({ store: memoryStore(), secrets: [SECRET], background: false });
const refusal = (options: object): string => {
  try {
    sojourn(sessions, { compat: "express-session", ...options });
  } catch (error) {
    if (error instanceof ConfigError && error.code === "config_invalid") return error.message;
    throw error;
  }
  return "accepted";
};

test.each([
  ["secret", { secret: "keyboard cat" }, "createSessions({ secrets"],
  ["store", { store: new EventEmitter() }, "createSessions({ store })"],
  ["genid", { genid: () => "1" }, "field of the session"],
  ["key", { key: "sid" }, "name"],
  ["resave: true", { resave: true }, "resave: false"],
  ["unset", { unset: "forget" }, '"destroy" or "keep"'],
  ["name", { name: 1 }, "string"],
  ["a name that is no cookie's", { name: "a b" }, "RFC 9110 token"],
  ["cookie.httpOnly: false", { cookie: { httpOnly: false } }, "a route of their own"],
  ["cookie.path", { cookie: { path: "x" } }, "begin with"],
  ["cookie.sameSite", { cookie: { sameSite: "sometimes" } }, "sameSite"],
  ["cookie.priority", { cookie: { priority: "urgent" } }, "priority"],
  [
    "SameSite=None without the origin check",
    { cookie: { sameSite: "none", secure: true }, originCheck: false },
    "origins",
  ],
  ["cookie.expires that is no date", { cookie: { expires: new Date(Number.NaN) } }, "expires"],
  ["cookie.maxAge without an end", { cookie: { maxAge: Number.POSITIVE_INFINITY } }, "expires"],
  ["load", { load: "lazy" }, "read before"],
  ["property", { property: "sojourn" }, "req.session"],
])("%s is refused, and the message says what to write", (_option, options, hint) => {
  expect(refusal(options)).toContain(hint);
});

test.each([
  { resave: false },
  { saveUninitialized: true },
  { rolling: true },
  { proxy: undefined },
  { unset: "destroy" },
  { name: "__Host-sid", cookie: { secure: true } },
  { cookie: { secure: "auto", sameSite: "auto" } },
  { cookie: () => ({}) },
])("%o is accepted", (options) => {
  expect(refusal(options)).toBe("accepted");
});

test("@fastify/session's own are refused likewise", () => {
  const fastify = (options: object) => fastifySojourn(sessions, { compat: "@fastify/session", ...options });
  expect(() => fastify({ idGenerator: () => "1" })).toThrow(ConfigError);
  expect(() => fastify({ cookiePrefix: "s:" })).toThrow(ConfigError);
  expect(() => fastify({ secret: "a secret that is long enough for them" })).toThrow(/createSessions/);
  expect(() => fastify({ cookieName: "sid" })).not.toThrow();
});

describe("a cookie that a function answers", () => {
  test("is the session's from its beginning: a later request with other settings changes nothing of it", async () => {
    const site = await compatSite({
      options: { cookie: (req) => ({ maxAge: req.url === "/remember" ? 3_600_000 : null, sameSite: "lax" }) },
      routes: {
        "/remember": (req, res) => res.json((req.session.views = 1)),
        "/change": (req, res) => {
          req.session.views = (req.session.views ?? 0) + 1;
          res.json(req.session.cookie.originalMaxAge);
        },
      },
    });
    const ada = site.browser();
    await ada.get("/remember");
    const changed = await ada.get("/change");
    expect(JSON.parse(changed.body)).toBe(3_600_000);
    expect(changed.setCookies[0]).toContain("; Expires=");
    const eve = site.browser();
    expect(JSON.parse((await eve.get("/change")).body)).toBeNull();
  });

  test("goes to next(error) when it cannot be sent", async () => {
    const site = await compatSite({ options: { cookie: () => ({ maxAge: Number.NaN }) } });
    expect((await site.browser().get("/look")).body).toBe("error: config_invalid");
  });
});

describe("a cookie that a handler sets and that cannot be sent", () => {
  test.each([
    ["expires", new Date(Number.NaN)],
    ["maxAge", Number.NaN],
    ["sameSite", "sometimes"],
    ["path", "no path"],
    ["domain", "a;b"],
  ])("cookie.%s = %o goes to next(error), and nothing is stored", async (name, value) => {
    const site = await compatSite({
      routes: {
        "/wrong": (req, res) => {
          req.session.views = 1;
          Object.assign(req.session.cookie, { [name]: value });
          res.end("sent");
        },
      },
    });
    const reply = await site.browser().get("/wrong");
    expect([reply.status, reply.body, reply.setCookies]).toEqual([500, "error: config_invalid", []]);
    expect(await site.sessions.count()).toBe(0);
  });

  test("before it destroys the session: that ends, and the cookie goes", async () => {
    const site = await compatSite({
      routes: {
        "/put": (req, res) => res.json((req.session.views = 1)),
        "/wrong": async (req, res) => {
          req.session.cookie.path = "no path";
          await req.session.destroy();
          res.end("destroyed");
        },
      },
    });
    const user = site.browser();
    await user.get("/put");
    const reply = await user.get("/wrong");
    expect([reply.status, reply.body]).toEqual([200, "destroyed"]);
    expect([user.cookies.size, await site.sessions.count()]).toEqual([0, 0]);
  });

  test("while the response waits: it goes without the cookie, and the log says so", async () => {
    const site = await compatSite({
      routes: {
        "/wrong": (req, res) => {
          req.session.views = 1;
          const { cookie } = req.session;
          res.end("sent");
          Object.assign(cookie, { sameSite: "sometimes" });
        },
      },
    });
    const reply = await site.browser().get("/wrong");
    expect([reply.status, reply.body, reply.setCookies]).toEqual([200, "sent", []]);
    expect(site.log.join()).toContain("cookie.sameSite");
  });
});

describe("req.sessionStore", () => {
  test("knows sessions by the ids that requests show", async () => {
    const found: unknown[] = [];
    const site = await compatSite({
      routes: {
        "/put": (req, res) => {
          req.session.views = 1;
          res.json(req.sessionID);
        },
        "/others/:id": (req, res) => {
          const { id } = req.params as { id: string };
          req.sessionStore.get(id, (error, session) => {
            found.push(error, session);
            req.sessionStore.touch(id, session, (failed) => {
              found.push(failed);
              req.sessionStore.length((_error, length) => {
                found.push(length);
                req.sessionStore.destroy(id, () => {
                  req.sessionStore.get(id, (_gone, none) => res.json([...found, none]));
                });
              });
            });
          });
        },
      },
    });
    const user = site.browser();
    const id = JSON.parse((await user.get("/put")).body) as string;
    const reply = await site.browser().get(`/others/${id}`);
    expect(JSON.parse(reply.body)).toEqual([null, { views: 1 }, null, 1, null]);
    expect(JSON.parse((await user.get("/look")).body)).not.toHaveProperty("views");
  });
});

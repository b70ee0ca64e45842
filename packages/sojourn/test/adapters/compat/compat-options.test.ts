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

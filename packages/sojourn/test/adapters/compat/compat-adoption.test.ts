/** Compatibility mode beside `adopt`: who is logged in to the old application stays so in the new one, handlers unchanged. */

import express from "express";
import session, { MemoryStore } from "express-session";
import { expect, test } from "vitest";
import { sojourn } from "../../../src/adapters/express.ts";
import { expressSession } from "../../../src/adopt.ts";
import { createSessions } from "../../../src/create-sessions.ts";
import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import { compatSite, type LegacyHandler } from "../../support/compat-site.ts";
import { SECRET } from "../../support/express-site.ts";
import { Browser, serve } from "../../support/http.ts";

const OLD_SECRET = "keyboard cat";
const userId = (fields: Record<string, unknown>): string | undefined => fields["userId"] as string | undefined;

/** The old application, somebody logged in there, and what the new one adopts from. */
async function oldApplication() {
  const store = new MemoryStore();
  const app = express();
  app.use(session({ store, secret: OLD_SECRET, resave: false, saveUninitialized: false }));
  app.get("/login", (req, res) => void res.json(Object.assign(req.session, { userId: "ada", cart: ["book"] })));
  app.get("/me", (req, res) => void res.json(Object.keys(req.session)));
  const user = new Browser(await serve(app));
  await user.get("/login");
  return { user, from: expressSession({ store, secrets: [OLD_SECRET] }) };
}

test("adopt: an old session is shown as its fields, goes on under the new cookie, and the logout ends both", async () => {
  const { user: old, from } = await oldApplication();
  const buy: LegacyHandler = (req, res) => {
    (req.session["cart"] as string[]).push("pen");
    res.json(req.session);
  };
  const logout: LegacyHandler = async (req, res) => {
    await req.session.destroy();
    res.json("bye");
  };
  const map = (fields: Record<string, unknown>) => ({
    userId: String(fields["userId"]),
    data: { ...fields, cookie: undefined },
  });
  const site = await compatSite({
    sessions: { adopt: { from, map, retire: "keep" } },
    options: { userId, name: "sid" },
    routes: { "/buy": buy, "/logout": logout },
  });
  const user = new Browser(site.origin, old.cookies);
  expect(JSON.parse((await user.get("/buy")).body)).toMatchObject({ userId: "ada", cart: ["book", "pen"] });
  expect([...user.cookies.keys()].toSorted()).toEqual(["connect.sid", "sid"]);
  expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ userId: "ada", cart: ["book", "pen"] });
  expect(await site.sessions.list("ada")).toHaveLength(1);
  await user.get("/logout");
  expect(user.cookies.size).toBe(0);
  expect(await site.sessions.count()).toBe(0);
  expect((await old.get("/me")).body).toBe('["cookie"]');
  expect(JSON.parse((await new Browser(site.origin, old.cookies).get("/look")).body)).not.toHaveProperty("userId");
});

test("adopt: the new cookie cannot have the name of the old one", async () => {
  const { from } = await oldApplication();
  const sessions = createSessions({ store: memoryStore(), secrets: [SECRET], adopt: { from }, background: false });
  expect(() => sojourn(sessions, { compat: "express-session" })).toThrow(/name the new one otherwise/);
  expect(() => sojourn(sessions, { compat: "express-session", name: "sid" })).not.toThrow();
});

import express from "express";
import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import { ConfigError, HeadersSentError } from "../../src/errors.ts";
import { auth, type AuthUser } from "../../src/patterns/auth.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET, type Site, startSite, tokenIn } from "../support/express-site.ts";
import { WatchedStore } from "../support/watched-store.ts";

interface Credentials {
  readonly name: string;
  readonly password: string;
}

const ADA: AuthUser = {
  id: "u-ada",
  roles: ["admin", "buyer"],
  permissions: ["orders:read"],
  data: { language: "en" },
};
const GOOD: Credentials = { name: "ada", password: "correct" };
const BAD: Credentials = { name: "ada", password: "wrong" };

function verify({ name, password }: Credentials): AuthUser | null {
  if (password !== "correct") return null;
  return name === "ada" ? ADA : { id: name };
}

function open() {
  const watched = new WatchedStore(memoryStore());
  const sessions = createSessions({ store: watched.store, secrets: [SECRET], log: () => undefined });
  return { watched, sessions, ...auth(sessions, { verify }) };
}

describe("login without a framework", () => {
  test("good credentials: user, session and token; roles, permissions and the user's fields are stored", async () => {
    const { sessions, login } = open();
    const result = await login(GOOD);
    expect(result?.user).toBe(ADA);
    const validated = await sessions.validate(result?.token);
    expect(validated).toMatchObject({
      valid: true,
      session: { id: result?.session.id, userId: "u-ada", loginMethod: "password", amr: ["pwd"] },
    });
    expect(result?.session.data).toEqual({
      authenticated: true,
      roles: ["admin", "buyer"],
      permissions: ["orders:read"],
      language: "en",
    });
  });

  test("a user without roles has none", async () => {
    const { login } = open();
    const result = await login({ name: "grace", password: "correct" });
    expect(result?.session.data).toEqual({ authenticated: true, roles: [], permissions: [] });
  });

  test("bad credentials: null, and the store is not even asked", async () => {
    const { watched, sessions, login } = open();
    const { token } = await sessions.create({ data: { cart: [1] } });
    watched.calls.length = 0;
    expect(await login(BAD, { token, keep: ["cart"] })).toBeNull();
    expect(watched.calls).toEqual([]);
    expect(await sessions.validate(token)).toMatchObject({
      valid: true,
      session: { userId: null, data: { cart: [1] } },
    });
  });

  test("E1: the token from before ends, what is in keep comes along", async () => {
    const { sessions, login } = open();
    const { token } = await sessions.create({ data: { cart: [1], other: 2 } });
    const result = await login(GOOD, { token, keep: ["cart"] });
    expect(result?.token).not.toBe(token);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    expect(result?.session.data).toEqual({
      cart: [1],
      authenticated: true,
      roles: ["admin", "buyer"],
      permissions: ["orders:read"],
      language: "en",
    });
  });

  test("roles that a visitor wrote into an anonymous session lose against those of verify, even when kept", async () => {
    const { sessions, login } = open();
    const { token } = await sessions.create({ data: { roles: ["admin"], permissions: ["*"], authenticated: "yes" } });
    const result = await login(
      { name: "grace", password: "correct" },
      { token, keep: ["roles", "permissions", "authenticated"] },
    );
    expect(result?.session.data).toEqual({ authenticated: true, roles: [], permissions: [] });
  });

  test("the user's own fields cannot claim roles either", async () => {
    const sessions = createSessions({ store: memoryStore(), secrets: [SECRET] });
    const { login } = auth(sessions, {
      verify: () => ({ id: "grace", data: { roles: ["admin"], authenticated: false } }),
    });
    expect((await login(null))?.session.data).toEqual({ authenticated: true, roles: [], permissions: [] });
  });

  test("policy, device, level and method are passed on", async () => {
    const { login } = open();
    const result = await login(GOOD, {
      policy: "sensitive",
      device: { ip: "203.0.113.9" },
      aal: 2,
      amr: ["pwd", "otp"],
      loginMethod: "password+otp",
    });
    expect(result?.session).toMatchObject({
      policy: "sensitive",
      device: { ip: "203.0.113.9" },
      aal: 2,
      amr: ["pwd", "otp"],
      loginMethod: "password+otp",
    });
    await expect(login(GOOD, { policy: "no such" })).rejects.toThrow(ConfigError);
  });

  test("loginMethod and amr of the pattern", async () => {
    const sessions = createSessions({ store: memoryStore(), secrets: [SECRET] });
    const { login } = auth(sessions, { verify: async () => ({ id: "ada" }), loginMethod: "passkey", amr: ["hwk"] });
    expect((await login(null))?.session).toMatchObject({ loginMethod: "passkey", amr: ["hwk"] });
  });

  test("what verify throws is passed on, and nothing changes", async () => {
    const sessions = createSessions({ store: memoryStore(), secrets: [SECRET] });
    const { login } = auth(sessions, { verify: () => Promise.reject(new RangeError("directory is down")) });
    await expect(login(GOOD)).rejects.toThrow("directory is down");
    expect(await sessions.count()).toBe(0);
  });
});

describe("logout", () => {
  test("of a token: true, then the token is no good; nobody's token: false", async () => {
    const { sessions, login, logout } = open();
    const result = await login(GOOD);
    expect(await logout(result?.token)).toBe(true);
    expect(await sessions.validate(result?.token)).toMatchObject({ valid: false, reason: "revoked" });
    for (const nothing of [null, undefined, "", "forged"]) expect(await logout(nothing)).toBe(false);
    expect(await sessions.count()).toBe(0);
  });
});

describe("via req.session", () => {
  function site(): Promise<Site> {
    return startSite({
      routes: (app, sessions) => {
        const { login, logout } = auth(sessions, { verify });
        app.post("/sign-in", express.json(), async (req, res) => {
          const result = await login(req.body as Credentials, { via: req.session, keep: ["cart"] });
          if (result === null) res.status(401).json({ error: "Wrong name or password." });
          else res.json({ id: result.session.id, user: result.user.id, hasToken: "token" in result });
        });
        app.post("/sign-out", async (req, res) => void res.json(await logout(req.session)));
        app.post("/late", async (req, res) => {
          res.write("x");
          const error: unknown = await login(GOOD, { via: req.session }).catch((thrown: unknown) => thrown);
          res.end(error instanceof HeadersSentError ? "refused" : "?");
        });
      },
    });
  }

  test("the cookie is set, the answer holds no token, the device is known, the cart is kept", async () => {
    const { browser, sessions } = await site();
    const visitor = browser();
    await visitor.post("/set", { cart: [1], other: 2 });
    const reply = await visitor.post("/sign-in", GOOD);
    expect(JSON.parse(reply.body)).toEqual({
      id: tokenIn(reply.setCookies[0]).slice(1, 25),
      user: "u-ada",
      hasToken: false,
    });
    const seen = JSON.parse((await visitor.get("/look")).body) as unknown;
    expect(seen).toMatchObject({
      userId: "u-ada",
      data: { cart: [1], authenticated: true, roles: ["admin", "buyer"] },
    });
    expect(seen).not.toHaveProperty("data.other");
    expect((await sessions.list("u-ada"))[0]).toMatchObject({ loginMethod: "password", device: { ip: "127.0.0.1" } });
  });

  test("bad credentials: no cookie, and the anonymous session is as it was", async () => {
    const { browser, sessions } = await site();
    const visitor = browser();
    await visitor.post("/set", { cart: [1] });
    const before = visitor.cookies.get(COOKIE);
    const reply = await visitor.post("/sign-in", BAD);
    expect([reply.status, reply.setCookies]).toEqual([401, []]);
    expect(visitor.cookies.get(COOKIE)).toBe(before);
    expect(JSON.parse((await visitor.get("/look")).body)).toEqual({ active: true, userId: null, data: { cart: [1] } });
    expect(await sessions.count()).toBe(1);
  });

  test("a failed login of somebody who is logged in leaves them logged in", async () => {
    const { browser } = await site();
    const visitor = browser();
    await visitor.post("/sign-in", GOOD);
    expect((await visitor.post("/sign-in", BAD)).status).toBe(401);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ userId: "u-ada" });
  });

  test("logout, twice", async () => {
    const { browser, sessions } = await site();
    const visitor = browser();
    await visitor.post("/sign-in", GOOD);
    const thief = visitor.copy();
    expect((await visitor.post("/sign-out")).body).toBe("true");
    expect(visitor.cookies.size).toBe(0);
    expect((await thief.post("/sign-out")).body).toBe("false");
    expect(await sessions.count()).toBe(0);
  });

  test("after the headers: refused, and nothing begun", async () => {
    const { browser, sessions } = await site();
    expect((await browser().post("/late")).body).toBe("xrefused");
    expect(await sessions.count()).toBe(0);
  });
});

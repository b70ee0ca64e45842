/**
 * Every system of the brief, under the brief's own names.
 * The README's feature table is made from this file (`tools/gen-feature-table.mjs`), so it is one file, and titles
 * read `nameInTheBrief: what holds`.
 */

import { hash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { requireUser, sojourn } from "../src/adapters/express.ts";
import { SojournStore } from "../src/adapters/express-session.ts";
import { sojourn as fastifySessions } from "../src/adapters/fastify.ts";
import "../src/adapters/fastify-augment.ts";
import { sojourn as fetchSessions } from "../src/adapters/fetch.ts";
import "../src/adapters/express-augment.ts";
import {
  ConfigError,
  DataTooLargeError,
  EncryptionKeyMissingError,
  InvalidDataError,
  InvalidValueError,
  NewerDataError,
  type Session,
  SessionEndedError,
  type Sessions,
  WrongKindError,
} from "../src/index.ts";
import { type Auth, type AuthUser, auth } from "../src/patterns/auth.ts";
import { cart } from "../src/patterns/cart.ts";
import { SessionRecord } from "../src/data/session-record.ts";
import { openTelemetry } from "../src/metrics/opentelemetry.ts";
import { prometheus } from "../src/metrics/prometheus.ts";
import { Keys } from "../src/stores/redis/keys.ts";
import { onDurableEngines, onEveryEngine, onRedis, type Place } from "./brief/engines.ts";
import { FRAMEWORKS } from "./brief/framework-servers.ts";
import { onFailingRedis, toldOf } from "./brief/failing-network.ts";
import { benchResult } from "./brief/bench-result.ts";
import { onRestartingRedis } from "./brief/restarts.ts";
import { onTopologies } from "./brief/topologies.ts";
import { expressSite } from "./support/express-session-site.ts";
import { writeEveryKindOfKey } from "./support/key-table.ts";
import { valuesIn } from "./support/exposition.ts";
import { startTelemetry, valuesOf } from "./support/telemetry.ts";
import { isCutOffFetch, isOfTheProcess, Monitor } from "./support/monitor.ts";
import { heardIn } from "./support/at-rest.ts";
import { SecretPieces } from "./support/secret-pieces.ts";
import { FIELD_KEY, NEXT_FIELD_KEY } from "./support/secrets.ts";
import { closing, SocketSite } from "./support/socket-site.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Real time that may pass between two steps of a test, and what a sample of the server's clock may be off. */
const SLACK = 10 * SECOND;
/** An id of the right form that no store knows. */
const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAAAAAA";
const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

describe("What is Session Storage?", () => {
  onEveryEngine(
    "user state across requests: the cookie carries a token only, the state stays on the server",
    async ({ server }) => {
      const sessions = server({ development: true, log: () => undefined });
      await overHttp(sessions, async (request) => {
        const login = await request("POST", "/login");
        expect(login.cookies).toHaveLength(1);
        const [cookie = ""] = login.cookies;
        expect(cookie).toMatch(/^sid-[\w.-]+=[A-Za-z0-9_-]{93}$/);
        expect(await request("GET", "/", cookie)).toMatchObject({ body: { userId: "123", theme: "dark" } });
        expect(await request("GET", "/")).toMatchObject({ body: { userId: null }, cookies: [] });
        await request("POST", "/logout", cookie);
        expect(await request("GET", "/", cookie)).toMatchObject({ body: { userId: null } });
      });
    },
  );

  onEveryEngine(
    "user state across requests: Request and Response, with sojourn/fetch",
    async ({ sessions, server, clock }) => {
      const [one, two] = [fetchServer(sessions), fetchServer(server())];
      expect(await one("GET", "/")).toEqual({ status: 200, body: { userId: null }, cookie: null });
      const login = await one("POST", "/login");
      expect(login.cookie).toMatch(/^__Host-Http-sid=[A-Za-z0-9_-]{93}; Path=\/; HttpOnly; Secure; SameSite=Lax$/i);
      const [cookie] = login.cookie?.split(";") ?? [];
      expect(await two("POST", "/theme", cookie)).toMatchObject({ status: 200, cookie: null });
      expect(await one("GET", "/", cookie)).toMatchObject({ body: { userId: "123", theme: "dark" }, cookie: null });
      await clock.advance(25 * HOUR);
      expect(await one("GET", "/", cookie)).toMatchObject({
        body: { userId: null },
        cookie: expect.stringMatching(/Max-Age=0/),
      });
      const [second] = (await one("POST", "/login")).cookie?.split(";") ?? [];
      expect(await one("POST", "/logout", second)).toMatchObject({ cookie: expect.stringMatching(/Max-Age=0/) });
      expect(await two("GET", "/", second)).toMatchObject({ body: { userId: null } });
    },
  );

  onEveryEngine(
    "user state across requests: WebSocket and SSE end with their session",
    async ({ sessions: other, server }) => {
      const sessions = server({ cookie: { name: "sid", secure: false } });
      const { token, session } = await other.create({ userId: "ada" });
      const site = await SocketSite.start(sessions, {}, "sid");
      const socket = await site.open(token);
      const closed = closing(socket);
      await eventsOf(sessions, token, async (text) => {
        await other.revoke(session.id, { reason: "stolen" });
        expect(await closed).toEqual({ code: 4401, reason: "session ended: stolen" });
        expect(await text).toBe("event: ended\ndata: stolen\n\n");
      });
      await site.stop();
    },
  );
  onEveryEngine("user state across requests: Fastify, on two servers", async ({ sessions, server }) => {
    const [one, two] = [fastifyServer(sessions), fastifyServer(server())];
    expect(await one("GET", "/")).toMatchObject({ status: 200, body: { userId: null }, cookie: null });
    const login = await one("POST", "/login");
    expect(login.cookie).toMatch(/^__Host-Http-sid=[A-Za-z0-9_-]{93}; Path=\/; HttpOnly; Secure; SameSite=Lax$/i);
    const [cookie] = login.cookie?.split(";") ?? [];
    expect(await two("POST", "/theme", cookie)).toMatchObject({ status: 200, cookie: null });
    expect(await one("GET", "/", cookie)).toMatchObject({ body: { userId: "123", theme: "dark" }, cookie: null });
    expect(await one("POST", "/logout", cookie)).toMatchObject({ cookie: expect.stringMatching(/Max-Age=0/) });
    expect(await two("GET", "/", cookie)).toMatchObject({ body: { userId: null } });
  });
  onEveryEngine("user state across requests: Koa, Hono, node:http, on two servers", async ({ sessions, server }) => {
    for (const start of FRAMEWORKS) {
      const [one, two] = [await start(sessions), await start(server())];
      expect(await one("GET", "/")).toMatchObject({ status: 200, body: '{"userId":null}', setCookies: [] });
      const [login = ""] = (await one("POST", "/login")).setCookies;
      expect(login).toMatch(/^__Host-Http-sid=[A-Za-z0-9_-]{93}; Path=\/; HttpOnly; Secure; SameSite=Lax$/i);
      const [cookie] = login.split(";");
      expect(await two("POST", "/theme", cookie)).toMatchObject({ status: 200, setCookies: [] });
      expect(await one("GET", "/", cookie)).toMatchObject({ body: '{"userId":"123","theme":"dark"}', setCookies: [] });
      expect((await one("POST", "/logout", cookie)).setCookies).toEqual([expect.stringMatching(/Max-Age=0/)]);
      expect(await two("GET", "/", cookie)).toMatchObject({ body: '{"userId":null}' });
    }
  });
  onEveryEngine(
    "user state across requests: express-session's API, with `SojournStore` for its store",
    async ({ sessions, server }) => {
      const one = await expressSite(new SojournStore({ sessions }));
      const two = await expressSite(new SojournStore({ sessions: server() }));
      const browser = one.browser();
      await browser.post("/login/123");
      await browser.post("/set/theme/dark");
      const there = two.browser(browser);
      expect(JSON.parse((await there.get("/look")).body)).toMatchObject({ user: "123", theme: "dark" });
      await there.post("/logout");
      expect(JSON.parse((await browser.get("/look")).body)).not.toHaveProperty("user");
    },
  );
});

describe("Simple Session Storage", () => {
  const policies = { hour: { idle: "1h", absolute: "1h" } } as const;
  const data = { username: "alice", loginTime: "2026-01-31T10:00:00.000Z", isLoggedIn: true };

  onEveryEngine("setEx: a session is kept for its TTL of one hour and not longer", async ({ server, clock }) => {
    const sessions = server({ policies });
    const { token, session } = await sessions.create({ userId: "123", policy: "hour", data });
    expect(session.expiresAt - session.createdAt).toBe(HOUR);
    await clock.advance(HOUR - SLACK);
    expect(await sessions.validate(token, { touch: false })).toMatchObject({ valid: true });
    await clock.advance(2 * SLACK);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "expired" });
    expect(await sessions.get(session.id)).toBeNull();
  });

  onEveryEngine("get: what was stored comes back, from another server too", async ({ server }) => {
    const [sessions, other] = [server({ policies }), server()];
    const { session } = await sessions.create({ userId: "123", policy: "hour", data });
    expect((await other.get(session.id))?.data).toEqual(data);
    expect(await other.get(UNKNOWN_ID)).toBeNull();
  });

  onRedis("setEx: the key in Redis has a TTL of its own", async ({ server, keys, command }) => {
    await server({ policies }).create({ userId: "123", policy: "hour", data });
    const key = (await keys()).find((name) => name.includes(":s:")) ?? "";
    const left = Number(await command("PTTL", key));
    // The record stays an hour longer than the session, for reaping to see it.
    expect(left).toBeGreaterThan(2 * HOUR - SLACK);
    expect(left).toBeLessThan(2 * HOUR + SLACK);
  });
});

describe("SessionManager", () => {
  onEveryEngine("createSession: token, id, userId, createdAt, lastActivity and data", async ({ sessions, clock }) => {
    const before = clock.now();
    const { token, session } = await sessions.create({ userId: "123", data: { theme: "dark" } });
    expect(token).toHaveLength(93);
    expect(session).toMatchObject({ userId: "123", policy: "normal", data: { theme: "dark" }, revision: 0 });
    expect(Math.abs(session.createdAt - before)).toBeLessThan(SLACK);
    expect(session.lastSeenAt).toBe(session.createdAt);
  });

  onEveryEngine("createSession: without user data the data is empty", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "123" });
    expect(session.data).toEqual({});
    expect((await sessions.get(session.id))?.data).toEqual({});
  });

  onEveryEngine("createSession: without a user it is anonymous, with a lifetime of its own", async ({ sessions }) => {
    const { token, session } = await sessions.create({ data: { seen: 1 } });
    expect(session).toMatchObject({ userId: null, policy: "anonymous", aal: 0 });
    // Until its token comes back it is kept for ten minutes: most of a flood never does.
    expect(session.expiresAt - session.createdAt).toBe(10 * MINUTE);
    const returned = await sessions.validate(token, { touch: true });
    expect(returned).toMatchObject({ valid: true, session: { idleMs: HOUR } });
    expect((await sessions.get(session.id))?.expiresAt).toBeGreaterThan(session.createdAt + HOUR - SLACK);
  });

  onEveryEngine("getSession: the session, or null", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "123", data: { theme: "dark" } });
    const found = await sessions.get(session.id);
    expect(found).toMatchObject({ id: session.id, userId: "123", data: { theme: "dark" } });
    expect(found?.createdAt).toBe(session.createdAt);
    expect(await sessions.get(UNKNOWN_ID)).toBeNull();
    expect(await sessions.get("no id at all")).toBeNull();
  });

  onEveryEngine("generateSessionId: no two sessions share id or token, of one user neither", async ({ sessions }) => {
    const made = await Promise.all(times(50, () => sessions.create({ userId: "123" })));
    expect(new Set(made.map(({ session }) => session.id)).size).toBe(50);
    expect(new Set(made.map(({ token }) => token)).size).toBe(50);
    expect(await sessions.list("123")).toHaveLength(50);
  });
});

describe("AdvancedSessionManager", () => {
  onEveryEngine("createUserSession: user agent, address, login method and expiresAt are kept", async ({ sessions }) => {
    const device = { userAgent: CHROME, ip: "203.0.113.7" };
    const { session } = await sessions.create({ userId: "ada", device, loginMethod: "password", amr: ["pwd"] });
    const stored = await sessions.get(session.id);
    expect(stored).toMatchObject({ device, loginMethod: "password", amr: ["pwd"], aal: 1 });
    expect(stored?.expiresAt).toBe(session.createdAt + DAY);
    expect(stored?.absoluteExpiresAt).toBe(session.createdAt + 7 * DAY);
  });

  onEveryEngine(
    "createUserSession: the user's sessions are listed, last seen first, nobody else's",
    async ({ sessions, clock }) => {
      const first = await sessions.create({ userId: "ada" });
      await clock.advance(MINUTE);
      const second = await sessions.create({ userId: "ada" });
      await sessions.create({ userId: "grace" });
      await clock.advance(MINUTE);
      expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([second.session.id, first.session.id]);
      await first.session.touch();
      expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([first.session.id, second.session.id]);
      expect(await sessions.list("nobody")).toEqual([]);
    },
  );

  onEveryEngine("validateSession: a good token answers its session", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
    const result = await sessions.validate(token);
    expect(result).toMatchObject({ valid: true, session: { id: session.id, userId: "ada", data: { theme: "dark" } } });
    expect(result).not.toHaveProperty("token");
  });

  onEveryEngine("validateSession: session_not_found for what nobody remembers", async ({ sessions, clock }) => {
    const { token } = await sessions.create({ userId: "ada" });
    await clock.advance(30 * DAY);
    expect(await sessions.validate(token)).toEqual({ valid: false, reason: "not_found", clearCookie: true });
  });

  onEveryEngine("validateSession: session_expired, and no read brings it back", async ({ sessions, clock }) => {
    const { token, session } = await sessions.create({ userId: "ada", policy: "temporary" });
    await clock.advance(5 * MINUTE + SLACK);
    const ended = { reason: "expired", at: session.expiresAt };
    const expired = { valid: false, reason: "expired", clearCookie: true, ended };
    expect(await sessions.validate(token)).toEqual(expired);
    expect(await sessions.validate(token, { touch: true })).toEqual(expired);
    await expect(session.touch()).rejects.toThrow(SessionEndedError);
    expect(await sessions.get(session.id)).toBeNull();
  });

  onEveryEngine("validateSession: a revoked session says why and since when", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    await sessions.revoke(session.id, { reason: "stolen", actor: "operator" });
    const result = await sessions.validate(token);
    expect(result).toMatchObject({ valid: false, reason: "revoked", clearCookie: true, ended: { reason: "stolen" } });
    const endedAt = result.valid ? Number.NaN : (result.ended?.at ?? Number.NaN);
    expect(Math.abs(endedAt - session.createdAt)).toBeLessThan(SLACK);
  });

  onEveryEngine(
    "validateSession: anything that is no token is malformed, and no store is asked",
    async ({ sessions, storeCalls }) => {
      const { session } = await sessions.create({ userId: "ada" });
      for (const wrong of [
        "",
        "sess_123456",
        session.id,
        undefined,
        null,
        42,
        {},
        "A".repeat(93),
        "x".repeat(100_000),
      ]) {
        const calls = await storeCalls(async () => {
          const answer = { valid: false, reason: "malformed", clearCookie: false };
          expect(await sessions.validate(wrong)).toEqual(answer);
        });
        expect(calls).toEqual({});
      }
    },
  );

  onEveryEngine("validateSession: updates the last activity and moves the expiry", async ({ sessions, clock }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    await clock.advance(HOUR);
    const result = await sessions.validate(token, { touch: true });
    if (!result.valid) throw new Error(result.reason);
    expect(result.session.lastSeenAt).toBeGreaterThan(session.createdAt + HOUR - SLACK);
    const stored = await sessions.get(session.id);
    expect(stored?.lastSeenAt).toBe(result.session.lastSeenAt);
    expect(stored?.expiresAt).toBe(result.session.lastSeenAt + DAY);
    expect(stored?.createdAt).toBe(session.createdAt);
  });

  onEveryEngine(
    "validateSession: activity is stored when it is due, not at every request",
    async ({ sessions, clock, storeCalls }) => {
      const { token, session } = await sessions.create({ userId: "ada" });
      const validate = (): Promise<unknown> => sessions.validate(token);
      await clock.advance(9 * MINUTE);
      expect(await storeCalls(validate)).toEqual({ read: 1 });
      await clock.advance(2 * MINUTE);
      expect(await storeCalls(validate)).toEqual({ read: 1, touch: 1 });
      await expect
        .poll(async () => (await sessions.get(session.id))?.lastSeenAt, { timeout: SLACK })
        .toBeGreaterThan(session.createdAt + 11 * MINUTE - SLACK);
      expect(await storeCalls(validate)).toEqual({ read: 1 });
    },
  );

  onEveryEngine("destroySession: ended is ended, everywhere and for every way to ask", async ({ sessions, server }) => {
    const other = server();
    const { token, session } = await sessions.create({ userId: "ada" });
    expect(await other.revoke(session.id)).toBe(true);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    expect(await sessions.get(session.id)).toBeNull();
    expect(await sessions.list("ada")).toEqual([]);
    expect(await sessions.count()).toBe(0);
    expect(await sessions.revoke(session.id)).toBe(true);
    expect(await sessions.revoke(UNKNOWN_ID)).toBe(false);
  });

  onEveryEngine(
    "rotation: a new token, the same session; a copied token is found out",
    async ({ sessions, clock, logged, storeCalls }) => {
      const { token: old, session } = await sessions.create({ userId: "ada", data: { a: 1 } });
      const rotated = await sessions.rotate(old);
      expect(rotated?.session).toMatchObject({ id: session.id, data: { a: 1 } });
      expect(await sessions.validate(old)).toMatchObject({ valid: true, token: rotated?.token });
      await sessions.validate(rotated?.token);
      // The confirmation is stored behind the answer, and the grace begins with it: then a read is all there is to do.
      await expect
        .poll(() => storeCalls(() => sessions.validate(rotated?.token)), { timeout: SLACK })
        .toEqual({ read: 1 });
      await clock.advance(MINUTE);
      expect(await sessions.validate(old)).toMatchObject({ valid: false, reason: "reused" });
      expect(await sessions.validate(rotated?.token)).toMatchObject({ valid: false, reason: "reused" });
      expect(logged()).toEqual([expect.stringContaining(`session ${session.id}: a token from before its renewal`)]);
    },
  );

  onEveryEngine(
    "limits: at most n sessions of a user, inside create; the one seen least recently goes",
    async (place) => {
      const limit = { perUser: 3 };
      const [one, two] = [place.server({ limit }), place.server({ limit })];
      const [phone, laptop] = [await one.create({ userId: "ada" }), await two.create({ userId: "ada" })];
      await place.clock.advance(MINUTE);
      await two.validate(phone.token, { touch: true });
      await one.create({ userId: "ada" });
      await two.create({ userId: "ada" });
      expect(await one.validate(laptop.token)).toMatchObject({ reason: "revoked", ended: { reason: "evicted" } });
      expect(await one.validate(phone.token)).toMatchObject({ valid: true });
      const logins = times(20, (i) => (i % 2 === 0 ? one : two).create({ userId: "ada" }));
      const sampled = await Promise.all(logins.map(async (login) => (await login, (await two.list("ada")).length)));
      expect(Math.max(...sampled)).toBeLessThanOrEqual(3);
      expect(await place.sessions.list("ada")).toHaveLength(3);
      const strict = place.server({ limit: { perUser: 3, onExceed: "reject" } });
      await expect(strict.create({ userId: "ada" })).rejects.toMatchObject({ code: "session_limit", status: 409 });
    },
  );

  onEveryEngine(
    "validateSession: an expired session is ended at once, and says so for as long as asked",
    async ({ server, clock }) => {
      const sessions = server({}, { endedKept: "30d" });
      const { token, session } = await sessions.create({ userId: "ada", policy: "temporary" });
      const left = await sessions.create({ userId: "ada" });
      await clock.advance(5 * MINUTE + SLACK);
      const answers = await Promise.all(times(10, () => sessions.validate(token)));
      await expect.poll(async () => (await sessions.stats()).endedByReason, { timeout: SLACK }).toEqual({ expired: 1 });
      await sessions.logout(left.token);
      await clock.advance(29 * DAY);
      const ended = { reason: "expired", at: session.expiresAt };
      const expired = { valid: false, reason: "expired", clearCookie: true, ended };
      for (const answer of [...answers, await sessions.validate(token)]) expect(answer).toEqual(expired);
      expect(await sessions.validate(left.token)).toMatchObject({ reason: "revoked", ended: { reason: "logout" } });
      await clock.advance(DAY);
      expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "not_found" });
    },
  );
});

describe("SessionDataManager", () => {
  onEveryEngine("updateSessionData: one key is stored, the others stay", async ({ sessions, server }) => {
    const { session } = await sessions.create({ userId: "ada", data: { theme: "dark", step: 1 } });
    expect(await server().data(session.id).set("step", 2)).toBe(true);
    expect((await sessions.get(session.id))?.data).toEqual({ theme: "dark", step: 2 });
  });

  onEveryEngine("updateSessionData: false when there is no such session", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada" });
    await sessions.revoke(session.id);
    expect(await sessions.data(session.id).set("theme", "dark")).toBe(false);
    expect(await sessions.data(UNKNOWN_ID).set("theme", "dark")).toBe(false);
    expect(await sessions.data("no id").set("theme", "dark")).toBe(false);
    await expect(session.set("theme", "dark")).rejects.toThrow(SessionEndedError);
  });

  onEveryEngine("updateSessionData: increment and update answer what is stored", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada", data: { name: "Ada" } });
    expect(await session.increment("visits")).toBe(1);
    expect(await sessions.data(session.id).increment("visits", 4)).toBe(5);
    await expect(session.increment("name")).rejects.toThrow(WrongKindError);
    expect(await session.update((draft) => void (draft["name"] = "Grace"))).toEqual({ name: "Grace", visits: 5 });
    expect((await sessions.get(session.id))?.data).toEqual({ name: "Grace", visits: 5 });
  });

  onEveryEngine("updateSessionData: a write moves no deadline", async ({ sessions, clock }) => {
    const { session } = await sessions.create({ userId: "ada" });
    await clock.advance(HOUR);
    await sessions.data(session.id).set("theme", "dark");
    const stored = await sessions.get(session.id);
    expect(stored).toMatchObject({ expiresAt: session.expiresAt, revision: 1, data: { theme: "dark" } });
  });

  onEveryEngine("getSessionData: the value, or undefined", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada", data: { theme: "dark", nothing: null } });
    expect(await sessions.data(session.id).get("theme")).toBe("dark");
    expect(await session.get("theme")).toBe("dark");
    expect(await sessions.data(session.id).get("nothing")).toBeNull();
    expect(await sessions.data(session.id).get("toString")).toBeUndefined();
    expect(await sessions.data(UNKNOWN_ID).get("theme")).toBeUndefined();
  });

  onEveryEngine("removeSessionData: the key is gone; false when there is no such session", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada", data: { theme: "dark", step: 1 } });
    expect(await sessions.data(session.id).delete("theme")).toBe(true);
    expect(await sessions.data(session.id).delete("never there")).toBe(true);
    expect((await sessions.get(session.id))?.data).toEqual({ step: 1 });
    await sessions.revoke(session.id);
    expect(await sessions.data(session.id).delete("step")).toBe(false);
  });

  onEveryEngine("updateSessionData: checked by a schema", async ({ server }) => {
    const schema = { cart: z.array(z.object({ id: z.string(), quantity: z.int().min(1) })), email: z.string().trim() };
    const sessions = server({ schema });
    const { session } = await sessions.create({ userId: "ada", data: { email: "ada@example.com " } });
    expect(await sessions.data(session.id).set("cart", [{ id: "mug", quantity: 2 }])).toBe(true);
    const wrong = sessions.data(session.id).set("cart", [{ id: "mug", quantity: 0 }]);
    await expect(wrong).rejects.toMatchObject({ name: InvalidDataError.name, issues: [{ path: "cart[0].quantity" }] });
    await expect(session.set("colour", "red")).rejects.toThrow(InvalidDataError);
    expect((await server().get(session.id))?.data).toEqual({
      email: "ada@example.com",
      cart: [{ id: "mug", quantity: 2 }],
    });
  });

  onEveryEngine("updateSessionData: upgraded across deploys, old and new side by side", async ({ server }) => {
    const before = server({ version: 1, schema: { cart: z.array(z.string()), theme: z.string() } });
    const after = server({
      version: 2,
      schema: { cart: z.array(z.object({ id: z.string() })), theme: z.string() },
      upgrade: (old) => ({ ...old, cart: (old["cart"] as string[]).map((id) => ({ id })) }),
    });
    const { token, session } = await before.create({ userId: "ada", data: { cart: ["mug"], theme: "dark" } });
    expect(await after.validate(token)).toMatchObject({ valid: true, session: { data: { cart: [{ id: "mug" }] } } });
    expect(await before.data(session.id).get("cart")).toEqual(["mug"]);
    await after.data(session.id).set("theme", "light");
    const old = await before.validate(token);
    if (!old.valid) throw new Error(old.reason);
    expect(old.session.data["theme"]).toBe("light");
    expect(() => old.session.data["cart"]).toThrow(NewerDataError);
    await expect(old.session.set("cart", ["pen"])).rejects.toThrow(NewerDataError);
    expect((await after.get(session.id))?.data).toEqual({ cart: [{ id: "mug" }], theme: "light" });
  });
  onFailingRedis("updateSessionData: one that is sent twice counts once, whatever the network does", async (place) => {
    const { sessions, remote, proxy, resends } = place;
    const { session } = await sessions.create({ userId: "ada" });
    const stored = async (): Promise<number> => Number((await sessions.data(session.id).get("visits")) ?? 0);
    for (const fault of ["twice", "cut after", "cut before"] as const) {
      const before = await stored();
      const done = proxy.once(fault, "patch");
      const told = await toldOf(remote.data(session.id).increment("visits"));
      await done;
      await place.connectedAgain();
      // A client that sends again what was cut off is answered; the other one says that it does not know.
      const executed = fault !== "cut before" || resends;
      expect(await stored(), fault).toBe(executed ? before + 1 : before);
      expect(told, fault).toBe(fault === "twice" || resends ? before + 1 : "unknown");
    }
    proxy.alwaysTwice();
    const before = await stored();
    await Promise.all(times(20, () => remote.data(session.id).increment("visits")));
    expect(await stored()).toBe(before + 20);
  });

  onEveryEngine("updateSessionData: encrypted fields are read and written like others", async ({ server, clock }) => {
    const sessions = server({ encryption: { keys: [FIELD_KEY], fields: ["notes"] } });
    const { token, session } = await sessions.create({ userId: "ada", data: { notes: "first", theme: "dark" } });
    await sessions.data(session.id).set("notes", "second");
    expect(await session.update((draft) => void (draft["notes"] += "!"))).toEqual({ notes: "second!", theme: "dark" });
    await clock.advance(MINUTE);
    const rotated = server({ encryption: { keys: [NEXT_FIELD_KEY, FIELD_KEY], fields: ["notes"] } });
    expect(await rotated.validate(token)).toMatchObject({ valid: true, session: { data: { notes: "second!" } } });
    const withoutKey = await server().validate(token);
    if (!withoutKey.valid) throw new Error(withoutKey.reason);
    expect(withoutKey.session.data["theme"]).toBe("dark");
    expect(() => withoutKey.session.data["notes"]).toThrow(EncryptionKeyMissingError);
    expect(await rotated.validate(token)).toMatchObject({ valid: true });
  });

  onDurableEngines("updateSessionData: N4 encrypted fields stand in no dump", async ({ server, dump }) => {
    const sessions = server({ encryption: { keys: [FIELD_KEY], fields: ["notes"] } });
    const { token, session } = await sessions.create({
      data: { notes: "secret of the first write", theme: "lies plain" },
    });
    await session.set("notes", "secret of the second write");
    const login = await sessions.login(token, { userId: "ada", keep: ["notes", "theme"] });
    await login.session.update((draft) => void (draft["notes"] += ", secret of the third write"));
    const text = (await dump()).toString("latin1");
    expect(text).toContain("lies plain");
    expect(text).not.toContain("secret of");
    expect((await sessions.get(login.session.id))?.data).toEqual({
      notes: "secret of the second write, secret of the third write",
      theme: "lies plain",
    });
  });

  onRedis("updateSessionData: N4 encrypted fields stand in no MONITOR", async ({ server, port, command }) => {
    const sessions = server({ encryption: { keys: [FIELD_KEY] } });
    const monitor = await Monitor.on(port);
    const { session } = await sessions.create({ userId: "ada", data: { notes: "secret of the first write" } });
    await session.set("notes", "secret of the second write");
    await sessions.get(session.id);
    const commands = await monitor.taken((text) => command("ECHO", text));
    monitor.stop();
    expect(commands.map(({ line }) => line).join()).toContain(session.id);
    expect(commands.filter(({ line }) => line.includes("secret of"))).toEqual([]);
  });
});

describe("SecureSessionManager", () => {
  onEveryEngine("createSecureSession: a shorter TTL for sensitive sessions", async ({ sessions, clock }) => {
    const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    const usual = await sessions.create({ userId: "ada" });
    expect(session.expiresAt - session.createdAt).toBe(15 * MINUTE);
    await clock.advance(15 * MINUTE + SLACK);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "expired" });
    expect(await sessions.validate(usual.token)).toMatchObject({ valid: true });
  });

  onEveryEngine("createSecureSession: begins with no failed logins and no suspicion", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    const security = { failedLogins: 0, suspicious: null, passwordChangedAt: null };
    expect((await sessions.get(session.id))?.security).toEqual(security);
  });

  onEveryEngine("generateSecureSessionId: 32 random bytes that only the client gets", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    const [secret, mac] = [token.slice(28, 71), token.slice(71)];
    expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    for (const shown of [session, await sessions.get(session.id), await sessions.list("ada")]) {
      const text = JSON.stringify(shown);
      expect(text).toContain(session.id);
      expect(text).not.toContain(secret);
      expect(text).not.toContain(mac);
    }
  });

  onEveryEngine("createSecureSession: fingerprint in, csrfToken out", async ({ server }) => {
    const sessions = server({ binding: { onMismatch: "stepUp" } });
    const input = { userId: "ada", policy: "sensitive", binding: { fingerprint: "what the browser looks like" } };
    const { token, session, csrfToken } = await sessions.create(input);
    expect(await sessions.csrf.verify(session.id, csrfToken)).toBe(true);
    const now = { fingerprint: "what the browser looks like" };
    expect(await sessions.validate(token, now)).toMatchObject({ valid: true });
    expect(JSON.stringify([await sessions.list("ada"), session])).not.toContain("browser");
  });

  onEveryEngine(
    "createSecureSession: another fingerprint is noticed: log, stepUp or revoke",
    async ({ server, logged }) => {
      const answers = [];
      for (const onMismatch of ["log", "stepUp", "revoke"] as const) {
        const sessions = server({ binding: { onMismatch } });
        const { token, session } = await sessions.create({ userId: "ada", binding: { fingerprint: "one" } });
        const result = await sessions.validate(token, { fingerprint: "another" });
        answers.push(result.valid ? result.differing : result.reason);
        expect(logged().join()).toContain(`session ${session.id}: its token came from another fingerprint`);
      }
      expect(answers).toEqual([["fingerprint"], "locked", "binding_mismatch"]);
    },
  );

  onEveryEngine("validateCSRF: the session's own token and no other", async ({ sessions, server }) => {
    const { token, session, csrfToken } = await sessions.create({ userId: "ada", policy: "sensitive" });
    const other = await sessions.create({ userId: "ada", policy: "sensitive" });
    for (const each of [sessions, server()]) {
      expect(await each.csrf.verify(session, csrfToken)).toBe(true);
      expect(await each.csrf.verify(session.id, csrfToken)).toBe(true);
      for (const wrong of [
        other.csrfToken,
        csrfToken.slice(0, -1) + (csrfToken.endsWith("A") ? "B" : "A"),
        token,
        "",
        undefined,
        null,
        42,
        [csrfToken],
      ]) {
        expect(await each.csrf.verify(session.id, wrong)).toBe(false);
      }
    }
    expect(await sessions.csrf.verify("no id", csrfToken)).toBe(false);
    await sessions.rotate(token);
    expect(await sessions.csrf.verify(session.id, csrfToken)).toBe(true);
    const elevated = await sessions.reauthenticate(token, { userId: "ada", aal: 2 });
    expect(await sessions.csrf.verify(session.id, csrfToken)).toBe(false);
    expect(await sessions.csrf.verify(session.id, elevated?.csrfToken)).toBe(true);
    await sessions.revoke(session.id);
    expect(await sessions.csrf.verify(session.id, elevated?.csrfToken)).toBe(false);
  });

  onEveryEngine("generateCSRFToken: masked anew for each form, and costs no call", async ({ sessions, storeCalls }) => {
    const { session } = await sessions.login(null, { userId: "ada" });
    const calls = await storeCalls(async () => {
      const tokens = times(20, () => sessions.csrf.token(session));
      expect(new Set(tokens).size).toBe(20);
      for (const each of tokens) expect(await sessions.csrf.verify(session, each)).toBe(true);
    });
    expect(calls).toEqual({});
  });

  onEveryEngine("security: loginAttempts, suspiciousActivity, lastPasswordChange", async ({ sessions, server }) => {
    const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    const elsewhere = await server().create({ userId: "ada" });
    await server().security.recordFailedLogin({ userId: "ada", ip: "203.0.113.7" });
    expect(await sessions.security.recordFailedLogin({ sessionId: session.id })).toMatchObject({ session: 2 });
    expect(await server().security.flagSuspicious(session.id, "a new country")).toBe(true);
    const changed = await sessions.security.passwordChanged("ada", { keep: token });
    const result = await server().validate(changed.token);
    expect(result).toMatchObject({
      valid: true,
      session: { id: session.id, security: { failedLogins: 2, suspicious: { why: "a new country" } } },
    });
    const changedAt = result.valid ? (result.session.security.passwordChangedAt ?? 0) : 0;
    expect(Math.abs(changedAt - session.createdAt)).toBeLessThan(SLACK);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "superseded" });
    expect(await sessions.validate(elsewhere.token)).toMatchObject({ valid: false, reason: "revoked" });
  });

  onEveryEngine("reauthenticate: elevation voids the old token at once", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    const elevated = await sessions.reauthenticate(token, { userId: "ada", aal: 2, amr: ["pwd", "otp"] });
    expect(elevated?.session).toMatchObject({ id: session.id, aal: 2, amr: ["pwd", "otp"] });
    expect(await sessions.validate(token)).toEqual({ valid: false, reason: "superseded", clearCookie: false });
    expect(await sessions.validate(elevated?.token)).toMatchObject({ valid: true, session: { aal: 2 } });
  });
});

describe("SessionAnalytics", () => {
  onEveryEngine("getActiveSessionCount: follows beginning, ending and expiry", async ({ sessions, server, clock }) => {
    expect(await sessions.count()).toBe(0);
    const { session } = await sessions.create({ userId: "ada" });
    await sessions.create({ userId: "grace", policy: "temporary" });
    await server().create({});
    expect(await sessions.count()).toBe(3);
    await sessions.revoke(session.id);
    expect(await sessions.count()).toBe(2);
    await clock.advance(5 * MINUTE + SLACK);
    expect(await sessions.count()).toBe(1);
  });

  onEveryEngine("trackSessionActivity: the last 100 for 24 hours", async ({ sessions, server, clock }) => {
    const { session } = await sessions.create({ userId: "ada", policy: "rememberMe" });
    for (const i of times(103, (n) => n)) {
      expect(await sessions.activity.record(session.id, "page_view", { page: i })).toBe(true);
    }
    const kept = await server().activity.list(session.id);
    expect(kept).toHaveLength(100);
    expect([kept[0]?.metadata, kept[99]?.metadata]).toEqual([{ page: 102 }, { page: 3 }]);
    await clock.advance(DAY - MINUTE);
    await sessions.activity.record(session.id, "page_view");
    await clock.advance(2 * MINUTE);
    expect(await sessions.activity.list(session.id)).toMatchObject([{ action: "page_view", metadata: {} }]);
    await clock.advance(DAY);
    expect(await sessions.activity.list(session.id)).toEqual([]);
  });

  onEveryEngine("trackSessionActivity: refused for a session that is over or never was", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    await sessions.activity.record(session.id, "login");
    await sessions.logout(token);
    expect(await sessions.activity.record(session.id, "too late")).toBe(false);
    expect(await sessions.activity.record("no id at all", "x")).toBe(false);
    expect(await sessions.activity.list(session.id)).toMatchObject([{ action: "login" }]);
    const large = sessions.activity.record(session.id, "note", { text: "x".repeat(5_000) });
    await expect(large).rejects.toMatchObject({ code: "metadata_too_large" });
    const lossy = sessions.activity.record(session.id, "note", { when: new Date() });
    await expect(lossy).rejects.toMatchObject({ code: "invalid_value", path: "metadata.when" });
    await expect(sessions.activity.record(session.id, "")).rejects.toThrow(TypeError);
  });

  onEveryEngine("getSessionAnalytics: the activities of a session, newest first", async ({ sessions, server }) => {
    const [{ session }, other] = await Promise.all([sessions.create({ userId: "ada" }), sessions.create()]);
    await sessions.activity.record(session.id, "login", { from: "10.0.0.7" });
    await server().activity.record(session.id, "page_view", { page: "/" });
    const activities = await sessions.activity.list(session.id);
    expect(activities.map(({ action, metadata }) => [action, metadata])).toEqual([
      ["page_view", { page: "/" }],
      ["login", { from: "10.0.0.7" }],
    ]);
    expect(activities[0]?.at).toBeGreaterThanOrEqual(activities[1]?.at ?? Infinity);
    expect(await sessions.activity.list(other.session.id)).toEqual([]);
  });
});

describe("SessionCleanup", () => {
  onEveryEngine(
    "cleanupExpiredSessions: an expired session is gone for every reader, also without a run",
    async ({ sessions, clock }) => {
      const { token, session } = await sessions.create({ userId: "ada", policy: "temporary" });
      const kept = await sessions.create({ userId: "ada" });
      await clock.advance(5 * MINUTE + SLACK);
      expect(await sessions.validate(token)).toMatchObject({ valid: false });
      expect(await sessions.get(session.id)).toBeNull();
      expect(await sessions.data(session.id).get("theme")).toBeUndefined();
      expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([kept.session.id]);
      expect(await sessions.count()).toBe(1);
    },
  );

  onEveryEngine(
    "forceCleanupUserSessions: ends all sessions of the user, and says how many",
    async ({ sessions, server }) => {
      const made = await Promise.all(times(5, () => sessions.create({ userId: "ada" })));
      const grace = await sessions.create({ userId: "grace" });
      expect(await server().revokeUser("ada", { reason: "account closed" })).toEqual({ ended: 5 });
      for (const { token } of made) {
        const ended = { reason: "account closed" };
        expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked", ended });
      }
      expect(await sessions.list("ada")).toEqual([]);
      expect(await sessions.validate(grace.token)).toMatchObject({ valid: true });
      expect(await sessions.count()).toBe(1);
      expect(await sessions.revokeUser("ada")).toEqual({ ended: 0 });
    },
  );

  onEveryEngine("forceCleanupUserSessions: one may stay, and later logins stay", async ({ sessions }) => {
    const here = await sessions.create({ userId: "ada" });
    await sessions.create({ userId: "ada" });
    expect(await sessions.revokeUser("ada", { except: here.session.id })).toEqual({ ended: 1 });
    const later = await sessions.create({ userId: "ada" });
    const ids = (await sessions.list("ada")).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([here.session.id, later.session.id]));
    expect(ids).toHaveLength(2);
  });

  onEveryEngine(
    "forceCleanupUserSessions: erase() forgets the user, and says what is left until when",
    async (place) => {
      const { sessions, clock } = place;
      const { session, token } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
      await sessions.activity.record(session.id, "login", { from: "home" });
      await sessions.create({ userId: "ada" });
      await sessions.create({ userId: "grace" });
      const { ended, remains } = await sessions.erase("ada");
      expect(ended).toBe(2);
      expect(await sessions.list("ada")).toEqual([]);
      expect(await sessions.activity.list(session.id)).toEqual([]);
      expect(await sessions.validate(token)).toMatchObject({ valid: false, ended: { reason: "erased" } });
      expect(Math.abs(remains.tombstonesUntil - clock.now() - HOUR)).toBeLessThan(SLACK);
      expect(Math.abs(remains.activitiesUntil - clock.now() - DAY)).toBeLessThan(SLACK);
      expect(await sessions.count()).toBe(1);
      expect(await sessions.erase("ada")).toMatchObject({ ended: 0 });
    },
  );

  onDurableEngines("forceCleanupUserSessions: after erase() nothing on disk names the user", async (place) => {
    const { sessions, server, clock, dump } = place;
    const user = "erased-user@example.com";
    const device = { userAgent: "ErasedBrowser/1.0", ip: "203.0.113.99" };
    const begin = { userId: user, device, data: { note: "erased-note" }, loginMethod: "erased-method" };
    const anonymous = await sessions.create({ data: { cart: "erased-cart" } });
    const { token } = await sessions.login(anonymous.token, { ...begin, keep: ["cart"] });
    const rotated = await sessions.rotate(token);
    await sessions.validate(rotated?.token);
    await sessions.create({ ...begin, policy: "temporary" });
    const { session } = await sessions.create(begin);
    await sessions.activity.record(session.id, "erased-action", { city: "erased-city" });
    await sessions.security.recordFailedLogin({ userId: user });
    await session.set("note", "erased-note-2");
    await session.revoke();
    await clock.advance(5 * MINUTE + SLACK);
    const others = await server().create({ userId: "grace", data: { note: "kept-note" } });
    expect((await dump()).toString("latin1")).toContain(user);
    await sessions.erase(user);
    const text = (await dump()).toString("latin1");
    expect(text).toContain("kept-note");
    for (const trace of ["erased-", "ErasedBrowser", "203.0.113.99"]) expect(text).not.toContain(trace);
    expect(text).toContain(session.id);
    expect(await sessions.validate(others.token)).toMatchObject({ valid: true });
  });

  onEveryEngine(
    "cleanupExpiredSessions: every 5 minutes in every process, each session ended once",
    async ({ server, clock }) => {
      const timers = vi.spyOn(globalThis, "setTimeout");
      server();
      const [[, period] = []] = timers.mock.calls.splice(0);
      const timer = timers.mock.results.splice(0)[0]?.value as NodeJS.Timeout;
      expect(period).toBeGreaterThanOrEqual(5 * MINUTE);
      expect(period).toBeLessThanOrEqual(5.5 * MINUTE);
      expect(timer.hasRef()).toBe(false);
      for (const options of [{ reaper: false }, { background: false }] as const) server(options);
      expect(timers).not.toHaveBeenCalled();
      timers.mockRestore();

      const sessions = server({ reaper: false });
      await Promise.all(times(100, (i) => sessions.create({ userId: `user-${i % 7}`, policy: "temporary" })));
      const { session } = await sessions.create({ userId: "ada" });
      await clock.advance(5 * MINUTE + SLACK);
      for (let i = 0; i < 3; i++) server({ reaper: { every: "1s" } });
      const ended = async (): Promise<unknown> => (await sessions.stats()).endedByReason;
      await expect.poll(ended, { timeout: 10 * SECOND, interval: 100 }).toEqual({ expired: 100 });
      expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([session.id]);
      expect(await sessions.check()).toEqual({ checked: 1, differences: {}, examples: [] });
    },
  );

  onEveryEngine("cleanupExpiredSessions: by hand, reaper.runOnce()", async ({ sessions, server, clock }) => {
    await Promise.all(times(60, () => sessions.create({ userId: "ada", policy: "temporary" })));
    const kept = await sessions.create({ userId: "ada" });
    expect(await sessions.reaper.runOnce()).toEqual({ expired: 0, more: false });
    await clock.advance(5 * MINUTE + SLACK);
    const runs = await Promise.all([sessions, server()].map((each) => each.reaper.runOnce()));
    expect(runs.reduce((sum, { expired }) => sum + expired, 0)).toBe(60);
    expect(runs.every(({ more }) => !more)).toBe(true);
    expect(await sessions.reaper.runOnce()).toEqual({ expired: 0, more: false });
    expect(await sessions.validate(kept.token)).toMatchObject({ valid: true });
    expect(await sessions.stats()).toMatchObject({ activeSessions: 1, created: 61, ended: 60 });
  });
});

describe("DistributedSessionManager", () => {
  onEveryEngine(
    "createDistributedSession: the server that made it is stored and shown",
    async ({ sessions, server }) => {
      const { session } = await server({ serverId: "web-1" }).create({ userId: "ada" });
      expect(session.serverId).toBe("web-1");
      const seen = await server({ serverId: "web-2" }).get(session.id);
      expect(seen).toMatchObject({ serverId: "web-1", migratedAt: null });
      expect((await sessions.list("ada")).map(({ serverId }) => serverId)).toEqual(["web-1"]);
      expect((await sessions.create({ userId: "ada" })).session.serverId).toBeNull();
    },
  );

  onEveryEngine(
    "session sharing across servers: begun on one, used on another, ended on a third",
    async ({ server }) => {
      const [a, b, c] = [server(), server(), server()];
      const { token, session } = await a.create({ userId: "ada" });
      expect(await b.validate(token)).toMatchObject({ valid: true, session: { id: session.id } });
      expect(await b.data(session.id).set("theme", "dark")).toBe(true);
      expect(await a.data(session.id).get("theme")).toBe("dark");
      expect(await c.logout(token)).toBe(true);
      expect(await a.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
      expect(await b.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
      await expect(session.set("theme", "light")).rejects.toThrow(SessionEndedError);
    },
  );

  onEveryEngine("atomic operations: writers on three servers lose nothing", async ({ sessions, server }) => {
    const { session } = await sessions.create({ userId: "ada" });
    const writes = [sessions, server(), server()].flatMap((each, s) =>
      times(10, async (i) => {
        expect(await each.data(session.id).set(`server-${s}-${i}`, i)).toBe(true);
        await each.data(session.id).increment("count");
      }),
    );
    await Promise.all(writes);
    const data = (await sessions.get(session.id))?.data ?? {};
    expect(Object.keys(data)).toHaveLength(31);
    expect(data["count"]).toBe(30);
  });

  onEveryEngine(
    "migrateSession: to another server, migratedAt set, nothing else changed",
    async ({ sessions, server, clock }) => {
      const device = { ip: "203.0.113.7", userAgent: CHROME };
      const input = { userId: "ada", data: { theme: "dark" }, device, loginMethod: "password" };
      const { token, session } = await server({ serverId: "web-1" }).create(input);
      await clock.advance(MINUTE);
      expect(await sessions.migrate(session.id, "web-2")).toBe(true);
      const { migratedAt, ...rest } = facts(await server().get(session.id));
      expect(Number(migratedAt)).toBeGreaterThan(session.createdAt + MINUTE - SLACK);
      expect({ ...rest, migratedAt: null }).toEqual({ ...facts(session), serverId: "web-2" });
      expect(await sessions.validate(token)).toMatchObject({ valid: true, session: { data: { theme: "dark" } } });
      expect(await sessions.migrate(session.id, "web-2")).toBe(true);
      await sessions.revoke(session.id);
      expect(await sessions.migrate(session.id, "web-1")).toBe(false);
      expect(await sessions.migrate(UNKNOWN_ID, "web-1")).toBe(false);
    },
  );

  onEveryEngine(
    "migrateSession: all of a server's, as a job that can be taken up again",
    async ({ sessions: admin, server }) => {
      const [leaving, staying] = [server({ serverId: "web-1" }), server({ serverId: "web-2" })];
      const of = (sessions: Sessions, n: number): Promise<unknown> =>
        Promise.all(times(n, (i) => sessions.create(i % 2 === 0 ? { userId: `user-${i}` } : {})));
      await Promise.all([of(leaving, 130), of(staying, 130)]);
      const stopped = await admin.drain("web-1", "web-3", { onProgress: ({ moved }) => moved === 0 });
      expect(stopped).toMatchObject({ done: false });
      expect(stopped.moved).toBeGreaterThan(0);
      const seen: number[] = [];
      const { cursor } = stopped;
      const rest = await server().drain("web-1", "web-3", {
        cursor,
        onProgress: ({ scanned }) => void seen.push(scanned),
      });
      expect(rest).toMatchObject({ cursor: null, done: true });
      expect([stopped.moved + rest.moved, stopped.scanned + rest.scanned]).toEqual([130, 260]);
      expect(seen.at(-1)).toBe(rest.scanned);
      const [left, there] = [
        await admin.find({ serverId: "web-1" }),
        await admin.find({ serverId: "web-3", limit: 1_000 }),
      ];
      expect([left.items.length, left.done, there.items.length, there.done]).toEqual([0, true, 130, true]);
      expect(there.items.every(({ migratedAt }) => migratedAt !== null)).toBe(true);
      expect((await admin.find({ serverId: "web-2", limit: 1_000 })).items).toHaveLength(130);
    },
  );
});

describe("Secure Session IDs", () => {
  onEveryEngine("cryptographically secure: 300 ids and tokens, no piece of a secret twice", async ({ sessions }) => {
    const made = await Promise.all(times(300, () => sessions.create({})));
    expect(new Set(made.map(({ session }) => session.id)).size).toBe(300);
    // Eight characters are 48 random bits: two equal ones among 600 come once in a billion runs.
    const pieces = made.flatMap(({ token }) => [token.slice(30, 38), token.slice(50, 58)]);
    expect(new Set(pieces).size).toBe(600);
  });

  onEveryEngine("no predictable patterns: neither time nor user nor order shows in an id", async ({ sessions }) => {
    const made = await Promise.all(times(100, () => sessions.create({ userId: "ada" })));
    const random = made.map(({ session }) => session.id.slice(2));
    // The two characters before are the bucket, the same for one user.
    expect(new Set(random.map((text) => text.slice(0, 4))).size).toBeGreaterThan(95);
    expect(random.toSorted()).not.toEqual(random);
    for (const { session } of made) expect(session.id).toMatch(/^[A-Za-z0-9_-]{24}$/);
  });

  onEveryEngine("an id is a handle: it logs nobody in", async ({ sessions }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    const forged = [session.id, `1${session.id}`, `1${session.id}`.padEnd(93, "A"), token.slice(0, 71).padEnd(93, "A")];
    for (const each of forged) {
      expect(await sessions.validate(each)).toMatchObject({ valid: false, reason: "malformed" });
      expect(await sessions.logout(each)).toBe(false);
    }
    expect(await sessions.validate(token)).toMatchObject({ valid: true });
  });
});

describe("SESSION_TTLS", () => {
  onEveryEngine("REMEMBER_ME: 30 days idle, 90 days in all", (place) =>
    expectLifetime(place, "rememberMe", 30 * DAY, 90 * DAY),
  );
  onEveryEngine("NORMAL: 24 hours idle, 7 days in all", (place) => expectLifetime(place, "normal", 24 * HOUR, 7 * DAY));
  onEveryEngine("SENSITIVE: 15 minutes idle, 12 hours in all", (place) =>
    expectLifetime(place, "sensitive", 15 * MINUTE, 12 * HOUR),
  );
  onEveryEngine("TEMPORARY: 5 minutes idle, 1 hour in all", (place) =>
    expectLifetime(place, "temporary", 5 * MINUTE, HOUR),
  );

  onEveryEngine("a class of your own; an unknown one is refused", async ({ server }) => {
    const sessions = server({ policies: { kiosk: { idle: "2m", absolute: "10m" } }, defaultPolicy: "kiosk" });
    const { session } = await sessions.create({ userId: "ada" });
    expect(session).toMatchObject({ policy: "kiosk", idleMs: 2 * MINUTE });
    expect(session.absoluteExpiresAt - session.createdAt).toBe(10 * MINUTE);
    await expect(sessions.create({ userId: "ada", policy: "forever" })).rejects.toThrow(ConfigError);
    expect(await sessions.count()).toBe(1);
    expect(() => server({ policies: { wrong: { idle: "2h", absolute: "1h" } } })).toThrow(ConfigError);
  });
});

describe("MAX_SESSION_SIZE", () => {
  onEveryEngine("validateSessionSize: a write over 10 KB is refused, the stored value stays", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada", data: { note: "short" } });
    const tooLong = "x".repeat(10 * 1024);
    await expect(session.set("note", tooLong)).rejects.toThrow(DataTooLargeError);
    await expect(sessions.data(session.id).set("other", tooLong)).rejects.toMatchObject({
      code: "data_too_large",
      maxBytes: 10_240,
    });
    await expect(session.update((draft) => void (draft["note"] = tooLong))).rejects.toThrow(DataTooLargeError);
    expect((await sessions.get(session.id))?.data).toEqual({ note: "short" });
    await expect(sessions.create({ data: { note: tooLong } })).rejects.toThrow(DataTooLargeError);
    expect(await sessions.count()).toBe(1);
  });

  onEveryEngine("validateSessionSize: counts names and values, in bytes of UTF-8", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada" });
    // One byte of name and two quotes around the value.
    await session.set("n", "x".repeat(10_240 - 3));
    await expect(session.set("n", "x".repeat(10_240 - 2))).rejects.toThrow(DataTooLargeError);
    await expect(session.set("n", "é".repeat(5_120))).rejects.toThrow(DataTooLargeError);
    await session.set("n", "é".repeat(5_118));
    expect(await sessions.data(session.id).get("n")).toBe("é".repeat(5_118));
  });

  onEveryEngine("validateSessionSize: holds against two writers at once", async ({ sessions, server }) => {
    const { session } = await sessions.create({ userId: "ada" });
    const writers = [sessions, server()].map((each, i) => each.data(session.id).set(`half-${i}`, "x".repeat(6_000)));
    const outcomes = (await Promise.allSettled(writers)).map(({ status }) => status);
    expect(outcomes.toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(Object.keys((await sessions.get(session.id))?.data ?? {})).toHaveLength(1);
  });
});

describe("AuthSessionManager", () => {
  onEveryEngine("loginUser: good credentials begin a session with roles and permissions", async ({ sessions }) => {
    const { login } = authOf(sessions);
    const result = await login({ name: "ada", password: "correct" }, { device: { ip: "203.0.113.7" } });
    expect(result?.user.id).toBe("ada");
    const validated = await sessions.validate(result?.token);
    expect(validated).toMatchObject({ valid: true, session: { userId: "ada", loginMethod: "password" } });
    expect(validated.valid && validated.session.data).toEqual({
      authenticated: true,
      roles: ["user"],
      permissions: ["read", "write"],
    });
  });

  onEveryEngine("loginUser: bad credentials change nothing", async ({ sessions }) => {
    const visitor = await sessions.create({});
    const { login } = authOf(sessions);
    expect(await login({ name: "ada", password: "wrong" }, { token: visitor.token })).toBeNull();
    expect(await sessions.validate(visitor.token)).toMatchObject({ valid: true });
    expect(await sessions.count()).toBe(1);
    expect(await sessions.list("ada")).toEqual([]);
  });

  onEveryEngine("loginUser: a new id and a new token; what was planted before is over", async ({ sessions }) => {
    const planted = await sessions.create({});
    const result = await authOf(sessions).login({ name: "ada", password: "correct" }, { token: planted.token });
    expect(result?.session.id).not.toBe(planted.session.id);
    expect(await sessions.validate(result?.token)).toMatchObject({ valid: true, session: { userId: "ada" } });
    expect(await sessions.validate(planted.token)).toMatchObject({ valid: false, reason: "revoked" });
    expect(await sessions.count()).toBe(1);
  });

  onEveryEngine("logoutUser: the session is over; false when there was none", async ({ sessions }) => {
    const { login, logout } = authOf(sessions);
    const result = await login({ name: "ada", password: "correct" });
    expect(await logout(result?.token)).toBe(true);
    const ended = { reason: "logout" };
    expect(await sessions.validate(result?.token)).toMatchObject({ valid: false, reason: "revoked", ended });
    expect(await logout(null)).toBe(false);
    expect(await logout("no token")).toBe(false);
  });

  onEveryEngine("logoutUser: noted among the session's activities", async ({ server }) => {
    const sessions = server({ activity: { automatic: true } });
    const { token, session } = await sessions.login(null, { userId: "ada" });
    const next = await sessions.rotate(token);
    await sessions.validate(next?.token, { touch: true });
    await vi.waitFor(async () => expect(await actionsOf(session.id)).toEqual(["rotation", "login"]));
    const elevated = await sessions.reauthenticate(next?.token, { userId: "ada", aal: 2 });
    await sessions.security.recordFailedLogin({ sessionId: session.id });
    await sessions.logout(elevated?.token);
    const all = ["logout", "login_failed", "elevation", "rotation", "login"];
    await vi.waitFor(async () => expect(await actionsOf(session.id)).toEqual(all));

    async function actionsOf(id: string): Promise<string[]> {
      return (await sessions.activity.list(id)).map(({ action }) => action);
    }
  });
});

describe("CartSessionManager", () => {
  onEveryEngine("addToCart: adds a product, or to its quantity, and answers the cart", async ({ sessions }) => {
    const { session } = await sessions.create({});
    const { add } = cart(sessions);
    expect(await add(session.id, "tea", 2)).toEqual([{ productId: "tea", quantity: 2 }]);
    await add(session.id, "cup");
    const items = [
      { productId: "tea", quantity: 5 },
      { productId: "cup", quantity: 1 },
    ];
    expect(await add(session.id, "tea", 3)).toEqual(items);
    expect(await cart(sessions).get(session.id)).toEqual(items);
  });

  onEveryEngine("addToCart: twenty clicks on two servers at once are twenty", async ({ sessions, server }) => {
    const { session } = await sessions.create({});
    const carts = [cart(sessions), cart(server())];
    await Promise.all(carts.flatMap((each) => times(10, () => each.add(session.id, "tea"))));
    expect(await cart(sessions).get(session.id)).toEqual([{ productId: "tea", quantity: 20 }]);
  });

  onEveryEngine("addToCart: refuses what is no quantity, and a session that is over", async ({ sessions }) => {
    const { session } = await sessions.create({});
    const { add } = cart(sessions);
    for (const wrong of [0, -1, 1.5, Number.NaN]) {
      await expect(async () => add(session.id, "tea", wrong)).rejects.toThrow(TypeError);
    }
    expect(await cart(sessions).get(session.id)).toEqual([]);
    await sessions.revoke(session.id);
    await expect(add(session.id, "tea")).rejects.toThrow(SessionEndedError);
  });

  onEveryEngine("getCart: the items, none for a session without a cart", async ({ sessions }) => {
    const { session } = await sessions.create({});
    const { get, setQuantity, remove } = cart(sessions);
    expect(await get(session.id)).toEqual([]);
    await setQuantity(session.id, "tea", 4);
    await setQuantity(session.id, "cup", 1);
    await remove(session.id, "tea");
    expect(await get(session.id)).toEqual([{ productId: "cup", quantity: 1 }]);
    expect(await get(UNKNOWN_ID)).toEqual([]);
  });

  onEveryEngine("getCart: the visitor's cart is there after the login", async ({ sessions }) => {
    const visitor = await sessions.create({});
    await cart(sessions).add(visitor.session.id, "tea", 2);
    const { session } = await sessions.login(visitor.token, { userId: "ada", keep: ["cart"] });
    expect(await cart(sessions).get(session.id)).toEqual([{ productId: "tea", quantity: 2 }]);
    expect(await sessions.get(visitor.session.id)).toBeNull();
  });
});

describe("SessionMetrics", () => {
  onEveryEngine("recordSessionMetric: the last 1,000 samples, equal ones too", async ({ sessions, server }) => {
    await sessions.metrics.record("duration", 5_000);
    await Promise.all(times(300, () => sessions.metrics.record("duration", 40)));
    expect(await sessions.metrics.summary("duration")).toMatchObject({ count: 301, min: 40, max: 5_000, p99: 40 });
    const other = server();
    await Promise.all(times(1_000, (i) => other.metrics.record("duration", i % 2 === 0 ? 20 : 10)));
    const summary = { count: 1_000, mean: 15, min: 10, max: 20, p50: 10, p95: 20, p99: 20 };
    for (const { metrics } of [sessions, other]) expect(await metrics.summary("duration")).toEqual(summary);
    expect((await sessions.metrics.summary("unknown")).count).toBe(0);
  });

  onEveryEngine("getSessionStats: activeSessions, totalUsers, averageSessionDuration", async ({ sessions }) => {
    const none = { activeSessions: 0, totalUsers: 0, averageDurationMs: null, created: 0, ended: 0, endedByReason: {} };
    expect(await sessions.stats()).toEqual(none);
    await sessions.create({ userId: "ada" });
    const { session } = await sessions.create({ userId: "ada" });
    await sessions.create({});
    await session.revoke();
    const stats = { activeSessions: 2, totalUsers: 1, created: 3, ended: 1, endedByReason: { revoked: 1 } };
    expect(await sessions.stats()).toMatchObject(stats);
  });

  onEveryEngine(
    "getSessionStats: equal to a history of seven sessions that was worked out by hand",
    async ({ sessions, server, clock }) => {
      const other = server();
      const day = await sessions.create({ userId: "ada" });
      const bought = await sessions.create({});
      await clock.advance(5 * MINUTE);
      // Lasts five minutes.
      const { session } = await sessions.login(bought.token, { userId: "grace", policy: "rememberMe" });
      await clock.advance(55 * MINUTE);
      // Lasts an hour, and like the one before ended more than a day ago at the end.
      await other.logout(day.token);
      const planned = await sessions.create({ userId: "linus" });
      await clock.advance(20 * HOUR);
      const thrown = await sessions.create({ userId: "linus" });
      await sessions.create({ userId: "ada" });
      await sessions.create({ userId: "ada" });
      await clock.advance(2 * HOUR);
      await planned.session.revoke("plan changed"); // lasts 22 hours
      await clock.advance(8 * HOUR);
      await other.revoke(thrown.session.id, { reason: "stolen" }); // lasts 10 hours
      await session.revoke("password changed"); // lasts 30 hours and 55 minutes
      const stats = await sessions.stats();
      expect(stats).toMatchObject({ activeSessions: 2, totalUsers: 1, created: 7, ended: 5 });
      const endedByReason = { logout: 1, login: 1, "plan changed": 1, stolen: 1, "password changed": 1 };
      expect(stats.endedByReason).toEqual(endedByReason);
      expect(await other.stats()).toEqual(stats);
      // Those of the last 24 hours lasted 22 h, 10 h and 30 h 55 min.
      const average = (62 * HOUR + 55 * MINUTE) / 3;
      expect(stats.averageDurationMs).toBeGreaterThanOrEqual(average - SLACK);
      expect(stats.averageDurationMs).toBeLessThan(average + SLACK);
    },
  );

  onEveryEngine(
    "getSessionStats: the same numbers for Prometheus and OpenTelemetry",
    async ({ sessions, server, clock }) => {
      const first = await sessions.create({ userId: "ada" });
      await server().create({ userId: "grace" });
      await sessions.create({});
      await sessions.logout((await sessions.create({ userId: "linus" })).token);
      await clock.advance(2 * HOUR);
      await server().revoke(first.session.id, { reason: "stolen" });
      const telemetry = startTelemetry();
      openTelemetry(sessions, telemetry);
      const stats = await sessions.stats();
      expect(stats).toMatchObject({ activeSessions: 1, totalUsers: 1, created: 4, ended: 2 });
      const meanSeconds = (stats.averageDurationMs ?? 0) / SECOND;
      expect(meanSeconds).toBeGreaterThan((2 * HOUR) / 2 / SECOND - 10);
      expect(valuesIn(await prometheus(sessions).text())).toMatchObject({
        sojourn_sessions_active: 1,
        sojourn_users_active: 1,
        sojourn_sessions_created_total: 4,
        'sojourn_sessions_ended_total{reason="logout"}': 1,
        'sojourn_sessions_ended_total{reason="stolen"}': 1,
        sojourn_session_mean_duration_seconds: meanSeconds,
      });
      expect(valuesOf(await telemetry.collect())).toMatchObject({
        "sojourn.sessions.active": 1,
        "sojourn.users.active": 1,
        "sojourn.sessions.created": 4,
        'sojourn.sessions.ended{reason="logout"}': 1,
        'sojourn.sessions.ended{reason="stolen"}': 1,
        "sojourn.session.mean_duration": meanSeconds,
      });
    },
  );

  onEveryEngine("events: what began and what ended, at least once to each consumer", async ({ sessions, server }) => {
    const heard: string[] = [];
    const stop = sessions.events.on("ended", ({ sessionId, reason }) => heard.push(`${sessionId} ${reason}`));
    const made = await Promise.all(times(30, (i) => sessions.create({ userId: `user-${i % 7}` })));
    await Promise.all(made.slice(0, 10).map(({ session }) => session.revoke("stolen")));
    stop();
    const token = await sessions.rotate(made[10]?.token);
    await sessions.validate(token?.token);
    await server().revokeUser("user-6");
    const expected = made.slice(0, 10).map(({ session }) => `${session.id} stolen`);
    expect(heard.toSorted()).toEqual(expected.toSorted());

    for (const group of ["audit", "mail"]) {
      const got = new Map<string, string>();
      const ended = made.filter(({ session }, i) => i < 10 || session.userId === "user-6").length;
      const consume = async (consumer: string, most: number): Promise<void> => {
        for await (const event of server().events.consume({ group, consumer, claimAfter: "1s" })) {
          got.set(event.id, event.type);
          if (got.size === most) return;
        }
      };
      // The first one goes after five events, and the last of those is not acknowledged.
      await consume("first", 5);
      await consume("second", 30 + ended + 1);
      const counts = Object.fromEntries(
        [...Map.groupBy(got.values(), (type) => type)].map(([type, all]) => [type, all.length]),
      );
      expect(counts).toEqual({ created: 30, ended, rotated: 1 });
    }
  });
});

describe("SessionCache", () => {
  onEveryEngine(
    "getSession: without a cache every request asks the store",
    async ({ sessions, server, storeCalls }) => {
      const { token, session } = await sessions.create({ userId: "ada" });
      const thrice = async (): Promise<void> => {
        for (let i = 0; i < 3; i++) expect(await sessions.validate(token)).toMatchObject({ valid: true });
      };
      expect(await storeCalls(thrice)).toEqual({ read: 3 });
      await server().data(session.id).set("theme", "dark");
      expect(await sessions.validate(token)).toMatchObject({ session: { data: { theme: "dark" } } });
    },
  );

  onDurableEngines(
    "getSession: answered from a near cache, bounded by a lease",
    async ({ server, clock, storeCalls }) => {
      const sessions = server({}, { nearCache: true });
      const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
      await nearAnswer(sessions, token);
      const cached = { valid: true, near: true, session: { id: session.id, data: { theme: "dark" } } };
      const thrice = async (): Promise<void> => {
        for (let i = 0; i < 3; i++) expect(await sessions.validate(token)).toMatchObject(cached);
      };
      expect(await storeCalls(thrice)).toEqual({});
      await clock.advance(5_001);
      expect(await storeCalls(() => sessions.validate(token))).toEqual({ read: 1 });
    },
  );

  onDurableEngines(
    "getSession: a revocation on another server beats the near cache",
    async ({ sessions: other, server, clock }) => {
      const sessions = server({}, { nearCache: true });
      const { token, session } = await sessions.create({ userId: "ada" });
      await nearAnswer(sessions, token);
      await other.revoke(session.id);
      // At once where it matters, and everywhere with the lease at the latest.
      expect(await sessions.validate(token, { fresh: true })).toMatchObject({ valid: false, reason: "revoked" });
      await clock.advance(5_001);
      expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    },
  );

  onRedis(
    "getSession: a revocation on another server reaches the near cache without anybody asking",
    async ({ sessions: other, server }) => {
      const sessions = server({}, { nearCache: true });
      const { token, session } = await sessions.create({ userId: "ada" });
      await nearAnswer(sessions, token);
      await other.revoke(session.id);
      await expect.poll(() => sessions.validate(token), { interval: 1 }).toMatchObject({ valid: false });
    },
  );
});

describe("Speed", () => {
  onEveryEngine("a valid request is one read of the store, a forged one none", async ({ sessions, storeCalls }) => {
    const { token } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
    expect(await storeCalls(() => sessions.validate(token))).toEqual({ read: 1 });
    const forged = `${token.slice(0, -2)}${token.at(-2) === "A" ? "B" : "A"}${token.at(-1)}`;
    expect(await storeCalls(() => sessions.validate(forged))).toEqual({});
  });

  onRedis("a valid request is one GET, no script", async ({ sessions, port, command }) => {
    const { token } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
    const monitor = await Monitor.on(port);
    const mark = (text: string): Promise<unknown> => command("ECHO", text);
    await monitor.taken(mark);
    expect(await sessions.validate(token)).toMatchObject({ valid: true, session: { data: { theme: "dark" } } });
    const commands = await monitor.taken(mark);
    monitor.stop();
    const names = commands.filter((each) => !isCutOffFetch(each)).map(({ words }) => words[0]?.toUpperCase());
    expect(names).toEqual(["GET"]);
  });

  test("sub-millisecond access, measured beside a bare GET", () => {
    const { measured, rates } = benchResult("reads");
    for (const client of ["node-redis", "ioredis"]) {
      const p50 = measured.find(({ budget }) => budget === `reads.${client}.p50`);
      expect(p50?.value).toBeLessThan(1);
      expect(rates.find(({ title }) => title === `${client}, 1 in flight`)?.baseline).toBe("GET + JSON.parse");
    }
  });
});

describe("Scalability", () => {
  onEveryEngine("ten servers on one store see each other's sessions", async ({ sessions: first, server }) => {
    const servers = times(10, (i) => server({ serverId: `web-${i}` }));
    const made = await Promise.all(servers.map((sessions, i) => sessions.create({ userId: `user-${i % 3}` })));
    for (const sessions of servers) {
      const answers = await Promise.all(made.map(({ token }) => sessions.validate(token)));
      expect(answers.every(({ valid }) => valid)).toBe(true);
      expect(await sessions.list("user-0")).toHaveLength(4);
    }
    expect(await first.count()).toBe(10);
  });

  onEveryEngine(
    "a million sessions cost an operation what ten thousand do: a hundred times as many, the same calls of the store",
    async ({ sessions, storeCalls }) => {
      const few = await costs(sessions, 20, storeCalls);
      const many = await costs(sessions, 2_000, storeCalls);
      expect(many).toEqual(few);
      expect(many).toMatchObject({
        create: { create: 1 },
        validate: { read: 1 },
        set: { patch: 1 },
        count: { count: 1 },
      });
      expect(await sessions.count()).toBe(2_000);
    },
  );

  onRedis(
    "a million sessions cost an operation what ten thousand do: the same commands, and none walks all keys",
    async ({ sessions, port, command, commandCalls }) => {
      const monitor = await Monitor.on(port);
      const mark = (text: string): Promise<unknown> => command("ECHO", text);
      const commandsOf = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
        await monitor.taken(mark);
        await work();
        const taken = await monitor.taken(mark);
        const commands = taken.filter((each) => !isCutOffFetch(each) && !isOfTheProcess(each));
        return countsOf(commands.map(({ words }) => words[0]?.toUpperCase() ?? ""));
      };
      const few = await costs(sessions, 20, commandsOf);
      const many = await costs(sessions, 2_000, commandsOf);
      monitor.stop();
      expect(many).toEqual(few);
      expect(many).toMatchObject({ validate: { GET: 1 }, count: { ZCOUNT: 1_024 } });
      const walks = [...(await commandCalls()).keys()].filter((name) => /^(keys|[shz]?scan)$/.test(name));
      expect(walks).toEqual([]);
    },
  );

  onTopologies("Redis Sentinel and Cluster: many users on two servers", async (first, second) => {
    const made = await Promise.all(
      times(30, (i) => first.create({ userId: `user-${i % 10}`, data: { theme: "dark" } })),
    );
    const answers = await Promise.all(made.map(({ token }) => second.validate(token)));
    expect(answers.every((answer) => answer.valid && answer.session.data["theme"] === "dark")).toBe(true);
    await Promise.all(made.map(({ session }) => second.data(session.id).set("seen", true)));
    expect(await first.revokeUser("user-0", { reason: "test" })).toEqual({ ended: 3 });
    expect(await second.validate(made[0]?.token ?? "")).toMatchObject({ valid: false, reason: "revoked" });
    expect(await second.list("user-0")).toEqual([]);
    expect(await second.list("user-1")).toHaveLength(3);
    expect(await second.count()).toBe(27);
  });
});

describe("Persistence", () => {
  onDurableEngines("sessions survive a restart of the application", async ({ sessions, server, clock }) => {
    const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
    const ended = await sessions.create({ userId: "ada" });
    await sessions.logout(ended.token);
    await sessions.close();
    await clock.advance(HOUR / 2);
    const restarted = server();
    expect(await restarted.validate(token)).toMatchObject({ valid: true, session: { data: { theme: "dark" } } });
    expect((await restarted.list("ada")).map(({ id }) => id)).toEqual([session.id]);
    expect(await restarted.validate(ended.token)).toMatchObject({ valid: false, reason: "revoked" });
  });

  onRestartingRedis("a restart of Redis itself: what survives with AOF, RDB or neither", async (place) => {
    const { keeping, sessions } = place;
    const [early, ended] = [await sessions.create({ userId: "ada" }), await sessions.create({ userId: "ada" })];
    await place.snapshot();
    const late = await sessions.create({ userId: "ada" });
    expect(await sessions.logout(ended.token)).toBe(true);
    const after = await place.restart();
    const valid = async ({ token }: { token: string }) => (await after.validate(token)).valid;
    const survives = { early: await valid(early), late: await valid(late), undone: await valid(ended) };
    expect(survives).toEqual(
      {
        AOF: { early: true, late: true, undone: false },
        RDB: { early: true, late: false, undone: true },
        neither: { early: false, late: false, undone: false },
      }[keeping],
    );
    const persistence = (await place.diagnose()).find(({ check }) => check === "persistence");
    expect(persistence?.level).toBe({ AOF: "ok", RDB: "problem", neither: "warning" }[keeping]);
  });
});

describe("Automatic Cleanup", () => {
  onRedis("TTL expiration: no session, user or epoch key stays in Redis", async ({ sessions, keys, clock }) => {
    for (const policy of ["normal", "sensitive"]) await sessions.create({ userId: "ada", policy });
    await sessions.create({ data: { seen: 1 } });
    await sessions.revokeUser("grace");
    await (await sessions.create({ userId: "ada" })).session.revoke();
    expect(kinds(await keys())).toEqual(expect.arrayContaining(["d", "s", "u", "v"]));
    await clock.advance(100 * DAY);
    const left = kinds(await keys());
    for (const kind of ["d", "o", "s", "u", "v"]) expect(left).not.toContain(kind);
    expect(left).toContain("c");
  });

  onEveryEngine("TTL expiration: stale sessions are in no answer", async ({ sessions, clock }) => {
    await Promise.all(times(10, () => sessions.create({ userId: "ada" })));
    expect(await sessions.count()).toBe(10);
    await clock.advance(DAY + SLACK);
    expect(await sessions.count()).toBe(0);
    expect(await sessions.list("ada")).toEqual([]);
  });

  onRedis(
    "TTL expiration: indexes and rows of stale sessions are removed too",
    async ({ sessions, server, keys, clock }) => {
      await writeEveryKindOfKey(sessions, server(), clock);
      await sessions.enableUser("mallory");
      await clock.advance(100 * DAY);
      expect(kinds(await keys())).toEqual(expect.arrayContaining(["n", "x"]));
      await sessions.reaper.runOnce();
      expect(kinds(await keys()).toSorted()).toEqual(["c", "e", "t"]);
      const { created, ended } = await sessions.stats();
      expect(ended).toBe(created);
    },
  );

  onDurableEngines("TTL expiration: of a stale session nothing but its id in events is left on disk", async (place) => {
    const { sessions, clock, dump } = place;
    const made = await Promise.all(
      times(20, (i) => sessions.create({ userId: `stale-${i}`, data: { stale: "data" } })),
    );
    await sessions.revokeUser("stale-1");
    await clock.advance(100 * DAY);
    await sessions.reaper.runOnce();
    await sessions.close();
    const text = (await dump()).toString("latin1");
    expect(text).toContain(made[0]?.session.id);
    expect(text).not.toContain("stale");
  });
});

describe("Data Types", () => {
  onEveryEngine("objects and arrays come back as they were stored", async ({ sessions, server }) => {
    const data = {
      profile: { name: "Ada ✓ \u0000 \u2028", langs: ["en", "fr"], address: { city: "London", geo: [51.5, -0.12] } },
      matrix: [[1, [2, [3, []]]], {}, null, true],
      numbers: [0, -1, 1.5e-7, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE],
      constructor: "a name like any other",
      empty: "",
    };
    const { session } = await sessions.create({ userId: "ada", data });
    expect((await server().get(session.id))?.data).toStrictEqual(data);
    for (const [name, value] of Object.entries(data)) {
      expect(await sessions.data(session.id).set(name, value)).toBe(true);
      expect(await sessions.data(session.id).get(name)).toStrictEqual(value);
    }
  });

  onEveryEngine("what JSON would lose is refused, naming where", async ({ sessions }) => {
    const { session } = await sessions.create({ userId: "ada" });
    for (const lost of [new Date(), new Map(), 10n, Number.NaN, undefined, () => 1]) {
      const refused = { name: InvalidValueError.name, path: "cart.items[1]" };
      await expect(session.set("cart", { items: [1, lost] })).rejects.toMatchObject(refused);
    }
    await expect(sessions.create({ data: { at: new Date() } })).rejects.toThrow(InvalidValueError);
    expect((await sessions.get(session.id))?.data).toEqual({});
  });
});

describe("Faults of the sketches, not inherited", () => {
  onEveryEngine("read-modify-write: writers of different keys both survive", async ({ sessions, server }) => {
    const { token, session } = await sessions.create({ userId: "ada", data: { before: true } });
    const answers = await Promise.all([sessions.validate(token), server().validate(token)]);
    const [mine, theirs] = answers.map((answer) => (answer.valid ? answer.session : session));
    await Promise.all([mine?.set("a", 1), theirs?.set("b", 2)]);
    expect((await sessions.get(session.id))?.data).toEqual({ before: true, a: 1, b: 2 });
    await mine?.set("a", 3);
    await theirs?.delete("before");
    expect((await sessions.get(session.id))?.data).toEqual({ a: 3, b: 2 });
  });

  onEveryEngine(
    "read-modify-write: fifty updates of one key on two servers count fifty",
    async ({ sessions, server }) => {
      const { session } = await sessions.create({ userId: "ada" });
      const servers = [sessions, server()];
      const add = (draft: Record<string, unknown>): void => {
        draft["sum"] = Number(draft["sum"] ?? 0) + 1;
      };
      await Promise.all(servers.flatMap((each) => times(25, () => each.data(session.id).update(add))));
      expect(await sessions.data(session.id).get("sum")).toBe(50);
    },
  );

  onEveryEngine(
    "read-modify-write: a request that only reads writes no data back",
    async ({ sessions, server, clock }) => {
      const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
      const reader = await sessions.validate(token);
      if (!reader.valid) throw new Error(reader.reason);
      expect(reader.session.data).toEqual({ theme: "dark" });
      await server().data(session.id).set("theme", "light");
      await clock.advance(HOUR);
      await reader.session.touch();
      expect((await sessions.get(session.id))?.data).toEqual({ theme: "light" });
    },
  );

  onEveryEngine("setEx after del: no late write or touch revives a destroyed session", async ({ sessions, server }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    const slow = await server().validate(token);
    if (!slow.valid) throw new Error(slow.reason);
    await sessions.logout(token);
    await expect(slow.session.set("cart", [])).rejects.toThrow(SessionEndedError);
    await expect(slow.session.update((draft) => void (draft["cart"] = []))).rejects.toThrow(SessionEndedError);
    await expect(slow.session.touch()).rejects.toThrow(SessionEndedError);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    expect(await sessions.get(session.id)).toBeNull();
    expect(await sessions.count()).toBe(0);
  });

  onEveryEngine("setEx after del: a logout amid fifty writes wins", async ({ sessions, server }) => {
    const { token, session } = await sessions.create({ userId: "ada" });
    const other = server();
    const writes = times(50, (i) => (i % 2 === 0 ? sessions : other).data(session.id).set(`key-${i}`, i));
    const logout = sessions.logout(token);
    const after = times(10, (i) => other.data(session.id).set(`late-${i}`, i));
    expect(await logout).toBe(true);
    await Promise.all([...writes, ...after]);
    expect(await other.data(session.id).set("too late", 1)).toBe(false);
    expect(await sessions.get(session.id)).toBeNull();
    expect(await sessions.list("ada")).toEqual([]);
  });

  onEveryEngine("active_sessions: the index follows touch", async ({ sessions, clock }) => {
    const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    await clock.advance(10 * MINUTE);
    expect(await sessions.validate(token, { touch: true })).toMatchObject({ valid: true });
    await clock.advance(10 * MINUTE);
    expect(await sessions.count()).toBe(1);
    expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([session.id]);
    await clock.advance(5 * MINUTE + SLACK);
    expect(await sessions.count()).toBe(0);
    expect(await sessions.list("ada")).toEqual([]);
  });

  onRedis(
    "user_sessions: the key dies with the user's latest session, moved by touch",
    async ({ sessions, keys, clock }) => {
      const { session } = await sessions.create({ userId: "ada" });
      await sessions.create({ userId: "ada", policy: "temporary" });
      await clock.advance(20 * HOUR);
      await session.touch();
      await clock.advance(20 * HOUR);
      expect(kinds(await keys())).toContain("u");
      await clock.advance(6 * HOUR);
      expect(kinds(await keys())).not.toContain("u");
      expect(kinds(await keys())).not.toContain("s");
    },
  );

  onRedis("user_sessions: what ended before its time leaves the key at once", async ({ sessions, keys }) => {
    const { token } = await sessions.create({ userId: "ada" });
    expect(kinds(await keys())).toContain("u");
    await sessions.logout(token);
    expect(kinds(await keys())).not.toContain("u");
  });

  onEveryEngine(
    "===: a token with one character changed is refused, wherever it is",
    async ({ sessions, storeCalls }) => {
      const { token } = await sessions.create({ userId: "ada" });
      const changed = [...token].map(
        (character, i) => token.slice(0, i) + (character === "B" ? "C" : "B") + token.slice(i + 1),
      );
      const calls = await storeCalls(async () => {
        const answers = await Promise.all(changed.map((each) => sessions.validate(each)));
        expect(new Set(answers.map((answer) => (answer.valid ? "valid" : answer.reason)))).toEqual(
          new Set(["malformed"]),
        );
      });
      expect(calls).toEqual({});
      expect(await sessions.validate(token)).toMatchObject({ valid: true });
    },
  );

  onEveryEngine(
    "===: CSRF token and fingerprint compared in constant time: one character changed is refused, wherever it is",
    async ({ server }) => {
      const sessions = server({ binding: { onMismatch: "log" }, log: () => undefined });
      const fingerprint = "a fingerprint";
      const { token, session, csrfToken } = await sessions.create({ userId: "ada", binding: { fingerprint } });
      const changed = (text: string): string[] =>
        [...text].map((character, i) => text.slice(0, i) + (character === "B" ? "C" : "B") + text.slice(i + 1));
      for (const each of changed(csrfToken)) expect(await sessions.csrf.verify(session, each)).toBe(false);
      for (const each of changed(fingerprint)) {
        expect(await sessions.validate(token, { fingerprint: each })).toMatchObject({ differing: ["fingerprint"] });
      }
      expect(await sessions.csrf.verify(session, csrfToken)).toBe(true);
      expect(await sessions.validate(token, { fingerprint })).not.toHaveProperty("differing");
    },
  );

  onDurableEngines("tokens usable from a dump: nothing in it logs anybody in", async ({ sessions, dump }) => {
    const made = await Promise.all(times(20, (i) => sessions.create({ userId: `user-${i}`, data: { theme: "dark" } })));
    await sessions.logout(made[0]?.token);
    const text = (await dump()).toString("latin1");
    for (const { session } of made) expect(text).toContain(session.id);
    const pieces = made.flatMap(({ token }) => times(token.length - 28 - 11, (i) => token.slice(28 + i, 40 + i)));
    expect(pieces.filter((piece) => text.includes(piece))).toEqual([]);
    const strings = text.match(/[A-Za-z0-9_-]{12,}/g) ?? [];
    const ids = made.map(({ session }) => session.id);
    const tries = [...strings, ...ids.flatMap((id) => [`1${id}`, `1${id}AAA`.padEnd(93, "A")])];
    const answers = await Promise.all(tries.map((each) => sessions.validate(each)));
    expect(answers.filter(({ valid }) => valid)).toEqual([]);
  });

  onRedis(
    "KEYS: neither it nor SCAN is ever used, all of the above included",
    async ({ sessions, clock, commandCalls }) => {
      const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
      await sessions.create({ userId: "ada" });
      await sessions.validate(token, { touch: true });
      await sessions.data(session.id).set("theme", "light");
      expect(await sessions.count()).toBe(2);
      expect(await sessions.list("ada")).toHaveLength(2);
      expect(await sessions.revokeUser("ada", { except: session.id })).toEqual({ ended: 1 });
      await sessions.logout(token);
      await clock.advance(DAY);
      expect(await sessions.count()).toBe(0);
      const calls = await commandCalls();
      expect([...calls.keys()]).toEqual(expect.arrayContaining(["evalsha", "get", "zcount", "zrangebyscore"]));
      // HGETALL is only of the totals of a bucket, which are some fifty fields whatever happens.
      const walks = [...calls.keys()].filter((name) => /^(?:keys|[shz]?scan|smembers|randomkey)$/.test(name));
      expect(walks).toEqual([]);
    },
  );

  onEveryEngine("active_sessions: compared with the records, sessions.check()", async ({ sessions, server }) => {
    const made = await Promise.all(times(120, (i) => sessions.create(i % 4 === 0 ? {} : { userId: `user-${i % 9}` })));
    await Promise.all(made.slice(0, 20).map(({ session }) => session.revoke()));
    expect(await server().check()).toEqual({ checked: 100, differences: {}, examples: [] });
  });

  onRedis("active_sessions: repaired where it differs, sessions.check({ repair: true })", async (place) => {
    const { sessions, keys, command } = place;
    await Promise.all(times(60, () => sessions.create({ userId: "ada" })));
    const [uncounted, unlisted, early, lost] = (await sessions.list("ada")).map(({ id }) => id).toReversed();
    const all = await keys();
    const keyOf = (kind: string): string => all.find((key) => key.includes(`:${kind}:`)) ?? "";
    await command("ZREM", keyOf("x"), uncounted ?? "");
    await command("ZREM", keyOf("u"), unlisted ?? "");
    await command("ZADD", keyOf("x"), "1", early ?? "");
    await command("DEL", all.find((key) => key.includes(`:s:`) && key.endsWith(lost ?? "")) ?? "");
    await command("ZADD", keyOf("n"), "99999999999999", "0123456789abcdef");
    // Without a record: in both indexes of sessions.
    const differences = { no_record: 2, wrong_expiry: 1, not_indexed: 2, wrong_user: 1 };
    const report = await sessions.check();
    expect(report.differences).toEqual(differences);
    const examples = [
      { kind: "not_indexed", of: uncounted },
      { kind: "not_indexed", of: unlisted },
      { kind: "wrong_expiry", of: early },
      { kind: "no_record", of: lost },
      { kind: "wrong_user", of: "0123456789abcdef" },
    ];
    expect(report.examples).toEqual(expect.arrayContaining(examples));
    expect((await sessions.check({ repair: true })).differences).toEqual(differences);
    expect(await sessions.check()).toEqual({ checked: 59, differences: {}, examples: [] });
    expect(await sessions.list("ada")).toHaveLength(59);
    expect(await sessions.stats()).toMatchObject({ activeSessions: 59, totalUsers: 1, created: 60, ended: 1 });
  });

  onEveryEngine("SCARD of a pattern: totalUsers is exact", async ({ sessions, server, clock }) => {
    const users = times(20, (i) => `user-${i}`);
    const made = await Promise.all([...users, ...users].map((userId) => sessions.create({ userId })));
    await sessions.create({ userId: "brief visit", policy: "temporary" });
    await sessions.create({});
    expect((await server().stats()).totalUsers).toBe(21);
    await clock.advance(5 * MINUTE + SLACK);
    await Promise.all(made.slice(0, 20).map(({ token }) => sessions.logout(token)));
    expect((await sessions.stats()).totalUsers).toBe(20);
    await Promise.all(users.slice(0, 15).map((userId) => sessions.revokeUser(userId)));
    expect((await sessions.stats()).totalUsers).toBe(5);
    await clock.advance(DAY);
    expect((await sessions.stats()).totalUsers).toBe(0);
  });

  onEveryEngine("ZADD of equal values: each metric sample counts", async ({ sessions, server }) => {
    const servers = [sessions, server()];
    for (let i = 0; i < 20; i++) await Promise.all(servers.map(({ metrics }) => metrics.record("login.ms", 12)));
    await sessions.metrics.record("login.ms", 112);
    const summary = { count: 41, mean: (40 * 12 + 112) / 41, min: 12, max: 112, p50: 12, p95: 12, p99: 112 };
    expect(await sessions.metrics.summary("login.ms")).toEqual(summary);
  });

  onEveryEngine("localCache: no cache ignores a revocation", async ({ server }) => {
    const sessions = server({}, { nearCache: true });
    for (const end of [
      (id: string) => sessions.revoke(id),
      () => sessions.revokeUser("ada"),
      (_id: string, token: string) => sessions.logout(token),
      (_id: string, token: string) => sessions.login(token, { userId: "ada" }),
    ]) {
      const { token, session } = await sessions.create({ userId: "ada" });
      for (let i = 0; i < 3; i++) expect(await sessions.validate(token)).toMatchObject({ valid: true });
      await end(session.id, token);
      expect(await sessions.validate(token)).toMatchObject({ valid: false });
    }
  });
  onRedis(
    "tokens usable from a dump: AOF, MONITOR and SLOWLOG, also beside an expired token",
    async ({ sessions, clock, port, namespace, command, bytesOf, atRest, logged }) => {
      const monitor = await Monitor.on(port);
      const made = await Promise.all(
        times(1_000, (i) => sessions.create(i % 4 === 0 ? {} : { userId: `user-${i}`, data: { theme: "dark" } })),
      );
      const renewed = await Promise.all(
        made.slice(0, 200).map(async ({ token: old, session }) => {
          const current = (await sessions.rotate(old))?.token ?? "";
          await sessions.validate(current);
          // Behind the confirmation, which validate does not wait for.
          await sessions.data(session.id).set("seen", 1);
          return { id: session.id, old, current };
        }),
      );
      await Promise.all(made.slice(900).map(({ token }) => sessions.logout(token)));
      await clock.advance(31_000);
      const heard = heardIn(await monitor.taken((text) => command("ECHO", text)));
      monitor.stop();
      const everything = Buffer.concat([await atRest(), heard]);

      const tokens = [...made.map(({ token }) => token), ...renewed.map(({ current }) => current)];
      const pieces = new SecretPieces(tokens);
      expect(pieces.size).toBeGreaterThan(80_000);
      expect(pieces.foundIn(everything)).toEqual([]);
      const strings = new Set(everything.toString("latin1").match(/[A-Za-z0-9_-]{12,}/g));
      expect(made.slice(0, 900).filter(({ session }) => !strings.has(session.id))).toEqual([]);

      const macs = [...strings].slice(0, 20).map(macLike);
      // Whoever has the old token, the record with its wrapped successor, and no key.
      const guesses = await Promise.all(
        renewed.map(async ({ id, old, current }) => {
          const { rotation } = new SessionRecord(await bytesOf(new Keys(namespace).session(id)));
          expect(rotation?.wrap).not.toEqual(Buffer.alloc(32));
          const secrets = secretsFrom(rotation?.wrap ?? Buffer.alloc(32), old);
          expect(secrets).not.toContain(current.slice(28, 71));
          return secrets.flatMap((secret) => [old.slice(71), ...macs].map((mac) => `1${id}AAB${secret}${mac}`));
        }),
      );
      const tries = [...strings, ...guesses.flat()];
      expect(guesses.flat().length).toBeGreaterThan(10_000);
      const answers = await Promise.all(tries.map((each) => sessions.validate(each)));
      expect(answers.filter(({ valid }) => valid)).toEqual([]);
      const reuses = await Promise.all(renewed.map(({ old }) => sessions.validate(old)));
      expect(new Set(reuses.map((each) => (each.valid ? "valid" : each.reason)))).toEqual(new Set(["reused"]));
      expect(logged().every((line) => line.includes("was presented again"))).toBe(true);
    },
  );
  onFailingRedis("setEx after del: delivered twice or late by a failing network", async (place) => {
    const { sessions, remote, proxy } = place;
    const { session } = await sessions.create({ userId: "ada" });
    const kept = await remote.get(session.id);
    // Executed, its answer lost, deleted meanwhile, then sent again by the client.
    const cut = proxy.once("cut after", "create", { thenFreeze: true });
    const creating = toldOf(remote.create({ userId: "ada" }));
    await cut;
    await sessions.revokeUser("ada");
    proxy.thaw();
    expect(await creating).not.toMatchObject({ session: { userId: "ada" } });
    await place.connectedAgain();
    // Sent before the delete, on its way for longer than it.
    const { session: other } = await sessions.create({ userId: "ada" });
    const handle = await remote.get(other.id);
    proxy.freeze();
    const late = Promise.all([handle, kept].map(async (each) => toldOf(each?.set("theme", "dark") ?? null)));
    const touching = toldOf(handle?.touch() ?? null);
    await sessions.revokeUser("ada");
    proxy.thaw();
    expect(await late).toEqual(["session_ended", "session_ended"]);
    expect(await touching).toBe("session_ended");
    // And every command twice.
    proxy.alwaysTwice();
    const third = await remote.create({ userId: "ada" });
    expect(await remote.logout(third.token)).toBe(true);
    expect(await sessions.list("ada")).toEqual([]);
    expect(await sessions.count()).toBe(0);
  });
});

/** Everything that can be seen of a session. */
function facts(session: Session | null): Record<string, unknown> {
  if (session === null) return {};
  const { device, amr, security, data, revision, authenticatedAt, serverId, migratedAt, locked } = session;
  return { ...session.toJSON(), device, amr, security, data, revision, authenticatedAt, serverId, migratedAt, locked };
}

/** Kinds of keys: the letter after the namespace. */
function kinds(keys: readonly string[]): string[] {
  return [...new Set(keys.map((key) => key.split(":")[1] ?? ""))];
}

/** What may be made of a wrapped secret and an old token without the key that wrapped it. */
function secretsFrom(wrap: Buffer, oldToken: string): string[] {
  const old = Buffer.from(oldToken.slice(28, 71), "base64url");
  const digests = [old, hash("sha256", old, "buffer"), hash("sha256", oldToken, "buffer"), Buffer.alloc(32)];
  return digests.map((digest) => Buffer.from(wrap.map((byte, i) => byte ^ (digest[i] ?? 0))).toString("base64url"));
}

/** 22 characters that are spelled like a MAC. */
function macLike(text: string): string {
  return `${text.slice(-22, -1).padStart(21, "A")}A`;
}

/** Used or not, a session of the policy lives exactly as long as its class says. */
async function expectLifetime({ sessions, clock }: Place, policy: string, idle: number, absolute: number) {
  const unused = await sessions.create({ userId: "ada", policy });
  await clock.advance(idle - SLACK);
  expect(await sessions.validate(unused.token, { touch: false })).toMatchObject({ valid: true });
  await clock.advance(2 * SLACK);
  expect(await sessions.validate(unused.token)).toMatchObject({ valid: false, reason: "expired" });

  const used = await sessions.create({ userId: "ada", policy });
  const step = idle / 2;
  for (let passed = step; passed < absolute; passed += step) {
    await clock.advance(step);
    expect(await sessions.validate(used.token, { touch: true })).toMatchObject({ valid: true });
  }
  await clock.advance(step - SLACK);
  const last = await sessions.validate(used.token, { touch: true });
  expect(last).toMatchObject({ valid: true, session: { expiresAt: used.session.createdAt + absolute } });
  await clock.advance(2 * SLACK);
  expect(await sessions.validate(used.token)).toMatchObject({ valid: false, reason: "expired" });
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Asks until the answer comes from the near cache, which on Redis first opens a connection. */
async function nearAnswer(sessions: Sessions, token: string): Promise<void> {
  await expect.poll(() => sessions.validate(token), { interval: 2 }).toMatchObject({ valid: true, near: true });
}

function authOf(sessions: Sessions): Auth<Credentials, AuthUser, Record<string, unknown>> {
  return auth(sessions, {
    verify: ({ name, password }: Credentials): AuthUser | null =>
      password === "correct" ? { id: name, roles: ["user"], permissions: ["read", "write"] } : null,
  });
}

interface Answer {
  readonly body: unknown;
  /** `name=value` of each cookie that was set. */
  readonly cookies: readonly string[];
}

type FetchAnswer = Pick<Response, "status"> & { readonly body: unknown; readonly cookie: string | null };

/** A server that takes a `Request` and answers a `Response`, and a client of it. */
function fetchServer(sessions: Sessions): (method: string, path: string, cookie?: string) => Promise<FetchAnswer> {
  const { open } = fetchSessions(sessions);
  const handle = async (request: Request): Promise<Response> => {
    const opened = await open(request);
    const { session } = opened;
    if (opened.refused !== null) return opened.refused;
    const { pathname } = new URL(request.url);
    if (pathname === "/login") await session.login({ userId: "123" });
    if (pathname === "/theme") await session.set("theme", "dark");
    if (pathname === "/logout") await session.logout();
    return opened.commit(Response.json({ userId: session.userId, ...session.data }));
  };
  return async (method, path, cookie) => {
    const origin = "https://shop.example";
    const headers = { origin, ...(cookie === undefined ? {} : { cookie }) };
    const response = await handle(new Request(origin + path, { method, headers }));
    return { status: response.status, body: await response.json(), cookie: response.headers.get("set-cookie") };
  };
}

/** What comes over an event stream until the server ends it. */
async function eventsOf(
  sessions: Sessions,
  token: string,
  use: (text: Promise<string>) => Promise<void>,
): Promise<void> {
  const app = express().use(sojourn(sessions));
  app.get("/events", requireUser(), (req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    const stop = sessions.watch(req.session.id ?? "", ({ reason }) => res.end(`event: ended\ndata: ${reason}\n\n`));
    res.on("close", stop);
  });
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  const headers = { cookie: `sid=${token}` };
  const response = await fetch(`http://127.0.0.1:${(http.address() as AddressInfo).port}/events`, { headers });
  try {
    await use(response.text());
  } finally {
    http.close();
    http.closeAllConnections();
  }
}

/** Without a port: requests are injected. The theme is written without waiting, as handlers may. */
function fastifyServer(
  sessions: Sessions,
): (method: "GET" | "POST", url: string, cookie?: string) => Promise<FetchAnswer> {
  const app = Fastify({ trustProxy: "127.0.0.1" });
  app.register(fastifySessions(sessions));
  app.get("/", async ({ session: { userId, data } }) => ({ userId, ...data }));
  app.post("/login", async ({ session }) => ({ id: (await session.login({ userId: "123" })).id }));
  app.post("/theme", async ({ session }) => {
    void session.set("theme", "dark");
    return {};
  });
  app.post("/logout", async ({ session }) => ({ ended: await session.logout() }));
  return async (method, url, cookie) => {
    const browser = { "sec-fetch-site": "same-origin", "x-forwarded-proto": "https" };
    const headers = { ...browser, ...(cookie === undefined ? {} : { cookie }) };
    const answer = await app.inject({ method, url, headers });
    const setCookie = answer.headers["set-cookie"];
    return {
      status: answer.statusCode,
      body: answer.json<unknown>(),
      cookie: setCookie === undefined ? null : String(setCookie),
    };
  };
}

/** An Express application with these sessions, for as long as `use` runs. */
async function overHttp(
  sessions: Sessions,
  use: (request: (method: string, path: string, cookie?: string) => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const app = express();
  app.use(sojourn(sessions));
  app.get("/", (req, res) => void res.json({ userId: req.session.userId, ...req.session.data }));
  app.post("/login", async (req, res) => {
    await req.session.login({ userId: "123", data: { theme: "dark" } });
    res.json({});
  });
  app.post("/logout", async (req, res) => void res.json(await req.session.logout()));
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  try {
    await use(async (method, path, cookie) => {
      const headers = { origin, ...(cookie === undefined ? {} : { cookie }) };
      const response = await fetch(origin + path, { method, headers });
      const cookies = response.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
      return { body: await response.json(), cookies };
    });
  } finally {
    http.close();
    http.closeAllConnections();
  }
}

/** What each operation takes, by `countedIn`, while there are so many sessions. It leaves as many. */
async function costs(
  sessions: Sessions,
  count: number,
  countedIn: (work: () => Promise<unknown>) => Promise<Record<string, number>>,
): Promise<Record<string, Record<string, number>>> {
  const missing = count - 1 - (await sessions.count());
  await Promise.all(times(missing, (i) => sessions.create({ userId: `user-${count}-${i}` })));
  let made = await sessions.create({ userId: `ada-${count}` });
  const { id } = made.session;
  const operations: Record<string, () => Promise<unknown>> = {
    validate: () => sessions.validate(made.token),
    get: () => sessions.get(id),
    touch: () => sessions.validate(made.token, { touch: true }),
    set: () => sessions.data(id).set("theme", "dark"),
    increment: () => sessions.data(id).increment("visits"),
    activity: () => sessions.activity.record(id, "viewed"),
    list: () => sessions.list(`ada-${count}`),
    count: () => sessions.count(),
    stats: () => sessions.stats(),
    failedLogin: () => sessions.security.recordFailedLogin({ userId: `ada-${count}` }),
    rotate: () => sessions.rotate(made.token),
    revoke: () => sessions.revoke(id),
    create: async () => {
      made = await sessions.create({ userId: `ada-${count}` });
    },
  };
  const found: Record<string, Record<string, number>> = {};
  for (const [name, work] of Object.entries(operations)) found[name] = await countedIn(work);
  return found;
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * better-auth's server API in Express: sessions in Redis (`secondaryStorage`: three functions over node-redis), users in
 * an SQLite database in memory. Only the routes that use the session read it. Passwords are compared as they are: hashing
 * them would be all that a login costs.
 */

import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { fromNodeHeaders } from "better-auth/node";
import express from "express";
import { fieldOrder, fieldsOf } from "../subjects/field-routes.ts";
import { listening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

const PASSWORD = "correct horse battery staple";
const ADDITIONAL = { type: "string", required: false, input: true };

/** @param {{ port: number, secret: string, users: number }} parameters */
export async function start({ port, secret, users }) {
  const client = await nodeRedis(port);
  const auth = await authOn(client, secret, users);
  const app = express();
  const sessionOf = (req) => auth.api.getSession({ headers: fromNodeHeaders(req.headers) });
  const noSession = (res) => res.status(401).json({ error: "no session" });
  /** Answers what a call of the API answered, with its cookies. */
  const passOn = ({ headers }, res) => {
    for (const cookie of headers.getSetCookie()) res.append("set-cookie", cookie);
    res.json({ ok: true });
  };
  app.post("/login", async (req, res) => {
    const body = { email: emailOf(Number(req.query.n)), password: PASSWORD };
    passOn(await auth.api.signInEmail({ body, headers: fromNodeHeaders(req.headers), returnHeaders: true }), res);
  });
  app.get("/bare", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/me", async (req, res) => {
    const found = await sessionOf(req);
    if (found === null) return noSession(res);
    const { name, cart } = JSON.parse(found.session.profile);
    return res.json({ user: found.user.id, name, cart });
  });
  app.post("/field", async (req, res) => {
    if ((await sessionOf(req)) === null) return noSession(res);
    const { name, value, ms } = fieldOrder(req.query);
    await sleep(ms);
    const headers = fromNodeHeaders(req.headers);
    try {
      return passOn(await auth.api.updateSession({ body: { [name]: value }, headers, returnHeaders: true }), res);
    } catch (error) {
      return res.status(error.statusCode ?? 500).json({ error: String(error) });
    }
  });
  app.get("/slow", async (req, res) => {
    const found = await sessionOf(req);
    await sleep(Number(req.query.ms));
    return found === null ? noSession(res) : res.json({ user: found.user.id });
  });
  app.get("/fields", async (req, res) => {
    const found = await sessionOf(req);
    return found === null ? noSession(res) : res.json(withoutNulls(fieldsOf(found.session)));
  });
  app.post("/logout", async (req, res) => {
    passOn(await auth.api.signOut({ headers: fromNodeHeaders(req.headers), returnHeaders: true }), res);
  });
  return listening(app, async () => client.destroy());
}

async function authOn(client, secret, users) {
  const database = new DatabaseSync(":memory:");
  const auth = betterAuth({
    database,
    secret,
    baseURL: "http://127.0.0.1",
    logger: { disabled: true },
    telemetry: { enabled: false },
    emailAndPassword: {
      enabled: true,
      password: { hash: async (text) => text, verify: async ({ hash, password }) => hash === password },
    },
    session: { additionalFields: { profile: ADDITIONAL, a: ADDITIONAL, b: ADDITIONAL } },
    secondaryStorage: {
      get: (key) => client.get(key),
      set: (key, value, ttl) => client.set(key, value, ttl ? { EX: ttl } : {}),
      delete: (key) => client.del(key),
    },
    databaseHooks: {
      session: {
        create: { before: async (session) => ({ data: { ...session, profile: JSON.stringify(sessionData()) } }) },
      },
    },
  });
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  insertUsers(database, users);
  return auth;
}

function insertUsers(database, count) {
  const now = new Date().toISOString();
  const user = database.prepare(
    "insert into user (id, name, email, emailVerified, createdAt, updatedAt) values (?, ?, ?, 1, ?, ?)",
  );
  const account = database.prepare(
    "insert into account (id, accountId, providerId, userId, password, createdAt, updatedAt) values (?, ?, 'credential', ?, ?, ?, ?)",
  );
  database.exec("begin");
  for (let n = 0; n < count; n++) {
    const id = userId(n);
    user.run(id, sessionData().name, emailOf(n), now, now);
    account.run(`account-${id}`, id, id, PASSWORD, now, now);
  }
  database.exec("commit");
}

function emailOf(n) {
  return `${userId(n)}@example.org`;
}

function withoutNulls(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

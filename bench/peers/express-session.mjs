/** express-session on connect-redis, as their readmes configure them. */

import { setTimeout as sleep } from "node:timers/promises";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { fieldOrder, fieldsOf } from "../subjects/field-routes.ts";
import { listening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

const noSession = (res) => res.status(401).json({ error: "no session" });

/**
 * @param {{ port: number, disableTouch?: boolean, secret: string }} parameters
 * `disableTouch`: reads no longer write, and the session's end no longer moves
 */
export async function start({ port, disableTouch = false, secret }) {
  const client = await nodeRedis(port);
  const app = express();
  app.use(
    session({
      store: new RedisStore({ client, prefix: "sess:", disableTouch }),
      resave: false,
      saveUninitialized: false,
      secret,
    }),
  );
  app.post("/login", (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error);
      Object.assign(req.session, { user: userId(Number(req.query.n)), ...sessionData() });
      return res.json({ ok: true });
    });
  });
  app.get("/bare", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/me", (req, res) => {
    const { user, name, cart } = req.session;
    if (user === undefined) noSession(res);
    else res.json({ user, name, cart });
  });
  app.post("/field", async (req, res) => {
    if (req.session.user === undefined) return noSession(res);
    const { name, value, ms } = fieldOrder(req.query);
    await sleep(ms);
    req.session[name] = value;
    return res.json({ ok: true });
  });
  app.get("/slow", async (req, res) => {
    const { user } = req.session;
    await sleep(Number(req.query.ms));
    return user === undefined ? noSession(res) : res.json({ user });
  });
  app.get("/fields", (req, res) => {
    if (req.session.user === undefined) noSession(res);
    else res.json(fieldsOf(req.session));
  });
  app.post("/logout", (req, res, next) => {
    req.session.destroy((error) => {
      if (error) next(error);
      else res.json({ ok: true });
    });
  });
  return listening(app, async () => client.destroy());
}

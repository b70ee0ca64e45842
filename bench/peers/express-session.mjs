/** express-session on connect-redis, as their readmes configure them. */

import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { listening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

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
    if (user === undefined) res.status(401).json({ error: "no session" });
    else res.json({ user, name, cart });
  });
  return listening(app, async () => client.destroy());
}

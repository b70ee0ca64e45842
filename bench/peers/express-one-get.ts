/**
 * The middleware that people write by hand: one `GET` for a request with the cookie, one `SET` for a write.
 * No expiry that slides, no index, no rotation; whoever reads Redis has the cookies.
 */

import { randomBytes } from "node:crypto";
import express, { type Request } from "express";
import type { ServingContestant } from "../harness/contestant.ts";
import { listening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { type SessionData, sessionData, userId } from "../subjects/session-data.ts";

type Stored = SessionData & { readonly user: string };
type WithSession = Request & { stored?: Stored };

const LIFETIME_SECONDS = 86_400;
const COOKIE = /(?:^|; )sid=([\w-]+)/;

export async function start({ port }: { readonly port: number }): Promise<ServingContestant> {
  const client = await nodeRedis(port);
  const app = express();
  app.use((req: WithSession, _res, next) => {
    const id = COOKIE.exec(req.headers.cookie ?? "")?.[1];
    if (id === undefined) {
      next();
      return;
    }
    client.get(`sess:${id}`).then((text) => {
      if (text !== null) req.stored = JSON.parse(text) as Stored;
      next();
    }, next);
  });
  app.post("/login", async (req, res) => {
    const id = randomBytes(24).toString("base64url");
    const stored: Stored = { user: userId(Number(req.query["n"])), ...sessionData() };
    await client.set(`sess:${id}`, JSON.stringify(stored), { EX: LIFETIME_SECONDS });
    res.cookie("sid", id, { httpOnly: true, secure: true, sameSite: "lax" });
    res.json({ ok: true });
  });
  app.get("/bare", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/me", (req: WithSession, res) => {
    const { stored } = req;
    if (stored === undefined) res.status(401).json({ error: "no session" });
    else res.json({ user: stored.user, name: stored.name, cart: stored.cart });
  });
  return listening(app, async () => client.destroy());
}

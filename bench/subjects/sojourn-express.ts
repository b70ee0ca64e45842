/** Express with Sojourn's middleware as its readme configures it. */

import express from "express";
import { createSessions } from "sojourn";
import { sojourn } from "sojourn/express";
import { redisStore } from "sojourn/redis";
import type { ServingContestant } from "../harness/contestant.ts";
import { listening } from "./http-server.ts";
import { nodeRedis, PATIENT } from "./redis-clients.ts";
import { sessionData, userId } from "./session-data.ts";
import "sojourn/express/augment";

interface Parameters {
  readonly port: number;
  readonly secret: string;
  readonly nearCache: boolean;
}

export async function start({ port, secret, nearCache }: Parameters): Promise<ServingContestant> {
  const client = await nodeRedis(port);
  const sessions = createSessions({
    store: redisStore(client, { nearCache, deadline: PATIENT }),
    secrets: [secret],
    log: () => undefined,
  });
  const app = express();
  app.use(sojourn(sessions));
  app.post("/login", async (req, res) => {
    await req.session.login({ userId: userId(Number(req.query["n"])), data: sessionData() });
    res.json({ ok: true });
  });
  app.get("/bare", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/me", (req, res) => {
    const { active, userId: user, data } = req.session;
    if (!active) res.status(401).json({ error: "no session" });
    else res.json({ user, name: data["name"], cart: data["cart"] });
  });
  return listening(app, async () => {
    await sessions.close();
    client.destroy();
  });
}

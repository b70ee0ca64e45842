/** Express with Sojourn's middleware as its readme configures it. */

import { setTimeout as sleep } from "node:timers/promises";
import express, { type Response } from "express";
import { createSessions, SessionEndedError } from "sojourn";
import { sojourn } from "sojourn/express";
import { redisStore } from "sojourn/redis";
import type { ServingContestant } from "../harness/contestant.ts";
import { fieldOrder, fieldsOf } from "./field-routes.ts";
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
    if (!active) noSession(res);
    else res.json({ user, name: data["name"], cart: data["cart"] });
  });
  app.post("/field", async (req, res) => {
    if (!req.session.active) return noSession(res);
    const { name, value, ms } = fieldOrder(req.query);
    await sleep(ms);
    try {
      await req.session.set(name, value);
    } catch (error) {
      if (!(error instanceof SessionEndedError)) throw error;
      return noSession(res);
    }
    return res.json({ ok: true });
  });
  app.get("/slow", async (req, res) => {
    const { active, userId: user } = req.session;
    await sleep(Number(req.query["ms"]));
    return active ? res.json({ user }) : noSession(res);
  });
  app.get("/fields", (req, res) => {
    if (req.session.active) res.json(fieldsOf(req.session.data));
    else noSession(res);
  });
  app.post("/logout", async (req, res) => {
    await req.session.logout();
    res.json({ ok: true });
  });
  return listening(app, async () => {
    await sessions.close();
    client.destroy();
  });
}

function noSession(res: Response): Response {
  return res.status(401).json({ error: "no session" });
}

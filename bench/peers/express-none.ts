/** Express without any session: what the routes cost by themselves. */

import express from "express";
import type { ServingContestant } from "../harness/contestant.ts";
import { listening } from "../subjects/http-server.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

export async function start(): Promise<ServingContestant> {
  const app = express();
  const data = sessionData();
  // As the others have it: Express asks one route after the other whether the request is for it.
  app.post("/login", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/bare", (_req, res) => {
    res.json({ ok: true });
  });
  app.get("/me", (_req, res) => {
    res.json({ user: userId(1), name: data.name, cart: data.cart });
  });
  return listening(app, async () => undefined);
}

/** Fastify without any session: what the routes cost by themselves. */

import fastify from "fastify";
import type { ServingContestant } from "../harness/contestant.ts";
import { fastifyListening } from "../subjects/http-server.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

export async function start(): Promise<ServingContestant> {
  const app = fastify();
  const data = sessionData();
  app.get("/bare", async () => ({ ok: true }));
  app.get("/me", async () => ({ user: userId(1), name: data.name, cart: data.cart }));
  return fastifyListening(app, async () => undefined);
}

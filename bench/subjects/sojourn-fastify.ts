/** Fastify with Sojourn's plugin as its guide configures it. */

import fastify from "fastify";
import { createSessions } from "sojourn";
import { sojourn } from "sojourn/fastify";
import { redisStore } from "sojourn/redis";
import type { ServingContestant } from "../harness/contestant.ts";
import { fastifyListening } from "./http-server.ts";
import { nodeRedis, PATIENT } from "./redis-clients.ts";
import { sessionData, userId } from "./session-data.ts";
import "sojourn/fastify/augment";

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
  const app = fastify();
  app.register(sojourn(sessions));
  app.post<{ Querystring: { n: string } }>("/login", async (request) => {
    await request.session.login({ userId: userId(Number(request.query.n)), data: sessionData() });
    return { ok: true };
  });
  app.get("/bare", async () => ({ ok: true }));
  app.get("/me", async ({ session }, reply) => {
    const { active, userId: user, data } = session;
    if (active) return { user, name: data["name"], cart: data["cart"] };
    return reply.code(401).send({ error: "no session" });
  });
  return fastifyListening(app, async () => {
    await sessions.close();
    client.destroy();
  });
}

/** The hook that people write by hand, as in `express-one-get.ts`. */

import { randomBytes } from "node:crypto";
import fastify, { type FastifyReply } from "fastify";
import type { ServingContestant } from "../harness/contestant.ts";
import { fastifyListening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { type SessionData, sessionData, userId } from "../subjects/session-data.ts";

type Stored = SessionData & { readonly user: string };

const LIFETIME_SECONDS = 86_400;
const COOKIE = /(?:^|; )sid=([\w-]+)/;

export async function start({ port }: { readonly port: number }): Promise<ServingContestant> {
  const client = await nodeRedis(port);
  const app = fastify();
  app.decorateRequest("stored", null);
  app.addHook("onRequest", (request, _reply, next) => {
    const id = COOKIE.exec(request.headers.cookie ?? "")?.[1];
    if (id === undefined) {
      next();
      return;
    }
    client.get(`sess:${id}`).then((text) => {
      if (text !== null) request.setDecorator("stored", JSON.parse(text));
      next();
    }, next);
  });
  app.post<{ Querystring: { n: string } }>("/login", async (request, reply) => {
    const id = randomBytes(24).toString("base64url");
    const stored: Stored = { user: userId(Number(request.query.n)), ...sessionData() };
    await client.set(`sess:${id}`, JSON.stringify(stored), { EX: LIFETIME_SECONDS });
    reply.header("set-cookie", `sid=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`);
    return { ok: true };
  });
  app.get("/bare", async () => ({ ok: true }));
  app.get("/me", async (request, reply: FastifyReply) => {
    const stored = request.getDecorator<Stored | null>("stored");
    if (stored !== null) return { user: stored.user, name: stored.name, cart: stored.cart };
    return reply.code(401).send({ error: "no session" });
  });
  return fastifyListening(app, async () => client.destroy());
}

/** @fastify/session on connect-redis, as their readmes configure them. */

import { setTimeout as sleep } from "node:timers/promises";
import cookie from "@fastify/cookie";
import session from "@fastify/session";
import { RedisStore } from "connect-redis";
import fastify from "fastify";
import { fieldOrder, fieldsOf } from "../subjects/field-routes.ts";
import { fastifyListening } from "../subjects/http-server.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

const NO_SESSION = { error: "no session" };

/**
 * @param {{ port: number, rolling?: boolean, secret: string }} parameters
 * `rolling: false`: reads no longer store the whole session, and its end no longer moves
 */
export async function start({ port, rolling = true, secret }) {
  const client = await nodeRedis(port);
  const app = fastify();
  app.register(cookie);
  app.register(session, {
    store: new RedisStore({ client, prefix: "sess:" }),
    secret,
    rolling,
    saveUninitialized: false,
    // Its own default, true, sends no cookie over plain http.
    cookie: { secure: false },
  });
  app.post("/login", async (request) => {
    await request.session.regenerate();
    Object.assign(request.session, { user: userId(Number(request.query.n)), ...sessionData() });
    return { ok: true };
  });
  app.get("/bare", async () => ({ ok: true }));
  app.get("/me", async (request, reply) => {
    const { user, name, cart } = request.session;
    return user === undefined ? reply.code(401).send(NO_SESSION) : { user, name, cart };
  });
  app.post("/field", async (request, reply) => {
    if (request.session.user === undefined) return reply.code(401).send(NO_SESSION);
    const { name, value, ms } = fieldOrder(request.query);
    await sleep(ms);
    request.session[name] = value;
    return { ok: true };
  });
  app.get("/slow", async (request, reply) => {
    const { user } = request.session;
    await sleep(Number(request.query.ms));
    return user === undefined ? reply.code(401).send(NO_SESSION) : { user };
  });
  app.get("/fields", async (request, reply) =>
    request.session.user === undefined ? reply.code(401).send(NO_SESSION) : fieldsOf(request.session),
  );
  app.post("/logout", async (request) => {
    await request.session.destroy();
    return { ok: true };
  });
  return fastifyListening(app, async () => client.destroy());
}

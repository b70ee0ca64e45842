/** iron-session in Fastify: the whole session, sealed, in the cookie. No Redis. */

import { setTimeout as sleep } from "node:timers/promises";
import fastify from "fastify";
import { getIronSession } from "iron-session";
import { fieldOrder, fieldsOf } from "../subjects/field-routes.ts";
import { fastifyListening } from "../subjects/http-server.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

const NO_SESSION = { error: "no session" };

/** @param {{ secret: string }} parameters */
export async function start({ secret }) {
  const app = fastify();
  const options = { password: secret, cookieName: "iron", cookieOptions: { secure: false } };
  app.decorateRequest("iron", null);
  app.addHook("onRequest", async (request, reply) => {
    request.iron = await getIronSession(request.raw, reply.raw, options);
  });
  app.post("/login", async ({ iron, query }) => {
    Object.assign(iron, { user: userId(Number(query.n)), ...sessionData() });
    await iron.save();
    return { ok: true };
  });
  app.get("/bare", async () => ({ ok: true }));
  app.get("/me", async ({ iron: { user, name, cart } }, reply) =>
    user === undefined ? reply.code(401).send(NO_SESSION) : { user, name, cart },
  );
  app.post("/field", async ({ iron, query }, reply) => {
    if (iron.user === undefined) return reply.code(401).send(NO_SESSION);
    const { name, value, ms } = fieldOrder(query);
    await sleep(ms);
    iron[name] = value;
    await iron.save();
    return { ok: true };
  });
  app.get("/slow", async ({ iron: { user }, query }, reply) => {
    await sleep(Number(query.ms));
    return user === undefined ? reply.code(401).send(NO_SESSION) : { user };
  });
  app.get("/fields", async ({ iron }, reply) =>
    iron.user === undefined ? reply.code(401).send(NO_SESSION) : fieldsOf(iron),
  );
  app.post("/logout", async ({ iron }) => {
    iron.destroy();
    return { ok: true };
  });
  return fastifyListening(app, async () => undefined);
}

/** Fastify 5: `node examples/fastify/main.ts` */

import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { requireUser, sojourn } from "sojourn/fastify";
import "sojourn/fastify/augment";
import { listening, port, sessions } from "../sessions.ts";

const app = Fastify();
app.register(sojourn(sessions));

app.post<{ Body: { name: string } }>("/login", async ({ session, body }) => {
  await session.login({ userId: body.name, keep: ["visits"] });
  return { hello: session.userId };
});
app.get("/visits", async ({ session }) => ({ visits: await session.increment("visits") }));
app.get("/me", { preHandler: requireUser() }, async ({ session }) => ({ you: session.userId, ...session.data }));
app.post("/logout", async ({ session }) => ({ ended: await session.logout() }));

await app.listen({ port });
listening((app.server.address() as AddressInfo).port);

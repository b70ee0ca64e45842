/** Hono 4 on Node: `node examples/hono/main.ts` */

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { requireUser, sojourn } from "sojourn/hono";
import { listening, port, sessions } from "../sessions.ts";

/** Chained, so that every handler knows the session's data. */
const app = new Hono()
  .use(sojourn(sessions))
  .post("/login", async (c) => {
    const { name } = await c.req.json<{ name: string }>();
    await c.var.session.login({ userId: name, keep: ["visits"] });
    return c.json({ hello: c.var.session.userId });
  })
  .get("/visits", async (c) => c.json({ visits: await c.var.session.increment("visits") }))
  .get("/me", requireUser(), (c) => c.json({ you: c.var.session.userId, ...c.var.session.data }))
  .post("/logout", async (c) => c.json({ ended: await c.var.session.logout() }));

serve({ fetch: app.fetch, port }, (address) => listening(address.port));

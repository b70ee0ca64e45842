/** The application as it becomes: the same routes on Sojourn, which takes over the sessions that there are. */

import express, { type Request } from "express";
import { createClient } from "redis";
import { connectRedis } from "../../packages/sojourn/src/adopt.ts";
import { type RequestSession, sojourn } from "../../packages/sojourn/src/adapters/express.ts";
import { createSessions } from "../../packages/sojourn/src/create-sessions.ts";
import { redisStore } from "../../packages/sojourn/src/stores/redis/redis-store.ts";
import { printPort } from "./listening.ts";
import { OLD_SECRET } from "./old-secret.ts";

const client = createClient({ url: process.argv[2] ?? "" });
await client.connect();

const sessions = createSessions({
  // As long as it takes where one machine is browsers, proxy, both applications and Redis.
  store: redisStore(client, { deadline: { readMs: 10_000, writeMs: 10_000 } }),
  secrets: ["of this run only: 7ZrQm1vX0aLdYc3KfWb9"],
  adopt: {
    from: connectRedis({ client, secrets: OLD_SECRET }),
    map: ({ user, notes }) => ({ userId: user as string, data: notes as Record<string, string> }),
    retire: "keep",
  },
});

function sessionOf(req: Request): RequestSession {
  return (req as unknown as { session: RequestSession }).session;
}

const app = express();
app.set("trust proxy", "loopback");
app.use(sojourn(sessions));
app.get("/look", (req, res) => {
  const { userId, data } = sessionOf(req);
  res.json({ by: "new", user: userId, notes: data });
});
app.post("/note", async (req, res) => {
  const session = sessionOf(req);
  const { name } = req.query;
  if (session.userId !== null && typeof name === "string") await session.set(name, "noted");
  res.json({ by: "new", user: session.userId });
});
app.post("/logout", async (req, res) => {
  await sessionOf(req).logout();
  res.json({ by: "new" });
});
printPort(app);

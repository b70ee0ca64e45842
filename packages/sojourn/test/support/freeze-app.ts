/**
 * A process of its own: an Express application as people write them. Arguments: the kind of client, the port of Redis.
 * Tells its port; to each message it answers the resident memory in bytes and the rejections that nobody handled.
 */

import "../../src/adapters/express-augment.ts";
import { once } from "node:events";
import { createServer } from "node:http";
import express from "express";
import { sojourn } from "../../src/adapters/express.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { IOREDIS, NODE_REDIS_DEFAULTS } from "./redis-clients.ts";
import { TEST_SECRET } from "./secrets.ts";

let unhandled = 0;
process.on("unhandledRejection", () => unhandled++);

const [name, redisPort] = process.argv.slice(2);
const kind = [IOREDIS, NODE_REDIS_DEFAULTS].find((each) => each.name === name) ?? IOREDIS;
const { client } = await kind.open(Number(redisPort));
const sessions = createSessions({ store: redisStore(client), secrets: [TEST_SECRET], development: true });
await sessions.ready();

const app = express();
app.use(sojourn(sessions));
app.get("/look", (req, res) => void res.json(req.session.userId));
app.post("/mark/:name", async (req, res) => {
  await req.session.set(req.params.name, 1);
  res.json(req.params.name);
});
app.post("/login/:user", async (req, res) => {
  await req.session.login({ userId: req.params.user });
  res.json(req.session.userId);
});
// Express's own prints each error with its stack.
const answer: express.ErrorRequestHandler = (error, _req, res, _next) => {
  const { status = 500, headers = {} } = error as { status?: number; headers?: Record<string, string> };
  res.status(status).set(headers).end();
};
app.use(answer);

const server = createServer(app).listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.on("message", () => process.send?.({ rss: process.memoryUsage.rss(), unhandled }));
process.once("disconnect", () => process.exit());
process.send?.(typeof address === "object" ? address?.port : null);

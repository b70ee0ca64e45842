/** The application as it was: express-session and connect-redis, set up as their readmes do. */

import { createRequire } from "node:module";
import { RedisStore } from "connect-redis";
import express, { type Request, type RequestHandler } from "express";
import { createClient } from "redis";
import { printPort } from "./listening.ts";
import { OLD_SECRET } from "./old-secret.ts";

/** Not by `import`: its types of `req.session` and Sojourn's, which other programs here use, exclude each other. */
const session = createRequire(import.meta.url)("express-session") as (options: object) => RequestHandler;

interface Kept {
  user?: string;
  notes?: Record<string, string>;
  regenerate(done: (error: unknown) => void): void;
  destroy(done: () => void): void;
}

function sessionOf(req: Request): Kept {
  return (req as unknown as { session: Kept }).session;
}

function asked(req: Request, name: string): string {
  const value = req.query[name];
  return typeof value === "string" ? value : "";
}

const client = createClient({ url: process.argv[2] ?? "" });
await client.connect();

const app = express();
app.set("trust proxy", "loopback");
app.use(
  session({
    store: new RedisStore({ client }),
    secret: OLD_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { secure: true },
  }),
);
app.post("/login", (req, res, next) => {
  sessionOf(req).regenerate((error) => {
    if (error) {
      next(error);
      return;
    }
    Object.assign(sessionOf(req), { user: asked(req, "user"), notes: {} });
    res.json({ by: "old" });
  });
});
app.get("/look", (req, res) => {
  const { user = null, notes = {} } = sessionOf(req);
  res.json({ by: "old", user, notes });
});
app.post("/note", (req, res) => {
  const kept = sessionOf(req);
  if (kept.user !== undefined) kept.notes = { ...kept.notes, [asked(req, "name")]: "noted" };
  res.json({ by: "old", user: kept.user ?? null });
});
app.post("/logout", (req, res) => sessionOf(req).destroy(() => res.json({ by: "old" })));
printPort(app);

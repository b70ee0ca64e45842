/** Where Express 4 and 5 differ, and a proxy stands before them. What they must do alike is in the contract. */

import express, { type Express, type RequestHandler } from "express";
import express4 from "express4";
import { describe, expect, test } from "vitest";
import { requireUser, sojourn } from "../../src/adapters/express.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";
import { send, serve } from "../support/http.ts";
import { WatchedStore } from "../support/watched-store.ts";

const VERSIONS: [string, () => Express][] = [
  ["Express 4", express4 as () => Express],
  ["Express 5", express],
];

async function siteOf(make: () => Express, trustProxy: unknown, onError: "answer" | "next" = "answer") {
  const watched = new WatchedStore(memoryStore());
  const sessions = createSessions({ store: watched.store, secrets: [SECRET], log: () => undefined });
  const { token } = await sessions.create({ userId: "ada" });
  const app = make();
  app.set("trust proxy", trustProxy);
  app.use(sojourn(sessions, { onError }));
  app.post("/plain", ((_req, res) => void res.send("plain")) as RequestHandler);
  app.get("/me", requireUser(), ((_req, res) => void res.send("me")) as RequestHandler);
  const failed: express.ErrorRequestHandler = (error: { code: string; status: number }, _req, res, _next) => {
    res.status(error.status).send(`handler: ${error.code}`);
  };
  app.use(failed);
  const origin = await serve(app);
  const post = async (headers: Record<string, string>): Promise<number> => {
    const all = { Cookie: `${COOKIE}=${token}`, ...headers };
    return (await send(`${origin}/plain`, { method: "POST", headers: all })).status;
  };
  return { origin, watched, token, post };
}

const forwarded = { "X-Forwarded-Host": "shop.example:8443", "X-Forwarded-Proto": "https" };

describe.each(VERSIONS)("%s", (_version, make) => {
  test("H2: behind a trusted proxy the own origin is the forwarded one, port included", async () => {
    const { origin, post } = await siteOf(make, 1);
    expect(await post({ ...forwarded, Origin: "https://shop.example:8443" })).toBe(200);
    expect(await post({ ...forwarded, Origin: "https://shop.example" })).toBe(403);
    expect(await post({ ...forwarded, Origin: origin })).toBe(403);
    const list = { ...forwarded, "X-Forwarded-Host": "shop.example , inner:8080" };
    expect(await post({ ...list, Origin: "https://shop.example" })).toBe(200);
    expect(await post({ Origin: origin })).toBe(200);
  });

  test("H2: forwarded headers of somebody who is not trusted mean nothing", async () => {
    const { origin, post } = await siteOf(make, false);
    expect(await post({ ...forwarded, Origin: "https://shop.example:8443" })).toBe(403);
    expect(await post({ ...forwarded, Origin: origin })).toBe(200);
  });

  test("the guard and the middleware pass errors on", async () => {
    const { origin, watched, token } = await siteOf(make, false, "next");
    expect(await send(`${origin}/me`)).toMatchObject({ status: 401, body: "handler: login_required" });
    const headers = { Cookie: `${COOKIE}=${token}` };
    expect(await send(`${origin}/me`, { headers })).toMatchObject({ status: 200, body: "me" });
    watched.down = true;
    expect(await send(`${origin}/me`, { headers })).toMatchObject({ status: 503, body: "handler: store_unavailable" });
  });

  test("a guard before the middleware is answered by the error handler", async () => {
    const app = make();
    app.get("/me", requireUser());
    const failed: express.ErrorRequestHandler = (error: { code: string }, _req, res, _next) => {
      res.status(500).send(error.code);
    };
    app.use(failed);
    expect(await send(`${await serve(app)}/me`)).toMatchObject({ status: 500, body: "middleware_missing" });
  });
});

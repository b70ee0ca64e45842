/**
 * `res.end(await page(session))` looks `res.end` up before the session is written: the answer waits all the same, and
 * has its headers.
 */

import type { RequestListener, ServerResponse } from "node:http";
import express from "express";
import Koa from "koa";
import { describe, expect, test } from "vitest";
import { sojourn as expressSojourn } from "../../src/adapters/express.ts";
import "../../src/adapters/express-augment.ts";
import { sojourn as koaSojourn } from "../../src/adapters/koa.ts";
import "../../src/adapters/koa-augment.ts";
import { sojourn as nodeSojourn } from "../../src/adapters/node.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import type { Sessions } from "../../src/index.ts";
import { watchedSessions } from "../support/adapter-site.ts";
import { send, serve } from "../support/http.ts";

type Handle = (path: string | undefined, session: RequestSession, res: ServerResponse) => Promise<void>;

const handle: Handle = async (path, session, res) => {
  const begun = (): string => {
    void session.set("a", 1);
    return "ok";
  };
  // Koa's would be 404.
  res.statusCode = 200;
  if (path === "/end") res.end(await Promise.resolve().then(begun));
  else if (path === "/head") res.writeHead(200, { "X-Begun": begun() }).end("ok");
  else if (path === "/login")
    res.writeHead(200, { "X-User": (await session.login({ userId: "ada" })).userId ?? "" }).end("ok");
  else {
    res.write(await Promise.resolve().then(begun));
    res.end();
  }
};

const LISTENERS: [string, (sessions: Sessions) => RequestListener][] = [
  [
    "Express",
    (sessions) =>
      express()
        .use(expressSojourn(sessions), expressSojourn(sessions, { property: "sojourn" }))
        .use((req, res) => handle(req.path, req.session, res)),
  ],
  [
    "Koa",
    (sessions) => {
      const app = new Koa();
      app.silent = true;
      app.use(koaSojourn(sessions));
      app.use((ctx) => {
        ctx.respond = false;
        return handle(ctx.path, ctx.session, ctx.res);
      });
      const callback = app.callback();
      return (req, res) => void callback(req, res);
    },
  ],
  ["node:http", (sessions) => nodeSojourn(sessions).handler((req, res) => handle(req.url, req.session, res))],
];

describe.each(LISTENERS)("%s", (_name, listener) => {
  test.each(["/end", "/head", "/login", "/write"])("%s", async (path) => {
    const { sessions, store } = watchedSessions();
    const origin = await serve(listener(sessions));
    const reply = await send(origin + path);
    expect(reply).toMatchObject({ status: 200, body: "ok", headers: { vary: "Cookie", "cache-control": "no-store" } });
    expect(reply.setCookies).toHaveLength(1);
    if (path === "/login") return;
    store.down = true;
    expect(await send(origin + path)).toMatchObject({ status: 503, setCookies: [], headers: { "retry-after": "1" } });
  });
});

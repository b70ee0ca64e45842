/**
 * `res.end(await page(session))` looks `res.end` up before the session is written: the answer waits all the same, and
 * has its headers.
 */

import type { RequestListener, ServerResponse } from "node:http";
import express, { type Express, type RequestHandler } from "express";
import express4 from "express4";
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

/** As compression does it: over each way of sending, before or after the session. */
const wrapping: RequestHandler = (_req, res, next) => {
  const { end, write, writeHead } = res;
  Object.assign(res, {
    end: (...args: unknown[]) => Reflect.apply(end, res, args),
    write: (...args: unknown[]) => Reflect.apply(write, res, args),
    writeHead: (...args: unknown[]) => Reflect.apply(writeHead, res, args),
  });
  next();
};

const answering: RequestHandler = (req, res) => handle(req.path, req.session, res);

function expressOf(make: () => Express, ...handlers: ((session: RequestHandler) => RequestHandler)[]) {
  return (sessions: Sessions): RequestListener => {
    const session = expressSojourn(sessions);
    return make().use(...handlers.map((each) => each(session)));
  };
}

/** One that was wrapped by the application on its prototype. */
function extended(): Express {
  const app = express();
  const { end } = app.response;
  app.response.end = function (this: object, ...args: unknown[]) {
    return Reflect.apply(end, this, args);
  } as typeof end;
  return app;
}

const LISTENERS: [string, (sessions: Sessions) => RequestListener][] = [
  [
    "Express",
    (sessions) =>
      express()
        .use(expressSojourn(sessions), expressSojourn(sessions, { property: "sojourn" }))
        .use((req, res) => handle(req.path, req.session, res)),
  ],
  [
    "Express 4",
    expressOf(
      express4 as () => Express,
      (session) => session,
      () => answering,
    ),
  ],
  [
    "Express, wrapped before",
    expressOf(
      express,
      () => wrapping,
      (session) => session,
      () => answering,
    ),
  ],
  [
    "Express, wrapped after",
    expressOf(
      express,
      (session) => session,
      () => wrapping,
      () => answering,
    ),
  ],
  ["Express, in an application within", expressOf(express, (session) => express().use(session, answering))],
  [
    "Express, answered outside of the application within",
    expressOf(
      express,
      (session) => express().use(session),
      () => answering,
    ),
  ],
  [
    "Express, answered by an application that is not mounted",
    expressOf(
      express,
      (session) => session,
      () => {
        const inner = express().use(answering);
        return (req, res, next) => inner(req, res, next);
      },
    ),
  ],
  [
    "Express, with a prototype of its own",
    expressOf(
      extended,
      (session) => session,
      () => answering,
    ),
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
    // The first request of all is another one: prototypes are as their framework made them.
    await send(`${origin}/end`);
    const reply = await send(origin + path);
    expect(reply).toMatchObject({ status: 200, body: "ok", headers: { vary: "Cookie", "cache-control": "no-store" } });
    expect(reply.setCookies).toHaveLength(1);
    if (path === "/login") return;
    store.down = true;
    expect(await send(origin + path)).toMatchObject({ status: 503, setCookies: [], headers: { "retry-after": "1" } });
  });
});

/** The contract's site as a Koa application. */

import type { RequestListener } from "node:http";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import Koa, { type Context } from "koa";
import { csrf, requireFresh, requirePermission, requireRole, requireUser, sojourn } from "../../../src/adapters/koa.ts";
import "../../../src/adapters/koa-augment.ts";
import type { ContractAnswer, ContractSite } from "../../../src/testing/adapter-contract.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

type Send = (answer: ContractAnswer, ctx: Context) => Promise<void>;

export const sendByContext: Send = async ({ body, headers = {}, after }, ctx) => {
  ctx.set(headers);
  if (after === undefined) {
    ctx.body = body;
    return;
  }
  const stream = new PassThrough();
  ctx.body = stream;
  stream.write(body);
  const ended = async (): Promise<void> => {
    while (!ctx.res.headersSent) await sleep(1);
    await after();
    stream.end();
  };
  void ended();
};

export const sendByRaw: Send = async ({ body, headers = {}, after }, ctx) => {
  ctx.respond = false;
  ctx.res.writeHead(200, headers);
  if (after === undefined) {
    ctx.res.end(body);
    return;
  }
  ctx.res.write(body);
  await after();
  ctx.res.end();
};

export function koaListener({ sessions, options, routes }: ContractSite, send: Send): RequestListener {
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx, next) => {
    if (ctx.is("urlencoded") !== false)
      Object.assign(ctx.request, { body: Object.fromEntries(new URLSearchParams(await text(ctx.req))) });
    await next();
  });
  app.use(sojourn(sessions, options));
  app.use(async (ctx, next) => {
    const asked = ctx.method === "HEAD" ? "GET" : ctx.method;
    const route = routes.find(({ method, path }) => ctx.path === path && asked === method);
    if (route === undefined) return next();
    const guards = (route.guards ?? []).map(({ name, argument }) => GUARDS[name](argument as never));
    const handle = async (): Promise<void> => {
      const answered = route.handle(ctx.session);
      await send(answered instanceof Promise ? await answered : answered, ctx);
    };
    const run = guards.reduceRight<() => Promise<unknown>>((inner, guard) => async () => guard(ctx, inner), handle);
    return run();
  });
  const callback = app.callback();
  return (req, res) => void callback(req, res);
}

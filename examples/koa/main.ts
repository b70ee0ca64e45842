/** Koa 3: `node examples/koa/main.ts` */

import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import Koa, { type Middleware } from "koa";
import { requireUser, sojourn } from "sojourn/koa";
import "sojourn/koa/augment";
import { listening, port, sessions } from "../sessions.ts";

const app = new Koa();
app.use(sojourn(sessions));

const signedIn = requireUser();
const routes: Readonly<Record<string, Middleware>> = {
  "POST /login": async (ctx) => {
    const { name } = (await json(ctx.req)) as { name: string };
    await ctx.session.login({ userId: name, keep: ["visits"] });
    ctx.body = { hello: ctx.session.userId };
  },
  "GET /visits": async (ctx) => {
    ctx.body = { visits: await ctx.session.increment("visits") };
  },
  "GET /me": (ctx) =>
    signedIn(ctx, async () => {
      ctx.body = { you: ctx.session.userId, ...ctx.session.data };
    }),
  "POST /logout": async (ctx) => {
    ctx.body = { ended: await ctx.session.logout() };
  },
};
app.use((ctx, next) => routes[`${ctx.method} ${ctx.path}`]?.(ctx, next) ?? next());

const server = app.listen(port, () => listening((server.address() as AddressInfo).port));

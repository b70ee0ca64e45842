/** What must compile and what must not, of the Koa adapter; checked by `tsc`, never run. */

import Koa, { type Context } from "koa";
import {
  csrf,
  type KoaOptions,
  requireFresh,
  requireRole,
  requireUser,
  type RequestSession,
  sojourn,
} from "../../src/adapters/koa.ts";
import "../../src/adapters/koa-augment.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits: number;
}

declare const sessions: Sessions<Data>;
declare const other: RequestSession;

export function middleware(): void {
  const app = new Koa();
  app.use(sojourn(sessions));
  app.use(sojourn(sessions, { load: "lazy", onError: "throw", trustProxy: ["::1"] }));
  app
    .use(requireUser({ redirectTo: "/login" }))
    .use(csrf())
    .use(requireFresh({ maxAge: "10m", aal: 2 }));
  app.use((ctx) => void (ctx.body = ctx.session.userId));
  sojourn(sessions, { fingerprint: (ctx) => ctx.get("x-device"), countsAsActivity: ({ path }) => path !== "/poll" });
  // @ts-expect-error -- not a way of loading
  sojourn(sessions, { load: "never" });
  // @ts-expect-error -- the session stands under one of two names
  sojourn(sessions, { property: "sess" });
  // @ts-expect-error -- Koa's errors are thrown
  sojourn(sessions, { onError: "next" });
  // @ts-expect-error -- takes what createSessions answers
  sojourn({});
  // @ts-expect-error -- options are read-only
  (({}) as KoaOptions).load = "lazy";
  // @ts-expect-error -- how fresh it must be is not to be forgotten
  requireFresh({ aal: 2 });
  // @ts-expect-error -- one role
  requireRole(["editor"]);
}

/** Without the opt-in: middleware that is chained knows the data. */
export function chained(): void {
  new Koa().use(sojourn(sessions, { property: "sojourn" })).use(async (ctx) => {
    holds<Equal<typeof ctx.sojourn, RequestSession<Data>>>();
    await ctx.sojourn.set("theme", "dark");
    // @ts-expect-error -- not a value of the field
    await ctx.sojourn.set("theme", "green");
  });
}

export async function session(ctx: Context): Promise<void> {
  holds<Equal<typeof ctx.session, RequestSession<Record<string, unknown>>>>();
  await ctx.session.set("anything", [1, 2]);
  // @ts-expect-error -- the middleware's to put there
  ctx.session = other;
  // @ts-expect-error -- N3: facts are read-only
  ctx.session.userId = "admin";
}

/** What must compile and what must not, of the Hono adapter; checked by `tsc`, never run. */

import { type Context, Hono } from "hono";
import {
  csrf,
  type HonoOptions,
  requireFresh,
  requireRole,
  requireUser,
  type RequestSession,
  sojourn,
  type SojournEnv,
} from "../../src/adapters/hono.ts";
import "../../src/adapters/hono-augment.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits: number;
}

declare const sessions: Sessions<Data>;

export function middleware(): void {
  new Hono().use(sojourn(sessions)).use("/admin/*", requireRole("admin"));
  sojourn(sessions, { load: "lazy", onError: "throw", trustProxy: ["::1"], url: (c) => c.req.url });
  sojourn(sessions, { fingerprint: (c) => c.req.header("x-device"), countsAsActivity: (c) => c.req.path !== "/poll" });
  // @ts-expect-error -- not a way of loading
  sojourn(sessions, { load: "never" });
  // @ts-expect-error -- the session stands under one of two names
  sojourn(sessions, { property: "sess" });
  // @ts-expect-error -- Hono's errors are thrown
  sojourn(sessions, { onError: "next" });
  // @ts-expect-error -- takes what createSessions answers
  sojourn({});
  // @ts-expect-error -- options are read-only
  (({}) as HonoOptions).load = "lazy";
  // @ts-expect-error -- how fresh it must be is not to be forgotten
  requireFresh({ aal: 2 });
}

/** By chaining, and by the type of the application; under the other name, for the opt-in has the first. */
export function typed(): void {
  new Hono().use(sojourn(sessions, { property: "sojourn" })).get("/", requireUser(), csrf(), async (c) => {
    holds<Equal<typeof c.var.sojourn, RequestSession<Data>>>();
    // @ts-expect-error -- not a value of the field
    await c.get("sojourn").set("theme", "green");
    return c.json({ theme: c.var.sojourn.data.theme });
  });
  const app = new Hono<SojournEnv<Data, "sojourn">>();
  app.use(sojourn(sessions, { property: "sojourn" }));
  app.post("/", async (c) => {
    holds<Equal<typeof c.var.sojourn, RequestSession<Data>>>();
    await c.var.sojourn.increment("visits");
    // @ts-expect-error -- no such field
    await c.var.sojourn.set("colour", "dark");
    return c.body(null);
  });
}

/** By the opt-in. */
export function session(c: Context): void {
  holds<Equal<typeof c.var.session, RequestSession<Record<string, unknown>>>>();
  // @ts-expect-error -- N3: facts are read-only
  c.var.session.userId = "admin";
}

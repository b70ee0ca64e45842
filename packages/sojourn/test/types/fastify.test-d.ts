/** What must compile and what must not, of the Fastify adapter; checked by `tsc`, never run. */

import Fastify, { type FastifyPluginAsync, type FastifyRequest } from "fastify";
import {
  csrf,
  type FastifyGuard,
  type FastifyOptions,
  requireFresh,
  requireRole,
  requireUser,
  type RequestSession,
  sojourn,
} from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits: number;
}

declare const sessions: Sessions<Data>;

export async function plugin(): Promise<void> {
  holds<Equal<ReturnType<typeof sojourn<Data>>, FastifyPluginAsync>>();
  const app = Fastify();
  app.register(sojourn(sessions));
  await app.register(sojourn(sessions, { property: "sojourn", load: "lazy", onError: "throw", trustProxy: ["::1"] }));
  await Fastify({ http2: true }).register(sojourn(sessions));
  await Fastify({ logger: true }).register(sojourn(sessions));
  sojourn(sessions, { fingerprint: (request) => request.headers["x-device"]?.toString() });
  sojourn(sessions, { countsAsActivity: ({ routeOptions }) => routeOptions.url !== "/poll" });
  // @ts-expect-error -- not a way of loading
  sojourn(sessions, { load: "never" });
  // @ts-expect-error -- the session stands under one of two names
  sojourn(sessions, { property: "sess" });
  // @ts-expect-error -- Fastify has no next
  sojourn(sessions, { onError: "next" });
  // @ts-expect-error -- takes what createSessions answers
  sojourn({});
  // @ts-expect-error -- sessions are no option of the registration
  await app.register(sojourn, { sessions });
  // @ts-expect-error -- options are read-only
  (({}) as FastifyOptions).load = "lazy";
}

export async function session(request: FastifyRequest): Promise<void> {
  holds<Equal<typeof request.session, RequestSession<Record<string, unknown>>>>();
  await request.session.set("anything", [1, 2]);
  const typed = request.getDecorator<RequestSession<Data>>("sojourn");
  await typed.set("theme", "dark");
  // @ts-expect-error -- not a value of the field
  await typed.set("theme", "green");
  // @ts-expect-error -- no such field
  await typed.set("colour", "dark");
  // @ts-expect-error -- the plugin's to put there
  request.session = typed;
  // @ts-expect-error -- N3: facts are read-only
  request.session.userId = "admin";
}

export function guards(): void {
  holds<Equal<ReturnType<typeof requireUser>, FastifyGuard>>();
  const app = Fastify();
  app.addHook("onRequest", requireUser({ redirectTo: "/login" }));
  app.addHook("preHandler", csrf());
  app.get("/a", { preHandler: requireUser() }, ({ session: { userId } }) => userId);
  app.post<{ Body: { a: number } }>("/b", { preValidation: [requireUser(), csrf()] }, ({ body }) => body.a);
  app.route({ method: "GET", url: "/c", preHandler: [requireRole("editor")], handler: () => "c" });
  Fastify({ http2: true }).get("/d", { preHandler: requireFresh({ maxAge: "10m", aal: 2 }) }, () => "d");
  // @ts-expect-error -- there is a payload
  app.addHook("preParsing", requireUser());
  // @ts-expect-error -- how fresh it must be is not to be forgotten
  requireFresh({ aal: 2 });
  // @ts-expect-error -- one role
  requireRole(["editor"]);
}

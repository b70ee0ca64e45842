/** The routes that the cases of the adapter contract ask for. */

import type { ContractAnswer, ContractRoute } from "./site.ts";
import type { RequestSession } from "../../adapters/request-session.ts";

const json = (value: unknown): ContractAnswer => ({ body: JSON.stringify(value) });

function look({ active, userId, data }: RequestSession): ContractAnswer {
  return json({ active, userId, data });
}

async function nameOfError(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return (error as Error).name;
  }
}

/** After the response has begun, what needs its headers is refused; the other end hears it through `/heard`. */
function lateRoutes(): ContractRoute[] {
  let heard: Promise<string> = Promise.resolve("not yet");
  return [
    {
      method: "POST",
      path: "/late",
      handle: (session) => ({
        body: "begun",
        after: async () => {
          heard = nameOfError(session.active ? session.logout() : session.set("a", 1));
          await heard;
        },
      }),
    },
    { method: "GET", path: "/heard", handle: async () => ({ body: await heard }) },
  ];
}

const ROUTES: readonly ContractRoute[] = [
  { method: "GET", path: "/plain", handle: () => ({ body: "plain" }) },
  { method: "POST", path: "/plain", handle: () => ({ body: "plain" }) },
  { method: "GET", path: "/look", handle: look },
  { method: "GET", path: "/unavailable", handle: ({ unavailable }) => json(unavailable) },
  { method: "GET", path: "/stale", handle: ({ stale }) => json(stale) },
  {
    method: "GET",
    path: "/public",
    handle: (session) => ({
      body: String(session.active),
      headers: { "Cache-Control": "public, max-age=60", Vary: "Accept", "Set-Cookie": "theirs=1; Path=/" },
    }),
  },
  {
    method: "POST",
    path: "/awaited",
    handle: async (session) => {
      await session.set("a", 1);
      await Promise.all([session.increment("n"), session.update((draft) => void (draft["b"] = [2]))]);
      return look(session);
    },
  },
  {
    method: "POST",
    path: "/unawaited",
    handle: (session) => {
      void session.set("a", 1);
      return { body: "answered", headers: { "Content-Type": "application/x-handler" } };
    },
  },
  {
    method: "POST",
    path: "/streamed",
    handle: (session) => {
      void session.set("a", 1);
      return { body: "begun", after: () => Promise.resolve() };
    },
  },
  {
    method: "POST",
    path: "/bug",
    handle: async (session) => {
      await session.login({ userId: "ada" });
      throw new Error("a bug of the handler");
    },
  },
  { method: "POST", path: "/rejects", handle: async (session) => json(await session.set("a", 1n)) },
  {
    method: "POST",
    path: "/catches",
    handle: async (session) => ({ body: await nameOfError(session.set("a", 1)) }),
  },
  {
    method: "POST",
    path: "/login",
    handle: async (session) => {
      const { id } = await session.login({ userId: "ada", keep: ["a"] });
      return json({ id, token: session.token });
    },
  },
  {
    method: "POST",
    path: "/login-header",
    handle: async (session) => {
      await session.login({ userId: "ada", transport: "header" });
      return json({ token: session.token });
    },
  },
  {
    method: "POST",
    path: "/rotate",
    handle: async (session) => json({ id: (await session.rotate())?.id ?? null, token: session.token }),
  },
  {
    method: "POST",
    path: "/reauthenticate",
    handle: async (session) => {
      const elevated = await session.reauthenticate({ userId: "ada", aal: 2 });
      return json({ aal: elevated?.aal ?? null, token: session.token });
    },
  },
  {
    method: "GET",
    path: "/facts",
    handle: ({ current, locked }) => json({ ip: current?.device.ip ?? null, locked, aal: current?.aal ?? null }),
  },
  {
    method: "POST",
    path: "/confirm",
    guards: [{ name: "csrf" }],
    handle: async (session) => json((await session.reauthenticate({ userId: "ada" }))?.id ?? null),
  },
  { method: "GET", path: "/form", handle: (session) => json(session.csrfToken) },
  { method: "GET", path: "/with-token", guards: [{ name: "csrf" }], handle: look },
  { method: "POST", path: "/with-token", guards: [{ name: "csrf" }], handle: look },
  { method: "GET", path: "/user", guards: [{ name: "requireUser" }], handle: look },
  {
    method: "GET",
    path: "/user-page",
    guards: [{ name: "requireUser", argument: { redirectTo: "/login" } }],
    handle: look,
  },
  {
    method: "POST",
    path: "/password",
    handle: async (session) => json((await session.passwordChanged())?.id ?? null),
  },
  {
    method: "POST",
    path: "/login-editor",
    handle: async (session) => {
      await session.login({ userId: "grace", data: { roles: ["editor"], permissions: ["write"] } });
      return look(session);
    },
  },
  {
    method: "POST",
    path: "/first-factor",
    handle: async (session) => {
      const named = { userId: "ada", user: { id: "ada" }, aal: 3, authenticatedAt: 8e15 };
      await session.update((draft) => Object.assign(draft, named, { roles: ["editor"], permissions: ["write"] }));
      return look(session);
    },
  },
  { method: "GET", path: "/editors", guards: [{ name: "requireRole", argument: "editor" }], handle: look },
  { method: "GET", path: "/writers", guards: [{ name: "requirePermission", argument: "write" }], handle: look },
  { method: "GET", path: "/readers", guards: [{ name: "requirePermission", argument: "read" }], handle: look },
  { method: "GET", path: "/fresh", guards: [{ name: "requireFresh", argument: { maxAge: "10m" } }], handle: look },
  {
    method: "GET",
    path: "/fresh-page",
    guards: [{ name: "requireFresh", argument: { maxAge: "10m", aal: 2, redirectTo: "/confirm" } }],
    handle: look,
  },
  { method: "POST", path: "/logout", handle: async (session) => json(await session.logout()) },
];

export function contractRoutes(): readonly ContractRoute[] {
  return [...ROUTES, ...lateRoutes()];
}

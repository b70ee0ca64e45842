/** `examples/react-router`: the real React Router's loaders and actions, with sessions that Sojourn keeps. */

import { createCookie, createStaticHandler, redirect, type RouteObject } from "react-router";
import { createSessions, type Sessions } from "sojourn";
import { expect, onTestFinished, test } from "vitest";
import { createSojournStorage, type SojournStorage } from "../examples/react-router/storage.ts";
import { TEST_SECRET } from "../packages/sojourn/test/support/secrets.ts";

interface Site {
  readonly sessions: Sessions;
  readonly storage: SojournStorage;
  /** Sends a form's fields, or asks the loader of `/` without any; answers what it answered. */
  send(path: string, jar: Map<string, string>, fields?: Readonly<Record<string, string>>): Promise<unknown>;
}

function startSite(beforeCommit: () => Promise<void> = () => Promise.resolve()): Site {
  const sessions = createSessions({
    development: true,
    secrets: [TEST_SECRET],
    background: false,
    log: () => undefined,
  });
  onTestFinished(() => sessions.close());
  const cookie = createCookie("__Host-Http-sid", {
    httpOnly: true,
    secure: true,
    sameSite: "lax",
    path: "/",
    secrets: [TEST_SECRET],
  });
  const storage = createSojournStorage(sessions, cookie);
  const { queryRoute } = createStaticHandler(routesOf(storage, beforeCommit));
  return {
    sessions,
    storage,
    async send(path, jar, fields) {
      const headers = { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") };
      const form = fields === undefined ? {} : { method: "POST", body: new URLSearchParams(fields) };
      const answer: unknown = await queryRoute(new Request(`https://site.example${path}`, { headers, ...form })).catch(
        (thrown: unknown) => thrown,
      );
      if (!(answer instanceof Response)) return answer;
      for (const line of answer.headers.getSetCookie()) keep(jar, line);
      return answer.headers.get("Location") ?? answer.status;
    },
  };
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
  if (line.includes("Expires=Thu, 01 Jan 1970")) jar.delete(name);
  else jar.set(name, value);
}

function routesOf(storage: SojournStorage, beforeCommit: () => Promise<void>): RouteObject[] {
  const headerOf = (request: Request): string | null => request.headers.get("Cookie");
  return [
    {
      id: "look",
      path: "/",
      loader: async ({ request }) => (await storage.getSession(headerOf(request))).data,
    },
    {
      id: "login",
      path: "/login",
      action: async ({ request }) => {
        const name = (await request.formData()).get("name");
        if (typeof name !== "string") return new Response(null, { status: 400 });
        const line = await storage.logIn(headerOf(request), { userId: name, data: { name } });
        return redirect("/", { headers: { "Set-Cookie": line } });
      },
    },
    {
      id: "note",
      path: "/note",
      action: async ({ request }) => {
        const session = await storage.getSession(headerOf(request));
        for (const [name, value] of await request.formData()) session.set(name, value);
        session.flash("said", "noted");
        await beforeCommit();
        return redirect("/", { headers: { "Set-Cookie": await storage.commitSession(session) } });
      },
    },
    {
      id: "logout",
      path: "/logout",
      action: async ({ request }) => {
        const session = await storage.getSession(headerOf(request));
        return redirect("/login", { headers: { "Set-Cookie": await storage.destroySession(session) } });
      },
    },
  ];
}

test("React Router: an anonymous session begins with its first commit; a login is listed, a logout ends every copy", async () => {
  const { send, sessions } = startSite();
  const jar = new Map<string, string>();
  expect([await send("/", jar), jar.size]).toEqual([{}, 0]);
  expect(await send("/note", jar, { a: "1" })).toBe("/");
  expect(await send("/", jar)).toEqual({ a: "1", __flash_said__: "noted" });
  const anonymous = new Map(jar);
  expect(await send("/login", jar, { name: "ada" })).toBe("/");
  expect([await send("/", jar), await send("/", anonymous)]).toEqual([{ name: "ada" }, {}]);
  expect((await sessions.list("ada")).map(({ data }) => data)).toEqual([{ name: "ada" }]);
  const copy = new Map(jar);
  expect([await send("/logout", jar, {}), jar.size, await send("/", copy)]).toEqual(["/login", 0, {}]);
  expect(await sessions.count()).toBe(0);
});

test("React Router: two actions that commit different fields of one session at the same time both stay", async () => {
  let waiting = 0;
  const { promise: bothRead, resolve } = Promise.withResolvers<void>();
  const { send } = startSite(async () => {
    waiting += 1;
    if (waiting === 2) resolve();
    await bothRead;
  });
  const jar = new Map<string, string>();
  await send("/login", jar, { name: "ada" });
  await Promise.all([send("/note", new Map(jar), { a: "1" }), send("/note", new Map(jar), { b: "2" })]);
  expect(await send("/", jar)).toEqual({ name: "ada", a: "1", b: "2", __flash_said__: "noted" });
});

test("React Router: a commit after a sign-out elsewhere is a 401, and brings nothing back", async () => {
  const { send, sessions } = startSite(async () => void (await sessions.revokeUser("ada")));
  const jar = new Map<string, string>();
  await send("/login", jar, { name: "ada" });
  expect(await send("/note", jar, { a: "1" })).toBe(401);
  expect([await send("/", jar), await sessions.count()]).toEqual([{}, 0]);
});

test("React Router: a cookie that was tampered with, and one that is no token, are nobody's", async () => {
  const { send } = startSite();
  const jar = new Map<string, string>();
  await send("/login", jar, { name: "ada" });
  const [[name, value] = ["", ""]] = jar;
  for (const forged of [`${value.slice(0, -2)}AA`, "e30=", ""]) {
    expect(await send("/", new Map([[name, forged]]))).toEqual({});
  }
});

/** What must compile and what must not; checked by `tsc`, never run. */

import type { RequestHandler } from "express";
import {
  type ExpressOptions,
  requireFresh,
  requireRole,
  type requireUser,
  sojourn,
} from "../../src/adapters/express.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { auth } from "../../src/patterns/auth.ts";
import { cart, type CartItem } from "../../src/patterns/cart.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits: number;
  cart?: CartItem[];
}

declare const sessions: Sessions<Data>;
declare const session: RequestSession<Data>;
declare const untyped: RequestSession;

export async function data(): Promise<void> {
  holds<Equal<typeof session.data, Readonly<Partial<Data>>>>();
  holds<Equal<Awaited<ReturnType<typeof session.get<"theme">>>, "dark" | "light" | undefined>>();
  holds<Equal<typeof untyped.data, Readonly<Partial<Record<string, unknown>>>>>();
  await session.set("theme", "dark");
  await session.increment("visits", 2);
  await session.update((draft) => {
    draft.visits = (draft.visits ?? 0) + 1;
  });
  await untyped.set("anything", [1, 2]);
  // @ts-expect-error -- not a value of the field
  await session.set("theme", "green");
  // @ts-expect-error -- no such field
  await session.set("colour", "dark");
  // @ts-expect-error -- N3: who the user is stands not in the data
  await session.set("userId", "admin");
  // @ts-expect-error -- text cannot be counted
  await session.increment("theme");
  // @ts-expect-error -- no such field
  await session.delete("colour");
  // @ts-expect-error -- snapshots are read-only
  session.data.theme = "light";
  // @ts-expect-error -- N3: facts are read-only
  session.userId = "admin";
}

export async function login(): Promise<void> {
  holds<Equal<typeof session.userId, string | null>>();
  await session.login({ userId: "ada", keep: ["cart"], data: { theme: "dark" } });
  // @ts-expect-error -- a login is of a user
  await session.login({});
  // @ts-expect-error -- no such field to keep
  await session.login({ userId: "ada", keep: ["colour"] });
  // @ts-expect-error -- not a value of the field
  await session.login({ userId: "ada", data: { theme: 1 } });
  // @ts-expect-error -- assurance levels are 0 to 3
  await session.login({ userId: "ada", aal: 4 });
}

export function middleware(): void {
  holds<Equal<ReturnType<typeof sojourn<Data>>, RequestHandler>>();
  holds<Equal<ReturnType<typeof requireUser>, RequestHandler>>();
  sojourn(sessions, { property: "sojourn", load: "lazy", onError: "next", origins: ["https://a.example"] });
  sojourn(sessions, { onUnavailable: "stale" });
  sojourn(sessions, { onUnavailable: ({ path }) => (path === "/" ? "anonymous" : "reject") });
  holds<Equal<typeof session.stale, boolean>>();
  // @ts-expect-error -- not a way of doing without the store
  sojourn(sessions, { onUnavailable: "later" });
  // @ts-expect-error -- nor for a request
  sojourn(sessions, { onUnavailable: () => "later" });
  // @ts-expect-error -- not a way of loading
  sojourn(sessions, { load: "never" });
  // @ts-expect-error -- the session stands under one of two names
  sojourn(sessions, { property: "sess" });
  // @ts-expect-error -- takes what createSessions answers
  sojourn({});
  // @ts-expect-error -- options are read-only
  (({}) as ExpressOptions).load = "lazy";
}

export async function patterns(): Promise<void> {
  const { login: signIn, logout } = auth(sessions, { verify: ({ name }: { name: string }) => ({ id: name, age: 7 }) });
  const result = await signIn({ name: "ada" }, { via: session });
  if (result !== null) {
    holds<Equal<typeof result.user.age, number>>();
    holds<Equal<typeof result.token, string | undefined>>();
    holds<Equal<typeof result.session.data, Readonly<Partial<Data>>>>();
  }
  await logout(session);
  await logout("token");
  // @ts-expect-error -- the credentials that verify takes
  await signIn({ password: "x" });
  // @ts-expect-error -- a user has an id
  auth(sessions, { verify: () => ({ name: "ada" }) });

  const items = await cart(sessions).add(session, "mug", 2);
  holds<Equal<typeof items, CartItem[]>>();
  await cart(sessions).add("id", "mug");
  // @ts-expect-error -- a number of things
  await cart(sessions).add(session, "mug", "2");
  // @ts-expect-error -- a session's id or what holds its data
  await cart(sessions).get(7);
}

export async function security(): Promise<void> {
  holds<Equal<Awaited<ReturnType<typeof sessions.csrf.verify>>, boolean>>();
  holds<Equal<typeof session.csrfToken, string | null>>();
  const { token, csrfToken } = await sessions.create({ userId: "ada", binding: { fingerprint: "x" } });
  holds<Equal<typeof csrfToken, string>>();
  await sessions.validate(token, { ip: "203.0.113.7", userAgent: "x", fingerprint: null });
  await sessions.patchUser("ada", { theme: "light", cart: undefined });
  requireFresh({ maxAge: "10m", aal: 2 });
  // @ts-expect-error -- how fresh it must be is not to be forgotten
  requireFresh({ aal: 2 });
  // @ts-expect-error -- one role
  requireRole(["editor"]);
  // @ts-expect-error -- of a session: req.session has csrfToken
  sessions.csrf.token(session);
  // @ts-expect-error -- not a value of the field
  await sessions.patchUser("ada", { theme: "green" });
  // @ts-expect-error -- no such signal
  await sessions.validate(token, { userAgents: "x" });
}

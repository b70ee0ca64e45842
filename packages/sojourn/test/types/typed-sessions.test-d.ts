/** Where sessions of typed data fit, and where not; checked by `tsc`, never run. */

import type { RequestHandler } from "express";
import { sojourn as expressSojourn } from "../../src/adapters/express.ts";
import type { RegisteredData } from "../../src/adapters/registered-data.ts";
import { type FetchAdapter, sojourn as fetchSojourn } from "../../src/adapters/fetch.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import { createSessions, type Session, type SessionDataById, type Sessions } from "../../src/index.ts";
import { type Auth, auth } from "../../src/patterns/auth.ts";
import { type Cart, cart } from "../../src/patterns/cart.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits?: number;
}
type Alias = { -readonly [K in keyof Data]?: Data[K] };

declare const typed: Sessions<Data>;
declare const alias: Sessions<Alias>;
declare const untyped: Sessions;
declare const session: Session<Data>;
declare const data: SessionDataById<Data>;
declare const requestSession: RequestSession<Data>;

function takesSessions(sessions: Sessions): Sessions {
  return sessions;
}

export function widening(): void {
  takesSessions(typed);
  takesSessions(alias);
  const anySession: Session = session;
  const anyData: SessionDataById = data;
  const anyRequestSession: RequestSession = requestSession;
  holds<Equal<typeof anySession.data, Readonly<Partial<Record<string, unknown>>>>>();
  holds<Equal<Awaited<ReturnType<typeof anyData.get<"theme">>>, unknown>>();
  holds<Equal<Awaited<ReturnType<typeof anyRequestSession.get<"theme">>>, unknown>>();
  // Not `any`: what is read must be looked at.
  // @ts-expect-error -- unknown is no text
  anySession.data["theme"] satisfies string | undefined;
}

export async function unavailable(): Promise<void> {
  createSessions({ onUnavailable: "stale", staleFor: "30s" });
  createSessions({ onUnavailable: "anonymous" });
  const result = await untyped.validate("token", { onUnavailable: "stale" });
  if (result.valid) holds<Equal<typeof result.stale, true | undefined>>();
  // @ts-expect-error -- a duration has a unit
  createSessions({ staleFor: 30 });
  // @ts-expect-error -- not a way of doing without the store
  createSessions({ onUnavailable: "later" });
  // @ts-expect-error -- nobody's page is the adapters' to show
  await untyped.validate("token", { onUnavailable: "anonymous" });
}

export function narrowing(): void {
  // @ts-expect-error -- nobody checked that the data is of these types
  untyped satisfies Sessions<Data>;
  // @ts-expect-error -- not every text is a theme
  ({}) as Sessions<{ theme: string }> satisfies Sessions<{ theme: "dark" }>;
  // @ts-expect-error -- another type
  typed satisfies Sessions<{ theme: number }>;
  // @ts-expect-error -- one field more
  typed satisfies Sessions<Data & { cart: string[] }>;
  // @ts-expect-error -- the same of one session
  session as Session satisfies Session<Data>;
  // @ts-expect-error -- the same of data by id
  untyped.data("id") satisfies SessionDataById<Data>;
  // @ts-expect-error -- the same of a request
  requestSession as RequestSession satisfies RequestSession<Data>;
  // @ts-expect-error -- no sessions at all
  takesSessions({});
}

export function adaptersAndPatterns(): void {
  holds<Equal<ReturnType<typeof expressSojourn<Data>>, RequestHandler>>();
  expressSojourn(typed);
  const adapter = fetchSojourn(typed);
  holds<Equal<typeof adapter, FetchAdapter<Data>>>();
  const shop = cart(typed);
  holds<Equal<typeof shop, Cart>>();
  const inferred = auth(typed, { verify: (name: string) => ({ id: name }) });
  holds<Equal<typeof inferred, Auth<string, { id: string }, Data>>>();
  auth<{ name: string }, { id: string }>(typed, { verify: ({ name }) => ({ id: name }) });
  // @ts-expect-error -- takes what createSessions answers
  cart({});
  // @ts-expect-error -- takes what createSessions answers
  fetchSojourn({});
}

export async function registered(): Promise<void> {
  holds<Equal<RegisteredData<{ sessions: typeof typed }>, Data>>();
  holds<Equal<RegisteredData<{ sessions: typeof alias }>, Alias>>();
  holds<Equal<RegisteredData<object>, Record<string, unknown>>>();
  const { session: created } = await typed.create({ data: { theme: "dark" } });
  holds<Equal<typeof created, Session<Data>>>();
  // @ts-expect-error -- not a value of the field
  await typed.create({ data: { theme: "green" } });
  // @ts-expect-error -- an optional field is deleted, not set to undefined
  await created.set("visits", undefined);
  // @ts-expect-error -- the same by id
  await typed.data("id").set("visits", undefined);
  // @ts-expect-error -- the same of a request
  await requestSession.set("visits", undefined);
}

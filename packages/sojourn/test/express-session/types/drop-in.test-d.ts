/**
 * What must compile where the types of express-session and @fastify/session are, checked by `types.test.ts`. A program of
 * its own: they say of every request that its session is theirs, as `sojourn/express/augment` does elsewhere.
 */

import fastifySession from "@fastify/session";
import session from "express-session";
import Fastify from "fastify";
import { type SessionJson, SojournStore } from "../../../src/adapters/express-session.ts";
import type { Sessions } from "../../../src/lifecycle/sessions.ts";

declare module "express-session" {
  interface SessionData {
    views: number;
    user?: { name: string };
  }
}

declare module "fastify" {
  interface Session {
    views: number;
  }
}

declare const sessions: Sessions;
declare const typed: Sessions<{ theme: string }>;

export const store: session.Store = new SojournStore({ sessions });
session({ secret: "s", store: new SojournStore({ sessions: typed, policy: "shop" }) });
void Fastify().register(fastifySession, { secret: "s", store: new SojournStore({ sessions }) });

export async function answers(own: SojournStore): Promise<void> {
  const plain: SessionJson | null = await own.get("id");
  const views: number | undefined = (await own.get<session.SessionData>("id"))?.views;
  const [count, ids]: [number, string[]] = [await own.length(), await own.ids()];
  void own.get<session.SessionData>("id", (error, found) => [error, found?.user?.name, plain, views, count, ids]);
  // @ts-expect-error -- an id is a string
  await own.get(1);
}

// @ts-expect-error -- sessions are needed
export const without = new SojournStore({});

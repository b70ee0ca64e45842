/** What is node:http's own, beyond the contract: the listener that answers failures, and `next`. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NodeOptions, requireUser, type SessionRequest, sojourn } from "../../src/adapters/node.ts";
import { OWN_PAGE, type WatchedSessions, watchedSessions } from "../support/adapter-site.ts";
import { send, serve } from "../support/http.ts";

/** Rejections that would have ended the process. */
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await sleep(5);
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

type Listener = (req: SessionRequest, res: ServerResponse) => unknown;

async function site(listener: Listener, options: NodeOptions = {}): Promise<WatchedSessions & { origin: string }> {
  const watched = watchedSessions();
  return { ...watched, origin: await serve(sojourn(watched.sessions, options).handler(listener)) };
}

test("an awaited write that fails is answered with its status as JSON, and what the handler said before is forgotten", async () => {
  const { origin, store } = await site(async (req, res) => {
    res.statusMessage = "Fine";
    res.setHeader("Content-Length", "1000").setHeader("X-Kept", "1");
    await req.session.set("a", 1);
  });
  store.down = true;
  const reply = await send(`${origin}/`);
  expect(reply).toMatchObject({
    status: 503,
    reason: "Service Unavailable",
    headers: { "retry-after": "1", "x-kept": "1" },
  });
  expect(JSON.parse(reply.body)).toMatchObject({ error: "store_unavailable" });
});

test.each([
  [
    "throws",
    () => {
      throw new Error("a bug");
    },
  ],
  ["rejects", async () => Promise.reject(new Error("a bug"))],
  ["rejects with no error", async () => Promise.reject("a bug")],
])("a listener that %s is answered with 500 and said in the log", async (_how, listener) => {
  const { origin, log } = await site((_req, res) => {
    res.setHeader("Content-Length", "1000");
    return listener();
  });
  expect(await send(`${origin}/`)).toMatchObject({ status: 500, body: "" });
  expect(log).toEqual([expect.stringContaining("a bug")]);
});

test("half an answer is cut off, a whole one is sent, however the listener fails afterwards", async () => {
  const { origin, store } = await site(async (req, res) => {
    if (req.url === "/half") res.write("half");
    else {
      void req.session.set("a", 1);
      res.end("whole");
    }
    throw new Error("a bug");
  });
  store.before.set("create", () => sleep(20));
  await expect(send(`${origin}/half`)).rejects.toThrow();
  expect(await send(`${origin}/whole`)).toMatchObject({ status: 200, body: "whole" });
});

test("M4 awaited in a listener of one's own: false when it has been answered, for the session and for a guard", async () => {
  const { sessions, store, cookie } = watchedSessions();
  const session = sojourn(sessions);
  const signedIn = requireUser();
  const said: boolean[] = [];
  const listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    said.push(await session(req, res));
    if (said.at(-1) !== true) return;
    said.push(await signedIn(req, res));
    if (said.at(-1) === true) res.end((req as SessionRequest).session.userId);
  };
  const origin = await serve((req, res) => void listener(req, res));
  const ada = await cookie();
  expect(await send(`${origin}/`, { headers: ada })).toMatchObject({ status: 200, body: "ada" });
  expect((await send(`${origin}/`)).status).toBe(401);
  store.down = true;
  expect((await send(`${origin}/`, { headers: ada })).status).toBe(503);
  expect(said).toEqual([true, true, true, false, false]);
});

test('onError: "next" gives the error to next, or rejects without one', async () => {
  const { sessions, store, cookie } = watchedSessions();
  const session = sojourn(sessions, { onError: "next" });
  const ada = await cookie();
  store.down = true;
  const called = await serve((req, res) => {
    void session(req, res, (error) => res.writeHead(418).end((error as { code: string }).code));
  });
  expect(await send(`${called}/`, { headers: ada })).toMatchObject({ status: 418, body: "store_unavailable" });
  const awaited = await serve((req, res) => {
    session(req, res).catch((error: unknown) => res.writeHead(418).end((error as { code: string }).code));
  });
  const foreign = { ...ada, ...OWN_PAGE, "Sec-Fetch-Site": "cross-site" };
  expect(await send(`${awaited}/`, { method: "POST", headers: foreign })).toMatchObject({ body: "cross_site_request" });
});

test("behind a proxy that ends TLS the option url says so", async () => {
  const { origin, cookie } = await site((req, res) => res.end(req.session.userId), {
    url: (request) => `https://${request.headers.host ?? ""}`,
  });
  const Origin = origin.replace("http:", "https:");
  const ask = async (from: string) =>
    send(`${origin}/`, { method: "POST", headers: { ...(await cookie()), Origin: from } });
  expect(await ask(Origin)).toMatchObject({ status: 200, body: "ada" });
  expect((await ask(origin)).status).toBe(403);
});

test("a guard without the middleware says so", () => {
  expect(() => requireUser()({} as never, {} as never)).toThrow("requireUser() found no session");
});

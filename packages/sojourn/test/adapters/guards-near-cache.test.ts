/** Guards decide by the store, whatever the near cache has. On sqlite, where nothing tells of other processes' revocations. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import * as forExpress from "../../src/adapters/express.ts";
import * as forFastify from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import * as forFetch from "../../src/adapters/fetch.ts";
import { createSessions, type Sessions } from "../../src/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import "../../src/adapters/express-augment.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { WatchedStore } from "../support/watched-store.ts";

type Get = (path: string, token: string) => Promise<{ status: number; user: string; setCookie: string[] }>;

async function servers(): Promise<{ guarding: Sessions; watched: WatchedStore; elsewhere: Sessions }> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-guards-"));
  const [watched, other] = [true, false].map(
    (nearCache) => new WatchedStore(sqliteStore(join(folder, "sessions.db"), { nearCache })),
  ) as [WatchedStore, WatchedStore];
  const options = { secrets: [TEST_SECRET], development: true, log: () => undefined };
  const [guarding, elsewhere] = [watched, other].map(({ store }) => createSessions({ store, ...options })) as [
    Sessions,
    Sessions,
  ];
  onTestFinished(async () => {
    await Promise.all([guarding.close(), elsewhere.close()]);
    await rm(folder, { recursive: true, force: true });
  });
  return { guarding, watched, elsewhere };
}

async function expressSite(sessions: Sessions): Promise<Get> {
  const app = express().use(forExpress.sojourn(sessions));
  app.get("/open", (req, res) => void res.send(String(req.session.userId)));
  app.get("/guarded", forExpress.requireUser(), (req, res) => void res.send(String(req.session.userId)));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (path, token) => {
    const response = await fetch(origin + path, { headers: { cookie: `sid-sojourn=${token}` } });
    return { status: response.status, user: await response.text(), setCookie: response.headers.getSetCookie() };
  };
}

async function fastifySite(sessions: Sessions): Promise<Get> {
  const app = Fastify();
  onTestFinished(() => app.close());
  app.register(forFastify.sojourn(sessions));
  app.get("/open", async ({ session }) => String(session.userId));
  app.get("/guarded", { preHandler: forFastify.requireUser() }, async ({ session }) => String(session.userId));
  return async (url, token) => {
    const { statusCode, body, headers } = await app.inject({ url, headers: { cookie: `sid-sojourn=${token}` } });
    return { status: statusCode, user: body, setCookie: [headers["set-cookie"] ?? []].flat() };
  };
}

async function fetchSite(sessions: Sessions): Promise<Get> {
  const { open } = forFetch.sojourn(sessions);
  const guard = forFetch.requireUser();
  return async (path, token) => {
    const headers = { cookie: `sid-sojourn=${token}` };
    const opened = await open(new Request(`http://localhost${path}`, { headers }));
    const refused = path === "/guarded" ? await guard(opened) : opened.refused;
    const response = refused ?? (await opened.commit(new Response(opened.session.userId)));
    return { status: response.status, user: await response.text(), setCookie: response.headers.getSetCookie() };
  };
}

test.each([
  ["Express", expressSite],
  ["Fastify", fastifySite],
  ["fetch", fetchSite],
])("F1 %s: a guard refuses at once what the near cache would let through", async (_name, open) => {
  const { guarding, watched, elsewhere } = await servers();
  const get = await open(guarding);
  const { token, session } = await elsewhere.create({ userId: "ada" });
  expect(await get("/guarded", token)).toMatchObject({ status: 200, user: "ada" });
  watched.calls.length = 0;
  expect(await get("/open", token)).toMatchObject({ status: 200, user: "ada" });
  expect(watched.calls).not.toContain("read");
  expect(await get("/guarded", token)).toMatchObject({ status: 200, user: "ada" });
  expect(watched.calls.filter((name) => name === "read")).toHaveLength(1);

  await elsewhere.revoke(session.id);
  expect(await get("/open", token)).toMatchObject({ status: 200, user: "ada" });
  const refused = await get("/guarded", token);
  expect(refused).toMatchObject({ status: 401, setCookie: [expect.stringMatching(/^sid-sojourn=; .*Max-Age=0/)] });
  // And what the guard has read is what the next one sees.
  expect(await get("/open", token)).not.toMatchObject({ user: "ada" });
});

test.each([
  ["Express", expressSite],
  ["Fastify", fastifySite],
  ["fetch", fetchSite],
])("%s: a request looks into the near cache once, and into the store only without a copy", async (_name, open) => {
  const { guarding, watched, elsewhere } = await servers();
  const get = await open(guarding);
  const { token } = await elsewhere.create({ userId: "ada" });
  const counted = async () => {
    const { near, counts } = await guarding.metrics.numbers();
    const reads = watched.calls.filter((name) => name === "read").length;
    return { hits: near?.hits, misses: near?.misses, valid: counts.validations.valid, reads };
  };
  await get("/open", token);
  expect(await counted()).toEqual({ hits: 0, misses: 1, valid: 1, reads: 1 });
  await get("/open", token);
  expect(await counted()).toEqual({ hits: 1, misses: 1, valid: 2, reads: 1 });
});

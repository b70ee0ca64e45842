/** `onUnavailable` for each request, on a real Redis that hangs and one that is gone, with each client and framework. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis/index.ts";
import type { OnUnavailable } from "../../src/index.ts";
import { startSite } from "../support/express-site.ts";
import { startFastify } from "../support/fastify-site.ts";
import type { Browser } from "../support/http.ts";
import { IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const NOBODY = { active: false, userId: null, data: {} };

let server: RedisServer;
let opened: OpenedClient;

beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  opened.close();
  server.process.kill("SIGCONT");
  await server.stop();
});

/** Pages with `?public` are nobody's while the session cannot be read. */
function onUnavailable({ url }: { readonly url: string }): OnUnavailable {
  return url.includes("public") ? "anonymous" : "reject";
}

const STARTS = {
  express: async (client: OpenedClient) =>
    (await startSite({ sessions: { store: redisStore(client.client) }, sojourn: { onUnavailable } })).browser(),
  fastify: async (client: OpenedClient) =>
    (await startFastify({ sessions: { store: redisStore(client.client) }, sojourn: { onUnavailable } })).browser(),
};
const CASES = Object.entries(STARTS).flatMap(([framework, start]) =>
  [NODE_REDIS, IOREDIS].map((kind) => ({ name: `${framework}, ${kind.name}`, start, kind })),
);

describe.each(CASES)("$name", ({ start, kind }) => {
  async function user(): Promise<Browser> {
    opened = await kind.open(server.port);
    const browser = await start(opened);
    await browser.post("/login");
    return browser;
  }

  async function expectNobodysPages(ada: Browser): Promise<void> {
    const cookies = ada.cookieHeader;
    const reply = await ada.get("/look?public");
    expect([reply.status, JSON.parse(reply.body), reply.setCookies]).toEqual([200, NOBODY, []]);
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect((await ada.get("/look")).status).toBe(503);
    expect(ada.cookieHeader).toBe(cookies);
  }

  test("M4: Redis hangs: public pages are nobody's, others 503; afterwards the cookie is ada's again", async () => {
    const ada = await user();
    server.process.kill("SIGSTOP");
    await expectNobodysPages(ada);
    server.process.kill("SIGCONT");
    const seen = async (): Promise<unknown> => JSON.parse((await ada.get("/look?public")).body);
    await expect.poll(seen, { timeout: 5_000 }).toMatchObject({ active: true, userId: "ada" });
  });

  test("M4: Redis is killed: public pages are nobody's, others 503", async () => {
    const ada = await user();
    await server.stop();
    await expectNobodysPages(ada);
    const login = await ada.post("/login?public");
    expect([login.status, login.setCookies]).toEqual([503, []]);
  });
});

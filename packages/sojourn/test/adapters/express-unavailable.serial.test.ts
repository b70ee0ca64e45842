/** Row M4 on a real Redis that hangs: frozen with SIGSTOP, so that connections stay up and nothing answers. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { DEFAULTS } from "../../src/options.ts";
import { startSite } from "../support/express-site.ts";
import { type Reply, send } from "../support/http.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const SLACK_MS = 200;

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

async function timed(work: () => Promise<Reply>): Promise<{ reply: Reply; ms: number }> {
  const startedAt = performance.now();
  const reply = await work();
  return { reply, ms: performance.now() - startedAt };
}

async function frozen<T>(work: () => Promise<T>): Promise<T> {
  server.process.kill("SIGSTOP");
  try {
    return await work();
  } finally {
    server.process.kill("SIGCONT");
  }
}

function expectUnavailable(reply: Reply): void {
  expect([reply.status, reply.headers["retry-after"], reply.setCookies]).toEqual([503, "1", []]);
}

test("M4: Redis hangs: 503 within the deadline, anonymous pages as ever; afterwards the same cookie logs in", async () => {
  const site = await startSite({ sessions: { store: redisStore(await server.client()) } });
  const user = site.browser();
  await user.post("/login");
  const cookies = user.cookieHeader;

  await frozen(async () => {
    const { reply, ms } = await timed(() => user.get("/look"));
    expectUnavailable(reply);
    expect(JSON.parse(reply.body)).toMatchObject({ error: "store_unavailable" });
    expect(ms).toBeLessThan(DEFAULTS.readDeadlineMs + SLACK_MS);

    const anonymous = await timed(() => send(`${site.origin}/look`));
    expect(anonymous.reply.status).toBe(200);
    expect(anonymous.ms).toBeLessThan(SLACK_MS);

    const many = await timed(async () => {
      const [first] = await Promise.all(Array.from({ length: 50 }, () => user.get("/plain")));
      return first ?? reply;
    });
    expectUnavailable(many.reply);
    expect(many.ms).toBeLessThan(DEFAULTS.readDeadlineMs + SLACK_MS);
  });

  expect(user.cookieHeader).toBe(cookies);
  await expect.poll(async () => (await user.get("/look")).status, { timeout: 5_000 }).toBe(200);
  expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ active: true, userId: "ada" });
});

test("M4: a login and a write during the hang: 503 within the write's deadline, and neither is executed later", async () => {
  const client = await server.client();
  // A long enough hang for the fence is awaited below, so the deadline is kept short.
  const writeMs = 300;
  const site = await startSite({
    sessions: { store: redisStore(client, { deadline: { writeMs } }) },
    sojourn: { load: "lazy" },
  });
  const before = await site.sessions.count();
  await frozen(async () => {
    for (const path of ["/login", "/set"]) {
      const { reply, ms } = await timed(() => site.browser().post(path, { a: 1 }));
      expectUnavailable(reply);
      expect(ms).toBeLessThan(writeMs + SLACK_MS);
    }
    // Past `notAfter`: deadline and one second.
    await sleep(writeMs + 1_000 + SLACK_MS);
  });
  await expect.poll(() => site.sessions.count().catch(() => -1), { timeout: 5_000 }).toBe(before);
  const user = site.browser();
  await user.post("/login");
  expect(await site.sessions.count()).toBe(before + 1);
});

test("M4: Redis is killed: 503 at once, cookie kept, never a hang", async () => {
  const own = await startRedis();
  const site = await startSite({ sessions: { store: redisStore(await own.client()) } });
  const user = site.browser();
  await user.post("/login");
  await own.stop();
  const { reply, ms } = await timed(() => user.get("/look"));
  expectUnavailable(reply);
  expect(ms).toBeLessThan(DEFAULTS.readDeadlineMs + SLACK_MS);
  expect(user.cookies.size).toBe(1);
});

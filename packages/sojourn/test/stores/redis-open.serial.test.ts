/** openStore on one server: its connection does what the guide recommends for connections. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { breakConnections } from "../support/broken-connections.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { IN_URL } from "../support/redis-user.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LOOK = { touch: false } as const;
/** The guide's `socketTimeout`. */
const SOCKET_TIMEOUT_MS = 2_000;

let server: RedisServer;
let proxy: CuttingProxy;
let sessions: Sessions;

beforeEach(async () => {
  server = await startRedis();
  proxy = await CuttingProxy.before(server.port);
  const store = await openStore(`redis://${IN_URL}@127.0.0.1:${proxy.port}`);
  sessions = createSessions({ store, secrets: [TEST_SECRET], log: () => undefined, reaper: false });
});
afterEach(async () => {
  server.process.kill("SIGCONT");
  await sessions.close();
  await proxy.close();
  await server.stop();
});

function told(token: string): Promise<unknown> {
  return sessions.validate(token, LOOK).then(
    ({ valid }) => valid,
    ({ code }) => code,
  );
}

test("a connection on which nothing is heard any more, and which never breaks, is given up for another one", async () => {
  const { token } = await sessions.create({ userId: "ada" });
  proxy.freeze();
  expect(await told(token)).toBe("store_unavailable");
  proxy.forgetFrozen();
  await expect.poll(() => told(token), { timeout: 3 * SOCKET_TIMEOUT_MS, interval: 50 }).toBe(true);
});

test("connections that break while they are made are made again: it never ends by itself", async () => {
  const { token } = await sessions.create({ userId: "ada" });
  await breakConnections([await server.admin()], sessions);
  await expect.poll(() => told(token), { timeout: 3 * SOCKET_TIMEOUT_MS, interval: 10 }).toBe(true);
});

test("one that is idle is not", async () => {
  const admin = await server.admin();
  const { token } = await sessions.create({ userId: "ada" });
  const ids = async (): Promise<number[]> => (await admin.clientList()).map(({ id }) => id);
  // Its own, the one that hears endings, and the test's.
  await expect.poll(async () => (await ids()).length, { timeout: 5_000 }).toBe(3);
  const before = await ids();
  await sleep(1.5 * SOCKET_TIMEOUT_MS);
  expect(await ids()).toEqual(before);
  expect(await told(token)).toBe(true);
});

test("a server that was frozen for longer than that is back within two seconds of its thaw", async () => {
  const { token } = await sessions.create({ userId: "ada" });
  server.process.kill("SIGSTOP");
  await sleep(2.5 * SOCKET_TIMEOUT_MS);
  expect(await told(token)).toBe("store_unavailable");
  server.process.kill("SIGCONT");
  await expect.poll(() => told(token), { timeout: 2_000, interval: 20 }).toBe(true);
});

/** A socket on one server, its session ended on another: closed within a second. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type Sessions, type Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { closing, SocketSite } from "../support/socket-site.ts";

const SOON_MS = 1_000;

let server: RedisServer;
let folder: string;
let clock: ManualClock;
const clients: OpenedClient[] = [];

beforeAll(async () => {
  server = await startRedis();
  folder = await mkdtemp(join(tmpdir(), "sojourn-sockets-"));
});
afterAll(async () => {
  for (const each of clients) each.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const ENGINES: Readonly<Record<string, () => Promise<Store>>> = {
  sqlite: async () => sqliteStore(join(folder, "sessions.db"), { clock }),
  "redis, node-redis": () => onRedis(NODE_REDIS),
  "redis, ioredis": () => onRedis(IOREDIS),
};

async function onRedis(kind: typeof NODE_REDIS): Promise<Store> {
  const client = await kind.open(server.port);
  clients.push(client);
  return redisStore(client.client, { clock });
}

describe.each(Object.entries(ENGINES))("%s", (_engine, open) => {
  let here: Sessions;
  let there: Sessions;
  let site: SocketSite;

  beforeAll(async () => {
    clock = manualClock();
    clock.onAdvance(ageRedisKeys(await server.admin()));
    const [mine, theirs] = [await open(), await open()];
    [here, there] = [mine, theirs].map((store) =>
      createSessions({ store, clock, secrets: [TEST_SECRET], development: true, log: () => undefined }),
    ) as [Sessions, Sessions];
    site = await SocketSite.start(here);
  });
  afterAll(async () => {
    await site.stop();
    await Promise.all([here.close(), there.close()]);
  });

  test("F7 revoked on another server: its ten sockets close within a second, those of others stay", async () => {
    const other = await site.open((await there.create({ userId: "grace" })).token);
    const { token, session } = await there.create({ userId: "ada" });
    const sockets = await Promise.all(Array.from({ length: 10 }, () => site.open(token)));
    const closings = Promise.all(sockets.map(closing));
    await there.revoke(session.id);
    const acknowledged = performance.now();
    expect(new Set((await closings).map(({ code, reason }) => `${code} ${reason}`))).toEqual(
      new Set(["4401 session ended: revoked"]),
    );
    expect(performance.now() - acknowledged).toBeLessThan(SOON_MS);
    expect(other.readyState).toBe(other.OPEN);
    other.close();
  });

  test("F7 expired: closed within a second of its end, which activity on another server moved", async () => {
    const { token } = await there.create({ userId: "ada", policy: "temporary" });
    const socket = await site.open(token);
    await clock.advance(4 * 60_000);
    expect((await there.validate(token, { touch: true })).valid).toBe(true);
    await clock.advance(4 * 60_000);
    expect((await there.validate(token, { touch: false })).valid).toBe(true);
    expect(socket.readyState).toBe(socket.OPEN);
    const closed = closing(socket);
    await clock.advance(60_000);
    const ended = performance.now();
    expect(await closed).toEqual({ code: 4401, reason: "session ended: expired" });
    expect(performance.now() - ended).toBeLessThan(SOON_MS);
  });

  test("F7 signed out everywhere: the sockets of all of the user's sessions", async () => {
    const made = await Promise.all([1, 2, 3].map(() => there.create({ userId: "ada" })));
    const sockets = await Promise.all(made.map(({ token }) => site.open(token)));
    const closings = Promise.all(sockets.map(closing));
    await there.revokeUser("ada", { reason: "everywhere" });
    expect((await closings).map(({ reason }) => reason)).toEqual(Array(3).fill("session ended: everywhere"));
  });
});

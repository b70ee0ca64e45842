/** A replica beside the primary: reads never go there, whatever the client was set to. */

import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RedisClient } from "../../src/stores/redis/drivers/driver-of.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { Environment, ending, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { USER } from "../support/redis-user.ts";

let primary: RedisServer;
let replica: RedisServer;
let observer: TestClient;

beforeAll(async () => {
  primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
  replica = await startRedis(["--replicaof", `127.0.0.1 ${primary.port}`]);
  observer = await replica.admin();
  await vi.waitUntil(async () => (await observer.info("replication")).includes("master_link_status:up"), 10_000);
});
afterAll(async () => {
  await replica.stop();
  await primary.stop();
});

/** What only a client sends: writes come to the replica from its primary, reads and scripts do not. */
async function readsAtReplica(): Promise<string[]> {
  const stats = await observer.info("commandstats");
  const names = [...stats.matchAll(/^cmdstat_([^|:]+)/gm)].map(([, name]) => name ?? "");
  return names.filter((name) => /^(?:m?get|getrange|evalsha|zrangebyscore|zcount|hmget)$/.test(name));
}

async function useOn(client: RedisClient): Promise<void> {
  const store = redisStore(client, { deadline: PATIENT });
  const env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
  const { id } = await env.created({ userId: "ada" });
  await patch(store, id, [set("a", 1)]);
  expect(await env.data(id)).toEqual({ a: 1 });
  expect(await store.listUser(env.userKey("ada"))).toHaveLength(1);
  expect(await store.count()).toBe(1);
  await store.revoke(ending(id));
  await store.close();
}

test("reads of a standalone client go to the primary, though it was told to use replicas", async () => {
  const settings = { scaleReads: "slave", useReplicas: true };
  const ioredis = new Redis({ ...USER, port: primary.port, host: "127.0.0.1", ...settings });
  const nodeRedis = createClient({ url: primary.url, ...settings });
  await Promise.all([once(ioredis, "ready"), nodeRedis.connect()]);
  try {
    await useOn(ioredis);
    await useOn(nodeRedis);
    expect(await readsAtReplica()).toEqual([]);
    // The check would see a read.
    await observer.get("any");
    expect(await readsAtReplica()).toEqual(["get"]);
  } finally {
    ioredis.disconnect();
    nodeRedis.destroy();
  }
});

test.each([
  ["useReplicas", () => createCluster({ rootNodes: [{ url: primary.url }], useReplicas: true })],
  ["scaleReads", () => new Cluster([{ port: primary.port }], { lazyConnect: true, scaleReads: "slave" })],
  ['role: "slave"', () => new Redis({ lazyConnect: true, name: "main", sentinels: [{ port: 1 }], role: "slave" })],
] as const)("F1 a client that reads from replicas is refused: %s", (setting, client) => {
  expect(() => redisStore(client())).toThrow(expect.objectContaining({ code: "config_invalid" }));
  expect(() => redisStore(client())).toThrow(`remove ${setting}, reads go to the primary`);
});

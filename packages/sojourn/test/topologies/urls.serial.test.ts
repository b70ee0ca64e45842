/** openStore on each topology, plain and with TLS, as the published user. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../src/open.ts";
import { isRecord } from "../../src/store/store.ts";
import { Environment } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breakConnections } from "../support/broken-connections.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { RedisSentinels, startSentinels } from "../support/redis-sentinels.ts";
import { IN_URL } from "../support/redis-user.ts";
import type { ServerGroup } from "../support/server-group.ts";

describe.each([
  ["sentinel", startSentinels, "/mymaster/0"],
  ["cluster", startCluster, ""],
] as const)("redis+%s:", (topology, start, path) => {
  let servers: ServerGroup;
  beforeAll(async () => {
    servers = await start();
  });
  afterAll(() => servers.stop());
  const hosts = (): string => servers.nodes.map(({ host, port }) => `${host}:${port}`).join();

  test("opens a store as the published user, which its close closes", async () => {
    const store = await openStore(`redis+${topology}://${IN_URL}@${hosts()}${path}`, { nearCache: true });
    const env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
    const made = await Promise.all(["ada", "bob", "eve"].map((userId) => env.created({ userId })));
    for (const { id } of made) expect(isRecord(await store.read(id))).toBe(true);
    expect(await store.count()).toBe(3);
    await store.close();
    await expect(store.count()).rejects.toMatchObject({ code: "store_closed" });
  });

  test("never ends by itself: connections that break while they are made are made again", async () => {
    const store = await openStore(`redis+${topology}://${IN_URL}@${hosts()}${path}`, { nearCache: true });
    const sentinels = servers instanceof RedisSentinels ? servers.sentinels : [];
    const admins = [...servers.admins, ...(await Promise.all(sentinels.map((each) => each.admin())))];
    await breakConnections(admins, store);
    await expect.poll(() => store.count().catch(() => null), { timeout: 10_000 }).toBeTypeOf("number");
    await store.close();
  });

  test("works when the first address is dead", async () => {
    const store = await openStore(`redis+${topology}://${IN_URL}@127.0.0.1:1,${hosts()}${path}`);
    expect(await store.count()).toBe(3);
    await store.close();
  });

  test("says where nothing answers, and no password", async () => {
    const opening = openStore(`redis+${topology}://${IN_URL}@127.0.0.1:1${path}`);
    await expect(opening).rejects.toMatchObject({ code: "store_unavailable", reason: "connection" });
    await expect(opening).rejects.toThrow("127.0.0.1:1");
    await expect(opening).rejects.not.toThrow(/password/);
  });
});

test.each([
  ["redis+sentinel://h1:26379,h2", "name of the primary"],
  ["redis+sentinel://h1/main/x", "number of a database"],
  ["redis+cluster://h1,h2/0", "no databases"],
  ["redis+cluster://", "must look like"],
  ["redis://h1,h2", "several hosts"],
  ["redis+cluster://u:%zz@h1", "percent-encoded"],
])("%s cannot be read, and why", async (url, why) => {
  await expect(openStore(url)).rejects.toMatchObject({ code: "config_invalid" });
  await expect(openStore(url)).rejects.toThrow(why);
});

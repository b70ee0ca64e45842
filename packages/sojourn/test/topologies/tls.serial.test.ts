/** TLS with a private authority, and the least privileges, on a real server, with each client and by URL. */

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../src/open.ts";
import type { Store } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { Environment, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { newAuthority } from "../support/certificates.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinels } from "../support/redis-sentinels.ts";
import type { ServerGroup } from "../support/server-group.ts";
import { freePort, PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { IN_URL, USER } from "../support/redis-user.ts";

const authority = newAuthority();
const stranger = newAuthority();

/** Every command of a login, a write, a list and a count went through. */
async function works(store: Store): Promise<void> {
  const env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
  const userId = randomUUID();
  const { id } = await env.created({ userId });
  await patch(store, id, [set("a", 1)]);
  expect(await env.data(id)).toEqual({ a: 1 });
  expect(await store.listUser(env.userKey(userId))).toHaveLength(1);
  expect(await store.count()).toBeGreaterThan(0);
  await store.close();
}

describe.each(["no", "yes"] as const)("a server with TLS that asks clients for a certificate: %s", (clients) => {
  let server: RedisServer;
  let port: number;
  const { ca, cert, key } = authority;
  const trusted = clients === "yes" ? { ca, cert, key } : { ca };
  beforeAll(async () => {
    port = await freePort();
    server = await startRedis([...authority.serverSettings(port, clients)]);
  });
  afterAll(() => server.stop());

  test("O3 node-redis and ioredis with the published user", async () => {
    const nodeRedis = createClient({ ...USER, socket: { host: "127.0.0.1", port, tls: true, ...trusted } });
    await nodeRedis.connect();
    await works(redisStore(nodeRedis, { deadline: PATIENT }));
    nodeRedis.destroy();
    const ioredis = new Redis({ ...USER, host: "127.0.0.1", port, tls: trusted });
    await once(ioredis, "ready");
    await works(redisStore(ioredis, { deadline: PATIENT }));
    ioredis.disconnect();
  });

  test("openStore with rediss:", async () => {
    await works(await openStore(`rediss://${IN_URL}@127.0.0.1:${port}/0`, { tls: trusted }));
  });

  test("O3 a server of another authority is refused, and so is one that nobody vouches for", async () => {
    for (const tls of [{ ...trusted, ca: stranger.ca }, {}]) {
      const opening = openStore(`rediss://${IN_URL}@127.0.0.1:${port}`, { tls });
      await expect(opening).rejects.toMatchObject({ code: "store_unavailable", reason: "connection" });
      await expect(opening).rejects.toThrow(/certificate/i);
    }
  });

  test.runIf(clients === "yes")("a client without a certificate, or with another authority's, is refused", async () => {
    for (const tls of [{ ca }, { ca, cert: stranger.cert, key: stranger.key }]) {
      const opening = openStore(`rediss://${IN_URL}@127.0.0.1:${port}`, { tls });
      await expect(opening).rejects.toMatchObject({ code: "store_unavailable" });
    }
  });

  test("certificates for a URL without TLS are a mistake", async () => {
    await expect(openStore(`redis://127.0.0.1:${server.port}`, { tls: trusted })).rejects.toThrow(/rediss: instead/);
  });
});

describe.each([
  ["sentinel", startSentinels, "/mymaster/0"],
  ["cluster", startCluster, ""],
] as const)("rediss+%s:, all of it over mutual TLS", (topology, start, path) => {
  const { ca, cert, key } = authority;
  let servers: ServerGroup;
  let url: string;
  beforeAll(async () => {
    servers = await start([], {
      server: (port) => authority.serverSettings(port, "yes"),
      client: authority.asClient,
    });
    const hosts = servers.nodes.map(({ host, port }) => `${host}:${port}`).join();
    url = `rediss+${topology}://${IN_URL}@${hosts}${path}`;
  });
  afterAll(() => servers.stop());

  test("O3 openStore with the published user: every server and Sentinel is verified and verifies", async () => {
    await works(await openStore(url, { tls: { ca, cert, key }, nearCache: true }));
  });

  test("O3 another authority, none, or no certificate of one's own: nothing is opened", async () => {
    const wrong = [
      { ca: stranger.ca, cert, key },
      { cert, key },
      { ca },
      { ca, cert: stranger.cert, key: stranger.key },
    ];
    const refused = { status: "rejected", reason: { code: "store_unavailable", reason: "connection" } };
    expect(await Promise.allSettled(wrong.map((tls) => openStore(url, { tls })))).toMatchObject(
      wrong.map(() => refused),
    );
  });
});

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
import { freePort, PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { IN_URL, USER, WITH_USER } from "../support/redis-user.ts";

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
    server = await startRedis([...authority.serverSettings(port, clients), ...WITH_USER]);
  });
  afterAll(() => server.stop());

  test("node-redis and ioredis with the published user", async () => {
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

  test("a server of another authority is refused, and so is one that nobody vouches for", async () => {
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

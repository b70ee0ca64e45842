/** How long a revocation can go unseen while the subscription of the near cache fails, with each client. Takes real time. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions, type Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { type ClientKind, IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

/** Shorter than the channel is believed without a beat, so that it is the lease that ends the answers. */
const LEASE_MS = 1_000;

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describe.each([NODE_REDIS, IOREDIS])("$name", (kind: ClientKind) => {
  let proxy: CuttingProxy;
  const opened: OpenedClient[] = [];
  const stores: Store[] = [];
  let here: Sessions;
  let there: Sessions;

  async function application(port: number, leaseMs: number, options: SessionsOptions = {}): Promise<Sessions> {
    const client = await kind.open(port);
    opened.push(client);
    const store = redisStore(client.client, { nearCache: { leaseMs }, deadline: PATIENT });
    stores.push(store);
    return createSessions({ store, secrets: [TEST_SECRET], ...options });
  }

  beforeEach(async () => {
    proxy = await CuttingProxy.before(server.port);
    here = await application(server.port, LEASE_MS);
    there = await application(proxy.port, LEASE_MS);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const each of opened.splice(0)) each.close();
    await proxy.close();
  });

  async function warmed(sessions: Sessions): Promise<{ token: string; id: string }> {
    const { token, session } = await here.create({ userId: "ada" });
    const answer = () => sessions.validate(token);
    await expect.poll(answer, { interval: 2 }).toMatchObject({ valid: true, near: true });
    return { token, id: session.id };
  }

  /** How long after the acknowledged revocation a request began that was still let through. */
  async function lastLetThrough(sessions: Sessions, token: string, acknowledged: number): Promise<number> {
    let last = 0;
    for (;;) {
      const began = performance.now();
      if (!(await sessions.validate(token)).valid) return last;
      last = began - acknowledged;
      await sleep(2);
    }
  }

  test("F1 a bus that is silent and not broken: never later than the lease", async () => {
    const { token, id } = await warmed(there);
    proxy.muteSubscribers();
    expect(await there.validate(token)).toMatchObject({ near: true });
    await here.revoke(id);
    const last = await lastLetThrough(there, token, performance.now());
    // It was the lease that ended it: nothing had been heard.
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThanOrEqual(LEASE_MS);
  });

  test("with a long lease a silent bus is not believed for long, and a new one is opened in its place", async () => {
    const patient = await application(proxy.port, 60_000);
    const { token, id } = await warmed(patient);
    proxy.muteSubscribers();
    await here.revoke(id);
    expect(await lastLetThrough(patient, token, performance.now())).toBeLessThanOrEqual(2_500);
    const other = await here.create({ userId: "ada" });
    const answer = () => patient.validate(other.token);
    // One answer a second is the store's anyway, for the cut-offs.
    const nearOfFive = async (): Promise<number> => {
      let near = 0;
      for (let i = 0; i < 5; i++) if ("near" in (await answer())) near++;
      return near;
    };
    await expect.poll(nearOfFive, { interval: 20, timeout: 4_000 }).toBe(0);
    proxy.unmuteSubscribers();
    await expect.poll(answer, { interval: 20, timeout: 10_000 }).toMatchObject({ valid: true, near: true });
  });

  test("F1 what this process ended is over for it at once, though the bus is silent: revoked, all of a user's, evicted, replaced", async () => {
    const limited = await application(proxy.port, 60_000, { limit: { perUser: 2, onExceed: "evictOldest" } });
    const ends: Record<string, (id: string, token: string) => Promise<unknown>> = {
      revoke: (id) => limited.revoke(id),
      revokeUser: () => limited.revokeUser("ada"),
      "evicted by new logins": async () => {
        for (let i = 0; i < 3; i++) await limited.create({ userId: "ada" });
      },
      "replaced by a login": (_id, token) => limited.login(token, { userId: "ada" }),
      logout: (_id, token) => limited.logout(token),
    };
    for (const [how, end] of Object.entries(ends)) {
      proxy.unmuteSubscribers();
      const { token, id } = await warmed(limited);
      proxy.muteSubscribers();
      await end(id, token);
      expect([how, await here.get(id)]).toEqual([how, null]);
      expect([how, (await limited.validate(token)).valid]).toEqual([how, false]);
    }
  });

  test("a bus that breaks: what it did not bring is asked for at once", async () => {
    const { token, id } = await warmed(there);
    proxy.muteSubscribers();
    await here.revoke(id);
    expect(await there.validate(token)).toMatchObject({ valid: true, near: true });
    proxy.cutSubscribers();
    proxy.unmuteSubscribers();
    await expect.poll(() => there.validate(token), { interval: 1, timeout: 500 }).toMatchObject({ valid: false });
  });

  test("a server that restarts: nothing is answered from before it", async () => {
    const { token } = await warmed(there);
    await server.stop();
    const answer = (): Promise<unknown> => there.validate(token).catch((error: unknown) => error);
    await expect.poll(answer, { interval: 2, timeout: 900 }).toMatchObject({ code: "store_unavailable" });
    server = await startRedis();
  });
});

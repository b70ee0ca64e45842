/**
 * The store contract on a cluster and behind Sentinels, with each client. In `npm test` a choice of cases;
 * `npm run test:topologies` runs all of them.
 */

import { createSentinel } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { isRecord } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { SCRIPTS } from "../../src/stores/redis/scripts.generated.ts";
import { type ConformanceStores, Environment, ending, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { expectToldOfEnd } from "../support/ended-client.ts";
import { PRIMARY } from "../support/redis-sentinels.ts";
import { PATIENT } from "../support/redis-server.ts";
import { USER } from "../support/redis-user.ts";
import { runConformance } from "../support/run-conformance.ts";
import type { ServerGroup } from "../support/server-group.ts";
import { type Opened, openClient, TOPOLOGIES } from "../support/topology-clients.ts";

/** One of each kind of step: all buckets, one user, one session; what is heard from other processes; what is sent again. */
const SMOKE = [
  "ready answers the same 32 bytes of salt to every process",
  "create then read answers the record",
  "touch moves the idle deadline, not data or revision",
  "revoke ends a session and says why for an hour",
  "F1 a durable revoke or revokeUser is acknowledged, or its outcome is said to be unknown; it has ended either way",
  "counts and lists are exact through create, revoke and expiry",
  "eraseUser forgets the activities of a user's sessions, ended ones too, and of nobody else",
  "amend changes the metadata and nothing else",
  "F6 revokeBefore ends every session that began before, on every process, and says why; later ones stay",
  "patch sets, deletes and increments in order, and counts one revision",
  "F7 onEnding tells of sessions that another process ends, one or all of a user",
  "every group gets every event, and within a group one consumer does",
  "G1 fifty parallel logins, a limit of 3, looked at all the while: never more than 3",
  "counts of a minute add up, whoever counts",
  "near: once revoke is acknowledged, no state from before it",
  "near: what read answered, and nothing older than a minute",
  "page brings every live session once, and none that has ended or expired",
  "G2 a hundred parallel increments make a hundred",
  "F1 a read begun after an acknowledged revoke sees the end, though another read is in flight",
  "a write past its notAfter changes nothing",
  "a patch sent again with its operation id after another's changes nothing more and answers the same",
  "E1 elevate replaces every token at once, raises the level, and begins both timeouts anew",
  "confirm makes the successor current, keeps its predecessor for the grace, and sent again answers the same",
  "reap ends what is due, says so in its tombstone, and leaves the rest",
  "F3 revokeUser ends 1,203 sessions, expired ones too but uncounted",
  "totals of the last 24 hours forget what ended before",
];
const chosen = process.env["SOJOURN_TOPOLOGIES"] === "all" ? undefined : SMOKE;

const WAIT = { timeout: 10_000, interval: 10 };

describe.each(Object.entries(TOPOLOGIES))("%s", (_name, { kinds, start }) => {
  let servers: ServerGroup;
  beforeAll(async () => {
    servers = await start();
  });
  afterAll(() => servers.stop());

  for (const kind of kinds) {
    describe(kind, () => {
      let clients: [Opened, Opened];
      beforeAll(async () => {
        clients = [await openClient(kind, servers), await openClient(kind, servers)];
      });
      afterAll(async () => {
        for (const each of clients) await each.close();
      });

      const open = async (): Promise<ConformanceStores> => {
        await servers.flush();
        const clock = manualClock();
        clock.onAdvance((ms) => servers.age(ms));
        const options = { clock, deadline: PATIENT, nearCache: { leaseMs: 60_000 } };
        const [store, other] = [redisStore(clients[0].client, options), redisStore(clients[1].client, options)];
        const close = async (): Promise<void> => {
          await Promise.all([store.close(), other.close()]);
        };
        return { store, other, clock, close };
      };
      runConformance(kind, { open }, chosen);
      test("a client that has ended: calls fail at once and say so, until it is connected again", async () => {
        await expectToldOfEnd(await openClient(kind, servers));
      });
      describeTopology(() => servers, open);
    });
  }
});

/** What only shows where there are several servers. */
function describeTopology(group: () => ServerGroup, open: () => Promise<ConformanceStores>): void {
  let stores: ConformanceStores;
  let env: Environment;
  beforeEach(async () => {
    stores = await open();
    env = await Environment.over(stores);
  });
  afterEach(() => stores.close());

  const isNear = async (id: string): Promise<boolean> =>
    isRecord(await stores.store.read(id)) && stores.store.near(id) !== null;

  test("F4 a near cache is believed, and forgets at once what another process ended", async () => {
    const { id } = await env.created({ userId: "ada" });
    await vi.waitUntil(() => isNear(id), WAIT);
    await stores.other.revoke(ending(id));
    await vi.waitUntil(() => stores.store.near(id) === null, { timeout: 2_000, interval: 2 });
  });

  test("D7 a durable ending is acknowledged by a primary whose replica has it", async () => {
    const waits = async (): Promise<number> => {
      const stats = await Promise.all((await group().primaries()).map((primary) => primary.info("commandstats")));
      return stats.reduce((sum, each) => sum + Number(/cmdstat_wait:calls=(\d+)/.exec(each)?.[1] ?? 0), 0);
    };
    const { id } = await env.created({ userId: "ada" });
    const before = await waits();
    expect(await stores.store.revoke(ending(id), { durable: true })).toMatchObject({ ended: true });
    expect(await waits()).toBeGreaterThan(before);
    expect(await stores.other.read(id)).toMatchObject({ reason: "test" });
  });

  test("F1 nothing is read from a replica", async () => {
    const replicas = await group().replicas();
    await Promise.all(replicas.map((replica) => replica.configResetStat()));
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => env.created({ userId: `user-${i}` })));
    await Promise.all(made.map(({ id }) => stores.store.read(id)));
    expect(await stores.store.listUser(env.userKey("user-1"))).toHaveLength(1);
    expect(await stores.store.count()).toBe(20);
    const stats = await Promise.all(replicas.map((replica) => replica.info("commandstats")));
    expect(stats.join().match(/cmdstat_(?:m?get|evalsha|zcount|zrevrangebyscore|hmget):/g)).toBeNull();
  });

  test("F1 a Sentinel client with a pool of connections to the primary answers every call, and a read after an acknowledged write knows it", async ({
    skip,
  }) => {
    skip((await group().primaries()).length > 1, "a cluster's clients have no such pools");
    const pool = { name: PRIMARY, sentinelRootNodes: group().nodes, nodeClientOptions: USER, masterPoolSize: 4 };
    const client = createSentinel(pool).on("error", () => undefined);
    await client.connect();
    const pooled = redisStore(client, { deadline: PATIENT });
    try {
      const { id } = await env.created({ userId: "ada" });
      const one = (): Promise<unknown> => patch(pooled, id, [{ kind: "increment", name: "n", by: 1 }]);
      await Promise.all(Array.from({ length: 50 }, one));
      expect(await env.data(id)).toEqual({ n: 50 });
      const made = await Promise.all(Array.from({ length: 50 }, () => env.created({ userId: "ada" })));
      const ended = made.map(async (each) => {
        await pooled.revoke(ending(each.id));
        return pooled.read(each.id);
      });
      for (const each of await Promise.all(ended)) expect(each).toMatchObject({ reason: "test" });
    } finally {
      await pooled.close();
      await client.destroy();
    }
  });

  test("scripts are on every primary before anything needs them", async () => {
    const digests = Object.values(SCRIPTS).map(({ sha1 }) => sha1);
    for (const primary of await group().primaries()) {
      expect(await primary.sendCommand(["SCRIPT", "EXISTS", ...digests])).toEqual(digests.map(() => 1));
    }
  });

  test("diagnose asks every primary, and says once what all say", async () => {
    const found = await stores.store.diagnose();
    const of = (name: string) => found.filter(({ check }) => check === name);
    const primaries = (await group().primaries()).length;
    expect(of("connection")).toMatchObject([
      { level: "ok", found: primaries === 1 ? "it answers" : `${primaries} primaries answer` },
    ]);
    for (const check of ["server", "scripts", "namespace", "eviction", "rights"])
      expect(of(check)).toMatchObject([{ level: "ok" }]);
    expect(of("replicas").every(({ level }) => level === "ok")).toBe(true);
    expect(of("cluster")).toMatchObject(primaries === 1 ? [] : [{ level: "ok", found: "3 primaries, 6 nodes" }]);
    // These keep nothing, and have replicas to empty.
    expect(of("persistence")).toMatchObject([{ level: "problem" }]);
  });

  test("when another server becomes primary, sessions go on and what was ended stays so", async () => {
    const [kept, ended] = [await env.created({ userId: "ada" }), await env.created({ userId: "ada" })];
    await stores.store.revoke(ending(ended.id));
    await group().switchOver();
    await vi.waitUntil(async () => {
      try {
        return (await patch(stores.store, kept.id, [set("after", 1)])).status === "patched";
      } catch {
        return false;
      }
    }, WAIT);
    expect(await env.data(kept.id)).toEqual({ after: 1 });
    expect(await stores.store.read(ended.id)).toMatchObject({ reason: "test" });
    await vi.waitUntil(() => isNear(kept.id), WAIT);
  });
}

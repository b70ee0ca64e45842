/** A slot that moves to another primary under near caches; what the published user may do in a cluster; a shard that is gone. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { isRecord, type Store } from "../../src/store/store.ts";
import { Keys } from "../../src/stores/redis/keys.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { Environment, ending, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { openFailoverClient } from "../support/failover-clients.ts";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { PATIENT, type TestClient } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { ownerOf, SlotMove } from "../support/slot-move.ts";
import { type Opened, openClient } from "../support/topology-clients.ts";
import { deniedBy, UsedCommands } from "../support/used-commands.ts";

const KINDS = ["node-redis cluster", "ioredis Cluster"] as const;
/** Long: what is forgotten within a second was told. */
const NEAR = { leaseMs: 60_000 } as const;
const SOON = { timeout: 1_000, interval: 2 } as const;
const WAIT = { timeout: 10_000, interval: 10 } as const;

let cluster: RedisCluster;
let used: UsedCommands[];
beforeAll(async () => {
  cluster = await startCluster();
  used = await Promise.all(cluster.servers.map((server) => UsedCommands.on(server, cluster.admins)));
});
afterAll(async () => {
  for (const each of used) each.stop();
  await cluster.stop();
});

describe.each(KINDS)("%s", (kind) => {
  let clients: [Opened, Opened];
  let store: Store;
  let other: Store;
  let env: Environment;
  beforeAll(async () => {
    await cluster.flush();
    clients = [await openClient(kind, cluster), await openClient(kind, cluster)];
    const clock = manualClock();
    store = redisStore(clients[0].client, { clock, deadline: PATIENT, nearCache: NEAR });
    other = redisStore(clients[1].client, { clock, deadline: PATIENT });
    env = await Environment.over({ store, other, clock, close: async () => undefined });
  });
  afterAll(async () => {
    await Promise.all([store.close(), other.close()]);
    for (const each of clients) await each.close();
  });

  const isNear = async (id: string): Promise<boolean> => isRecord(await store.read(id)) && store.near(id) !== null;
  const forgotten = (id: string): Promise<boolean> => vi.waitUntil(() => store.near(id) === null, SOON);

  test("F4 a slot that moves: near copies from before, from meanwhile and from afterwards are forgotten when another process writes", async () => {
    const [before, meanwhile, written] = await Promise.all([1, 2, 3].map(() => env.created({ userId: "ada" })));
    if (before === undefined || meanwhile === undefined || written === undefined) throw new Error("none was made");
    for (const { id } of [before, written]) await vi.waitUntil(() => isNear(id), WAIT);
    const move = await SlotMove.of(cluster, new Keys("sojourn").session(before.id));
    await move.begin();
    expect(await move.moveKeys()).toBeGreaterThan(3);
    // A read follows to where the key is now; a write of several keys waits until all of them are there.
    await vi.waitUntil(() => isNear(meanwhile.id), WAIT);
    const writing = patch(other, written.id, [set("a", 1)]);
    await move.finish();
    expect(await writing).toMatchObject({ status: "patched" });
    await forgotten(written.id);
    // Nothing has told this process of the move, and it still believes what it had.
    for (const { id } of [before, meanwhile]) {
      expect(store.near(id)).not.toBeNull();
      expect(await other.revoke(ending(id))).toMatchObject({ ended: true });
      await forgotten(id);
      expect(await store.read(id)).toMatchObject({ reason: "test" });
    }
    expect(await env.data(written.id)).toEqual({ a: 1 });
    const { id } = await env.created({ userId: "ada" });
    await vi.waitUntil(() => isNear(id), WAIT);
    await other.revoke(ending(id));
    await forgotten(id);
  });

  test("diagnose looks at the cluster", async () => {
    expect(await store.diagnose()).toContainEqual(expect.objectContaining({ check: "cluster", level: "ok" }));
  });
});

test("O3 clients of a cluster need what one server never asks for, and are denied what they do without", async () => {
  const names = (await Promise.all(used.map((each) => each.soFar()))).flatMap((each) => [...each]);
  expect(names).toEqual(expect.arrayContaining(["asking", "cluster|info", "cluster|slots"]));
  const denied = (await Promise.all(cluster.admins.map(deniedBy))).flat();
  // ioredis makes its connections to replicas ready for reading, which nobody here does.
  expect([...new Set(denied)].toSorted()).toEqual(["acl|whoami", "config|get", "readonly"]);
});

describe("the shard with the facts and cut-offs of the namespace is gone, its replica too", () => {
  const UNAVAILABLE = { code: "store_unavailable" };
  const apps: { readonly sessions: Sessions; close(): Promise<unknown> | void }[] = [];
  /** Of users whose shard goes on. */
  const living: Awaited<ReturnType<Sessions["create"]>>[] = [];
  let alive: TestClient[];

  beforeAll(async () => {
    for (const kind of KINDS) {
      const { client, close } = await openFailoverClient(kind, cluster.nodes);
      const store = redisStore(client, { nearCache: true });
      const sessions = createSessions({ store, secrets: [TEST_SECRET], reaper: false, log: () => undefined });
      apps.push({ sessions, close });
      await sessions.ready();
    }
    const keys = new Keys("sojourn");
    const home = await ownerOf(cluster, keys.cutOffs());
    expect(await ownerOf(cluster, keys.facts())).toBe(home);
    for (let n = 0; living.length < 4; n++) {
      const made = await appOf(0).create({ userId: `user-${n}` });
      if ((await ownerOf(cluster, keys.session(made.session.id))) !== home) living.push(made);
      for (const { sessions } of apps) await sessions.validate(made.token);
    }
    const victims = await shardOf(home);
    alive = cluster.admins.filter((_admin, i) => !victims.includes(i));
    for (const i of victims) await cluster.servers[i]?.kill();
  });
  afterAll(async () => {
    for (const { sessions, close } of apps) {
      await sessions.close();
      await close();
    }
  });

  /** The places of a primary and its replica among the servers. */
  async function shardOf(primary: string): Promise<number[]> {
    const ids = await Promise.all(cluster.admins.map((admin) => admin.sendCommand<string>(["CLUSTER", "MYID"])));
    const nodes = (await cluster.admins[0]?.sendCommand<string>(["CLUSTER", "NODES"])) ?? "";
    return ids.flatMap((id, i) => (id === primary || new RegExp(`^${id} .* ${primary} `, "m").test(nodes) ? [i] : []));
  }

  function appOf(i: number): Sessions {
    const app = apps[i];
    if (app === undefined) throw new Error("not begun");
    return app.sessions;
  }

  function livingOne(i: number): (typeof living)[number] {
    const made = living[i];
    if (made === undefined) throw new Error("none was made");
    return made;
  }

  test("Redis's default: no shard serves anybody; with cluster-require-full-coverage no the others go on", async () => {
    const write = (): Promise<unknown> =>
      appOf(0)
        .data(livingOne(0).session.id)
        .set("a", 1)
        .catch((error: unknown) => error);
    await expect.poll(write, { timeout: 10_000 }).toMatchObject({ ...UNAVAILABLE, reason: "server" });
    await Promise.all(alive.map((admin) => admin.configSet("cluster-require-full-coverage", "no")));
    await expect.poll(write, { timeout: 10_000 }).toBe(true);
  });

  test.each([
    [KINDS[0], 0],
    [KINDS[1], 1],
  ])("%s: no session of any shard is read or listed, near copies neither", async (_kind, i) => {
    const { token, session } = livingOne(0);
    for (const call of [
      () => appOf(i).validate(token, { touch: false }),
      () => appOf(i).list(session.userId ?? ""),
      () => appOf(i).count(),
      () => appOf(i).revokeBefore({ before: 1 }),
    ])
      await expect(call()).rejects.toMatchObject(UNAVAILABLE);
  });

  test("node-redis cluster: on other shards sessions begin, are written and end", async () => {
    const [one, two] = [livingOne(1), livingOne(2)];
    const userId = one.session.userId ?? "";
    expect(await appOf(0).data(one.session.id).set("a", 1)).toBe(true);
    expect((await appOf(0).create({ userId })).session.userId).toBe(userId);
    expect(await appOf(0).logout(two.token)).toBe(true);
    expect(await appOf(0).revoke(one.session.id)).toBe(true);
    expect(await appOf(0).revokeUser(userId)).toEqual({ ended: 1 });
  });

  test("ioredis Cluster looks at its servers anew and prepares for them: until the shard is back nothing is written either", async () => {
    const { session, token } = livingOne(3);
    for (const call of [
      () => appOf(1).data(session.id).set("a", 1),
      () => appOf(1).create({ userId: session.userId ?? "" }),
      () => appOf(1).logout(token),
      () => appOf(1).revokeUser(session.userId ?? ""),
    ])
      await expect(call()).rejects.toMatchObject(UNAVAILABLE);
  });
});

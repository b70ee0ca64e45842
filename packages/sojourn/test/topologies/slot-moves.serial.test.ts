/** A slot that moves to another primary under near caches; what the published user may do in a cluster; a shard that is gone. */

import { type EventEmitter, once } from "node:events";
import { Cluster } from "ioredis";
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
import { USER } from "../support/redis-user.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { ownerOf, SlotMove } from "../support/slot-move.ts";
import { type Opened, openClient } from "../support/topology-clients.ts";
import { deniedBy, UsedCommands } from "../support/used-commands.ts";

const KINDS = ["node-redis cluster", "ioredis Cluster"] as const;
/** Long: what is forgotten within a second was told. */
const NEAR = { leaseMs: 60_000 } as const;
/** What they tell of a connection to a node that broke. */
const LOST = { "node-redis cluster": "node-reconnecting", "ioredis Cluster": "-node" } as const;
const BYTES = { typeMapping: { 36: Buffer } };
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

  test("a primary that lost its memory has the salt back before the first write that meets it anew", async () => {
    const key = new Keys("sojourn").facts();
    const { salt } = await store.ready();
    const home = await ownerOf(cluster, key);
    const ids = await Promise.all(cluster.admins.map((each) => each.sendCommand<string>(["CLUSTER", "MYID"])));
    const admin = cluster.admins[ids.indexOf(home)];
    let id = "";
    for (let n = 0; id === ""; n++) {
      const made = await env.created({ userId: `user-${n}` });
      if ((await ownerOf(cluster, new Keys("sojourn").session(made.id))) === home) id = made.id;
    }
    await admin?.flushAll();
    const noticed = once(clients[0].client as unknown as EventEmitter, LOST[kind]);
    await admin?.sendCommand(["CLIENT", "KILL", "USER", USER.username]);
    await noticed;
    const stored: unknown[] = [];
    await expect
      .poll(async () => {
        const { status } = await patch(store, id, [set("a", 1)]);
        stored.push(await admin?.sendCommand(["HGET", key, "salt"], BYTES));
        return status;
      }, WAIT)
      .toBe("gone");
    expect(stored).toEqual([salt]);
  });

  test("diagnose looks at the cluster", async () => {
    expect(await store.diagnose()).toContainEqual(expect.objectContaining({ check: "cluster", level: "ok" }));
  });
});

test("O3 clients of a cluster need what one server never asks for, and are denied what they do without", async () => {
  const names = (await Promise.all(used.map((each) => each.soFar()))).flatMap((each) => [...each]);
  expect(names).toEqual(expect.arrayContaining(["asking", "cluster|info", "cluster|slots"]));
  const denied = (await Promise.all(cluster.admins.map(deniedBy))).flat();
  // ioredis makes its connections to replicas, if it has any, ready for reading, which nobody here does.
  const others = denied.filter((name) => name !== "readonly");
  expect([...new Set(others)].toSorted()).toEqual(["acl|whoami", "config|get"]);
});

describe("the shard with the facts and cut-offs of the namespace is gone, its replica too", () => {
  const UNAVAILABLE = { code: "store_unavailable" };
  const apps: { readonly sessions: Sessions; look(): Promise<unknown>; close(): Promise<unknown> | void }[] = [];
  /** Of users whose shard goes on. */
  const living: Awaited<ReturnType<Sessions["create"]>>[] = [];
  let alive: TestClient[];

  beforeAll(async () => {
    for (const kind of KINDS) {
      const { client, close } = await openFailoverClient(kind, cluster.nodes);
      const store = redisStore(client, { nearCache: true });
      const sessions = createSessions({ store, secrets: [TEST_SECRET], reaper: false, log: () => undefined });
      const look = async (): Promise<unknown> =>
        client instanceof Cluster && new Promise((looked) => client.refreshSlotsCache(looked));
      apps.push({ sessions, look, close });
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

  test.each([
    [KINDS[0], 0],
    [KINDS[1], 1],
  ])("%s: on other shards sessions begin, are written and end, after new connections too", async (_kind, i) => {
    const [one, two] = [livingOne(2 * i), livingOne(2 * i + 1)];
    const userId = one.session.userId ?? "";
    const write = (): Promise<boolean> => appOf(i).data(one.session.id).set("a", 1);
    const work = async (): Promise<void> => {
      expect(await write()).toBe(true);
      expect((await appOf(i).create({ userId })).session.userId).toBe(userId);
      await appOf(i).activity.record(one.session.id, "look", {});
      expect((await appOf(i).activity.list(one.session.id)).length).toBeGreaterThan(0);
    };
    const writesAgain = (): Promise<unknown> => expect.poll(() => write().catch(() => false), SOON).toBe(true);
    await writesAgain();
    // ioredis makes a client of its own for the shard that is gone each time it looks at the cluster.
    for (let looks = 0; looks < 3; looks++) {
      await apps[i]?.look();
      await expect(appOf(i).count()).rejects.toMatchObject(UNAVAILABLE);
      await work();
    }
    await Promise.all(alive.map((admin) => admin.sendCommand(["CLIENT", "KILL", "USER", USER.username])));
    await writesAgain();
    await work();
    expect(await appOf(i).logout(two.token)).toBe(true);
    expect(await appOf(i).revoke(one.session.id)).toBe(true);
    expect((await appOf(i).revokeUser(userId)).ended).toBeGreaterThan(0);
  });
});

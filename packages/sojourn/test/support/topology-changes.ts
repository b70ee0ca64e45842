/** What operators do to servers under load: what a caller is told meanwhile, and what is lost. */

import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createSessions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { openFailoverClient } from "./failover-clients.ts";
import { Load, type LoadReport } from "./failover-load.ts";
import { nodeSettings, type RedisCluster, startCluster } from "./redis-cluster.ts";
import { type RedisServer, startRedis, type TestClient } from "./redis-server.ts";
import { AS_ADMIN } from "./redis-user.ts";
import { type RedisSentinels, startSentinels } from "./redis-sentinels.ts";
import { TEST_SECRET } from "./secrets.ts";
import type { ServerGroup } from "./server-group.ts";
import { until } from "./until.ts";

const run = promisify(execFile);
const WARM_MS = 500;
const MOVED_SLOTS = 300;

export interface ChangeResult {
  readonly change: string;
  readonly calls: number;
  /** How often each error was told, and those of them that must not be. */
  readonly errors: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
  /** Acknowledged logins that the servers lost; others that were refused; ended ones that were accepted. */
  readonly lost: number;
  readonly refused: number;
  readonly accepted: number;
  readonly ms: number;
}

/** Where a replica is away, or a server has none. */
const NOT_DURABLE = /^durable revoke: not_replicated, unknown$/;
/** Where another server becomes primary: what the failure contract allows. */
const UNAVAILABLE = /: \w+, (?:unknown|not_executed)$/;

interface Change<G extends ServerGroup> {
  readonly name: string;
  /** What may be told meanwhile; absent: nothing. */
  readonly mayTell?: RegExp;
  /** Sentinels promote a replica without waiting for it to have everything. */
  readonly mayLose?: true;
  run(group: G): Promise<void>;
}

async function flushScripts(group: ServerGroup): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await Promise.all(group.admins.map((admin) => admin.sendCommand(["SCRIPT", "FLUSH"])));
    await sleep(100);
  }
}

async function restarted(server: RedisServer | undefined): Promise<void> {
  await server?.kill("SIGTERM");
  await server?.start();
}

function serverOf(group: ServerGroup, admin: TestClient): RedisServer | undefined {
  return group.servers[group.admins.indexOf(admin)];
}

async function restartReplicas(group: RedisCluster): Promise<void> {
  for (const replica of await group.replicas()) {
    await restarted(serverOf(group, replica));
    await until(() => group.isWhole());
  }
}

async function idOf(admin: TestClient): Promise<string> {
  return admin.sendCommand<string>(["CLUSTER", "MYID"]);
}

async function slotsOf(admin: TestClient): Promise<number> {
  const shards = await admin.sendCommand<[number, number, [string, number, string]][]>(["CLUSTER", "SLOTS"]);
  const id = await idOf(admin);
  const own = shards.filter(([, , [, , of]]) => of === id);
  return own.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

async function reshard(from: TestClient, to: TestClient, entry: number | undefined): Promise<void> {
  const ends = ["--cluster-from", await idOf(from), "--cluster-to", await idOf(to)];
  const much = ["--cluster-slots", String(MOVED_SLOTS), "--cluster-yes"];
  const before = await slotsOf(to);
  await run("redis-cli", [...AS_ADMIN, "--cluster", "reshard", `127.0.0.1:${entry}`, ...ends, ...much]);
  await until(async () => (await slotsOf(to)) === before + MOVED_SLOTS);
}

const CLUSTER_CHANGES: readonly Change<RedisCluster>[] = [
  { name: "SCRIPT FLUSH on every server, five times", run: flushScripts },
  {
    name: `${MOVED_SLOTS} slots moved from one primary to another`,
    run: async (group) => {
      const [from, to] = await group.primaries();
      if (from === undefined || to === undefined) throw new Error("no primaries");
      await reshard(from, to, group.servers[0]?.port);
    },
  },
  {
    name: `a node added, ${MOVED_SLOTS} slots moved to it`,
    mayTell: NOT_DURABLE,
    run: async (group) => {
      const added = await startRedis(await nodeSettings());
      group.added.push(added);
      const [entry] = addresses(group);
      await run("redis-cli", [...AS_ADMIN, "--cluster", "add-node", `127.0.0.1:${added.port}`, entry ?? ""]);
      const [[from], to] = [await group.primaries(), await added.admin()];
      if (from === undefined) throw new Error("no primaries");
      await until(async () => (await to.clusterInfo()).includes("cluster_state:ok"));
      const id = await idOf(to);
      const isKnown = async (admin: TestClient): Promise<boolean> =>
        (await admin.sendCommand<string>(["CLUSTER", "NODES"])).includes(id);
      await until(async () => (await Promise.all(group.admins.map(isKnown))).every(Boolean));
      await reshard(from, to, group.servers[0]?.port);
    },
  },
  { name: "every replica restarted, one after the other", mayTell: NOT_DURABLE, run: restartReplicas },
  {
    name: "every primary handed over (CLUSTER FAILOVER) and restarted",
    mayTell: UNAVAILABLE,
    run: async (group) => {
      for (const primary of await group.primaries()) {
        const id = await idOf(primary);
        for (const replica of await group.replicas()) {
          const nodes = await replica.sendCommand<string>(["CLUSTER", "NODES"]);
          if (!new RegExp(`myself,slave ${id}`).test(nodes)) continue;
          await replica.sendCommand(["SCRIPT", "FLUSH"]);
          await replica.sendCommand(["CLUSTER", "FAILOVER"]);
          await until(async () => (await group.primaries()).includes(replica));
        }
        await restarted(serverOf(group, primary));
        await until(() => group.isWhole());
      }
    },
  },
];

const SENTINEL_CHANGES: readonly Change<RedisSentinels>[] = [
  { name: "SCRIPT FLUSH on every server, five times", run: flushScripts },
  {
    name: "every replica restarted, one after the other",
    mayTell: NOT_DURABLE,
    run: async (group) => {
      for (const replica of await group.replicas()) await restartedBehind(group, replica);
    },
  },
  {
    name: "the primary handed over (SENTINEL FAILOVER, scripts missing there) and restarted",
    mayLose: true,
    mayTell: UNAVAILABLE,
    run: async (group) => {
      const [primary] = await group.primaries();
      if (primary === undefined) throw new Error("no primary");
      for (const replica of await group.replicas()) await replica.sendCommand(["SCRIPT", "FLUSH"]);
      await group.switchOver();
      await restartedBehind(group, primary);
    },
  },
];

/** Its configuration file would name the primary; these have none. */
async function restartedBehind(group: RedisSentinels, replica: TestClient): Promise<void> {
  await restarted(serverOf(group, replica));
  const [primary] = (await group.primaries()).filter((each) => each !== replica);
  if (primary !== undefined) await group.demote(group.admins.indexOf(replica), group.admins.indexOf(primary));
  await until(() => group.isWhole());
}

function addresses(group: ServerGroup): string[] {
  return group.nodes.map(({ host, port }) => `${host}:${port}`);
}

export const CHANGED_TOPOLOGIES = {
  Sentinel: {
    kinds: ["node-redis sentinel", "ioredis with sentinels"],
    changes: (kind: string) => changesOf(kind, () => startSentinels(), SENTINEL_CHANGES),
  },
  Cluster: {
    kinds: ["node-redis cluster", "ioredis Cluster"],
    changes: (kind: string) => changesOf(kind, () => startCluster(), CLUSTER_CHANGES),
  },
} as const;

/** Each change in turn under load, on servers of their own. */
async function changesOf<G extends ServerGroup>(
  kind: string,
  start: () => Promise<G>,
  changes: readonly Change<G>[],
): Promise<ChangeResult[]> {
  const group = await start();
  const { client, close } = await openFailoverClient(kind, group.nodes);
  const store = redisStore(client, { nearCache: true });
  const sessions = createSessions({ store, secrets: [TEST_SECRET], reaper: false, log: () => undefined });
  await sessions.ready();
  const load = new Load(sessions, 1, () => undefined);
  try {
    const results: ChangeResult[] = [];
    for (const { name, mayTell, mayLose = false, run: change } of changes) {
      load.start();
      await sleep(WARM_MS);
      const began = performance.now();
      await change(group);
      const ms = performance.now() - began;
      await sleep(WARM_MS);
      const report = await load.stop();
      const lost = await lostOf(report, (token) => isValid(sessions, token));
      const refused = report.refused.filter(({ id }) => !lost.has(id)).length;
      const { calls, errors, accepted } = report;
      const wrong = Object.keys(errors).filter((said) => mayTell?.test(said) !== true);
      if (lost.size > 0 && !mayLose) wrong.push(`${lost.size} sessions lost`);
      results.push({ change: name, calls, errors, wrong, lost: lost.size, refused, accepted: accepted.length, ms });
    }
    return results;
  } finally {
    await load.stop();
    await sessions.close();
    await close();
    await group.stop();
  }
}

type Check = (token: string) => Promise<boolean>;

/** Of the sessions that nobody has ended, and of those that nobody knew when they were to be. */
async function lostOf({ logins, live, lost }: LoadReport, isGood: Check): Promise<ReadonlySet<string>> {
  const alive = new Set(live);
  const some = logins.filter(({ id }) => alive.has(id));
  const good = await Promise.all(some.map(({ token }) => isGood(token)));
  return new Set([...lost, ...some.filter((_login, i) => good[i] !== true).map(({ id }) => id)]);
}

/** What the server says, once it says something. */
async function isValid(sessions: Sessions, token: string): Promise<boolean> {
  let valid = false;
  await until(async () => {
    ({ valid } = await sessions.validate(token, { fresh: true, touch: false }));
    return true;
  });
  return valid;
}

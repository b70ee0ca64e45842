/** The two topologies as a failover needs them: what can befall a primary, and how all is whole again. */

import { setTimeout as sleep } from "node:timers/promises";
import { slotOf } from "../../src/stores/redis/slots.ts";
import { type RedisCluster, startCluster } from "./redis-cluster.ts";
import { type RedisSentinels, startSentinels } from "./redis-sentinels.ts";
import { wallNow } from "./failover-load.ts";
import type { MovingProxy } from "./moving-proxy.ts";
import type { TestClient } from "./redis-server.ts";
import type { ServerGroup } from "./server-group.ts";

const ANSWERS_WITHIN_MS = 250;
const BEHIND_MS = 400;

const FAULTS = ["kill -9", "kill -9, replicas behind", "SIGSTOP"] as const;
/** The last one is no fault of the primary: it goes on, as one does that only the Sentinels do not reach. */
const SENTINEL_FAULTS = [...FAULTS, "network cut", "SENTINEL FAILOVER"] as const;
export type FaultName = (typeof SENTINEL_FAULTS)[number];

export interface Ground {
  readonly servers: ServerGroup;
  readonly faults: readonly FaultName[];
  /** Of each primary. */
  readonly replicas: number;
  /** Servers by their places in `servers`. */
  primaries(): Promise<number[]>;
  /** Whether the server has the key. */
  holds(server: number): Promise<(key: string) => boolean>;
  /** Answers when it began. */
  begin(fault: FaultName, server: number): Promise<number>;
  end(fault: FaultName, server: number): Promise<void>;
  /** What was the primary follows the one of now. */
  rejoin(server: number): Promise<void>;
  isWhole(): Promise<boolean>;
}

/** A server that hangs or is gone says nothing. */
async function roleOf(admin: TestClient): Promise<string> {
  if (!admin.isReady) return "";
  return Promise.race([admin.info("replication").catch(() => ""), sleep(ANSWERS_WITHIN_MS, "")]);
}

async function primariesOf(servers: ServerGroup): Promise<number[]> {
  const told = await Promise.all(servers.admins.map(roleOf));
  return told.flatMap((role, i) => (role.includes("role:master") ? [i] : []));
}

type Proxied = ServerGroup & { readonly proxies: readonly MovingProxy[] };

const KILLS: ReadonlySet<FaultName> = new Set(["kill -9", "kill -9, replicas behind"]);

async function begin({ servers, proxies }: Proxied, fault: FaultName, server: number): Promise<number> {
  if (fault === "kill -9, replicas behind") {
    proxies[server]?.muteReplicas();
    await sleep(BEHIND_MS);
  }
  const at = wallNow();
  if (fault === "network cut") proxies[server]?.mute();
  else if (fault === "SIGSTOP") servers[server]?.process.kill("SIGSTOP");
  else if (KILLS.has(fault)) await servers[server]?.kill("SIGKILL");
  return at;
}

async function end({ servers, proxies }: Proxied, fault: FaultName, server: number): Promise<void> {
  if (fault === "SIGSTOP") servers[server]?.process.kill("SIGCONT");
  else if (KILLS.has(fault)) await servers[server]?.start();
  if (KILLS.has(fault) || fault === "network cut") proxies[server]?.heal();
}

export async function sentinelGround(): Promise<Ground> {
  const servers: RedisSentinels = await startSentinels([], undefined, { proxied: true });
  return {
    servers,
    faults: SENTINEL_FAULTS,
    replicas: servers.servers.length - 1,
    primaries: () => primariesOf(servers),
    holds: async () => () => true,
    begin: async (fault, server) => {
      const at = await begin(servers, fault, server);
      if (fault === "SENTINEL FAILOVER") await servers.takeOver();
      return at;
    },
    end: (fault, server) => end(servers, fault, server),
    rejoin: async (server) => {
      const now = (await primariesOf(servers)).find((each) => each !== server);
      if (now !== undefined) await servers.demote(server, now);
    },
    isWhole: () => servers.isWhole(),
  };
}

/**
 * Without a network cut: nodes of a cluster connect to each other both ways, and one that still sends is not taken for
 * dead. A proxy in front of a node stops what others send to it, not what it sends.
 */
export async function clusterGround(): Promise<Ground> {
  const servers: RedisCluster = await startCluster();
  await servers.announceProxies();
  return {
    servers,
    faults: FAULTS,
    replicas: 1,
    primaries: () => primariesOf(servers),
    holds: async (server) => {
      const shards = await servers.admins[server]?.sendCommand<[number, number, [string, number]][]>([
        "CLUSTER",
        "SLOTS",
      ]);
      const port = servers.proxies[server]?.port;
      const ranges = (shards ?? []).filter(([, , [, at]]) => at === port);
      return (key) => ranges.some(([from, to]) => slotOf(key) >= from && slotOf(key) <= to);
    },
    begin: (fault, server) => begin(servers, fault, server),
    end: async (fault, server) => {
      await end(servers, fault, server);
      await servers.announce(server);
    },
    rejoin: async () => undefined,
    isWhole: () => servers.isWhole(),
  };
}

/** Each client of each topology, connected as the user of least privilege, otherwise as it is out of the box. */

import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import type { RedisClient } from "../../src/stores/redis/drivers/driver-of.ts";
import { startCluster } from "./redis-cluster.ts";
import { PRIMARY, startSentinels } from "./redis-sentinels.ts";
import { USER } from "./redis-user.ts";
import type { ServerGroup } from "./server-group.ts";

export interface Opened {
  readonly client: RedisClient;
  close(): Promise<unknown> | void;
}

const KINDS: Readonly<Record<string, (servers: ServerGroup) => Promise<Opened>>> = {
  "node-redis cluster": async ({ nodes }) => {
    const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })), defaults: USER });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  "ioredis Cluster": async ({ nodes }) => {
    const client = new Cluster(nodes, { redisOptions: USER });
    client.on("error", () => undefined);
    await once(client, "ready");
    return { client, close: () => client.disconnect() };
  },
  "node-redis sentinel": async ({ nodes }) => {
    const client = createSentinel({ name: PRIMARY, sentinelRootNodes: nodes, nodeClientOptions: USER });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  "ioredis with sentinels": async ({ nodes }) => {
    const client = new Redis({ ...USER, name: PRIMARY, sentinels: nodes });
    client.on("error", () => undefined);
    await once(client, "ready");
    return { client, close: () => client.disconnect() };
  },
};

/** A client of its own, as it is out of the box. */
export function openClient(kind: string, servers: ServerGroup): Promise<Opened> {
  const open = KINDS[kind];
  if (open === undefined) throw new TypeError(`no client is called ${kind}`);
  return open(servers);
}

export const TOPOLOGIES = {
  cluster: { kinds: ["node-redis cluster", "ioredis Cluster"], start: () => startCluster() },
  sentinels: { kinds: ["node-redis sentinel", "ioredis with sentinels"], start: () => startSentinels() },
} as const;

/** The clients of Sentinels and clusters, with the options that docs/guide/failover.md recommends. */

import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { PRIMARY } from "./redis-sentinels.ts";
import { USER } from "./redis-user.ts";
import type { Address } from "./server-group.ts";
import type { Opened } from "./topology-clients.ts";

const RECONNECT_MS = (tries: number): number => Math.min(25 * 2 ** tries, 500);

const NODE_REDIS = {
  disableOfflineQueue: true,
  pingInterval: 1_000,
  socket: { connectTimeout: 1_000, socketTimeout: 2_000, reconnectStrategy: RECONNECT_MS },
};
const IOREDIS = { enableOfflineQueue: false, connectTimeout: 1_000, socketTimeout: 2_000, maxRetriesPerRequest: 1 };

export const FAILOVER_CLIENTS: Readonly<Record<string, (nodes: readonly Address[]) => Promise<Opened>>> = {
  "node-redis sentinel": async (nodes) => {
    const client = createSentinel({
      name: PRIMARY,
      sentinelRootNodes: [...nodes],
      nodeClientOptions: { ...USER, ...NODE_REDIS },
      sentinelClientOptions: { socket: NODE_REDIS.socket, pingInterval: NODE_REDIS.pingInterval },
      scanInterval: 1_000,
    });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  "ioredis with sentinels": async (nodes) => {
    const retryStrategy = RECONNECT_MS;
    const sentinels = [...nodes];
    const client = new Redis({ ...USER, ...IOREDIS, name: PRIMARY, sentinels, failoverDetector: true, retryStrategy });
    client.on("error", () => undefined);
    // It gives up for good when a Sentinel tells of the new primary while it connects.
    const again = (): void => {
      setTimeout(() => void client.connect().catch(() => undefined), RECONNECT_MS(0));
    };
    client.on("end", again);
    await once(client, "ready");
    return { client, close: () => client.off("end", again).disconnect() };
  },
  "node-redis cluster": async (nodes) => {
    const client = createCluster({
      rootNodes: nodes.map((socket) => ({ socket })),
      defaults: { ...USER, ...NODE_REDIS },
      topologyRefreshOnReconnectionAttemptStrategy: 250,
    });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  "ioredis Cluster": async (nodes) => {
    const client = new Cluster([...nodes], {
      redisOptions: { ...USER, connectTimeout: 1_000, socketTimeout: 2_000, maxRetriesPerRequest: 1 },
      slotsRefreshInterval: 1_000,
      clusterRetryStrategy: RECONNECT_MS,
    });
    client.on("error", () => undefined);
    await once(client, "ready");
    return { client, close: () => client.disconnect() };
  },
};

export function openFailoverClient(kind: string, nodes: readonly Address[]): Promise<Opened> {
  const open = FAILOVER_CLIENTS[kind];
  if (open === undefined) throw new TypeError(`no client is called ${kind}`);
  return open(nodes);
}

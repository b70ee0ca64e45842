/** node-redis 6: the client that `createCluster()` answers, connected. It follows MOVED and ASK by itself. */

import type { Argument, Driver, Reply } from "../driver.ts";
import { notConnected } from "../failures.ts";
import { slotOf } from "../slots.ts";
import { listenTo, refusePrefix, refuseReplicas } from "./emitting.ts";
import { AS_BUFFERS, duplicateOf, type NodeRedisClient, subscriberOf } from "./node-redis.ts";
import { anyOf, openPinned, openSubscription } from "./subscription.ts";

interface ClusterNode {
  readonly address: string;
  readonly client?: { readonly isReady: boolean } | undefined;
}

/** What is used of the client; its real type is assignable. */
export interface NodeRedisCluster {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  readonly masters: readonly ClusterNode[];
  readonly slots: readonly { readonly master: ClusterNode }[];
  // A method, so that the client's own type of a node is accepted.
  nodeClient(node: never): Promise<object>;
  sendCommand(
    slotKey: string | undefined,
    isReadonly: boolean,
    args: readonly Argument[],
    options?: object,
  ): Promise<unknown>;
}

export function isNodeRedisCluster(client: object): client is NodeRedisCluster {
  return "sendCommand" in client && "masters" in client && "slots" in client && "nodeClient" in client;
}

/** @throws ConfigError for a client that prefixes keys or reads from replicas. */
export function nodeRedisClusterDriver(client: NodeRedisCluster): Driver {
  const { _options: options } = client as { _options?: { keyPrefix?: unknown; useReplicas?: boolean } };
  refusePrefix(options?.keyPrefix);
  refuseReplicas(options?.useReplicas === true && "useReplicas");
  const clientOf = async (node: ClusterNode): Promise<NodeRedisClient> => {
    if (!isUp(node)) throw notConnected(`Redis at ${node.address} is not connected.`);
    return (await client.nodeClient(node as never)) as NodeRedisClient;
  };
  const primaryOf = (slotKey: string): ClusterNode | undefined => client.slots[slotOf(slotKey)]?.master;
  const isAway = (slotKey: string): boolean => {
    const primary = primaryOf(slotKey);
    return primary === undefined || !isUp(primary);
  };
  return {
    isCluster: true,
    exec: (slotKey, args) => client.sendCommand(slotKey ?? undefined, false, args, AS_BUFFERS) as Promise<Reply>,
    primaries: (args) =>
      client.masters.map(async (node) => (await (await clientOf(node)).sendCommand(args, AS_BUFFERS)) as Reply),
    primaryOf: (slotKey) => primaryOf(slotKey)?.address ?? "",
    isReady: (slotKey) => client.isReady && (slotKey === null || !isAway(slotKey)),
    isAway,
    isClosed: () => !client.isOpen,
    onReconnect: (listener) => listenTo(client, ["node-ready"], listener),
    subscribe: async (channels, listener) => {
      const node = anyOf(client.masters);
      if (node === undefined) throw notConnected();
      return openSubscription(subscriberOf(await clientOf(node), channels, listener), listener);
    },
    pinned: async (slotKey) => {
      const node = primaryOf(slotKey);
      if (node === undefined) throw notConnected();
      return openPinned(duplicateOf(await clientOf(node)));
    },
  };
}

/** With `minimizeConnections` a node has no client before the first command. */
function isUp({ client }: ClusterNode): boolean {
  return client === undefined || client.isReady;
}

/**
 * ioredis 6: a `Cluster`. It follows MOVED and ASK by itself, and by default connects to a node that broke away only
 * when a command is sent there.
 */

import type { Driver } from "../driver.ts";
import { notConnected } from "../failures.ts";
import { slotOf } from "../slots.ts";
import { type Emitting, listenTo, refusePrefix, refuseReplicas } from "./emitting.ts";
import { duplicateOf, type IoredisClient, sendTo, subscriberOf } from "./ioredis.ts";
import { anyOf, openPinned, openSubscription } from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface IoredisCluster extends IoredisClient {
  nodes(role: "master"): readonly IoredisClient[];
  /** The nodes of each slot, the primary first. */
  readonly slots: readonly (readonly string[])[];
}

export function isIoredisCluster(client: IoredisClient): client is IoredisCluster {
  return "nodes" in client && typeof client.nodes === "function" && "slots" in client;
}

/** @throws ConfigError for a client that prefixes keys or reads from replicas. */
export function ioredisClusterDriver(client: IoredisCluster): Driver {
  const { options } = client as { options?: { keyPrefix?: string; scaleReads?: unknown } };
  refusePrefix(options?.keyPrefix);
  refuseReplicas((options?.scaleReads ?? "master") !== "master" && "scaleReads");
  const masters = (): readonly IoredisClient[] => client.nodes("master");
  const primaryOf = (slotKey: string): string => client.slots[slotOf(slotKey)]?.[0] ?? "";
  return {
    isCluster: true,
    exec: (_slotKey, args) => sendTo(client, args),
    primaries: (args) => masters().map((node) => sendTo(node, args)),
    primaryOf,
    isReady: () => client.status === "ready",
    onReconnect: (listener) => watchNodes(client, listener),
    subscribe: async (channels, listener) => {
      const node = anyOf(masters());
      if (node === undefined) throw notConnected();
      return openSubscription(subscriberOf(node, channels, listener), listener);
    },
    pinned: async (slotKey) => {
      const node = masters().find((each) => addressOf(each) === primaryOf(slotKey));
      if (node === undefined) throw notConnected("The primary of a slot is not connected.");
      return openPinned(duplicateOf(node));
    },
  };
}

/** As the client names it. */
function addressOf(node: IoredisClient): string {
  const { options } = node as { options?: { host?: string; port?: number } };
  return `${options?.host}:${options?.port}`;
}

/** A node that is connected anew is a new object, unless the application lets nodes reconnect; a replica may become primary. */
function watchNodes(client: IoredisCluster, listener: () => void): () => void {
  const emitter = client as unknown as Emitting;
  const known = new Map<object, () => void>();
  let primaries = new Set(client.nodes("master"));
  const watch = (node: IoredisClient): void => {
    if (!known.has(node)) known.set(node, listenTo(node, ["ready"], listener));
  };
  const forget = (node: IoredisClient): void => {
    known.get(node)?.();
    known.delete(node);
  };
  const refreshed = (): void => {
    const now = new Set(client.nodes("master"));
    if (now.size !== primaries.size || [...now].some((node) => !primaries.has(node))) listener();
    primaries = now;
  };
  for (const node of client.nodes("master")) watch(node);
  emitter.on("+node", watch);
  emitter.on("-node", forget);
  emitter.on("refresh", refreshed);
  return () => {
    emitter.off("+node", watch);
    emitter.off("-node", forget);
    emitter.off("refresh", refreshed);
    for (const stop of known.values()) stop();
  };
}

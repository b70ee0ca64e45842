/**
 * ioredis 6: a `Cluster`. It follows MOVED and ASK by itself, and by default connects to a node that broke away only
 * when a command is sent there.
 */

import type { Driver } from "../driver.ts";
import { notConnected } from "../failures.ts";
import { slotOf } from "../slots.ts";
import { type Emitting, listenTo, refusePrefix, refuseReplicas } from "./emitting.ts";
import { duplicateOf, type IoredisClient, isClosed, sendTo, subscriberOf } from "./ioredis.ts";
import { anyOf, openPinned, openSubscription } from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface IoredisCluster extends IoredisClient {
  nodes(role: "master" | "all"): readonly IoredisClient[];
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
  const nodeOf = (slotKey: string): IoredisClient | undefined =>
    masters().find((each) => addressOf(each) === primaryOf(slotKey));
  return {
    isCluster: true,
    exec: (_slotKey, args) => sendTo(client, args),
    primaries: (args) => masters().map((node) => sendTo(node, args)),
    primaryOf,
    isReady: () => client.status === "ready",
    isAway: (slotKey) => nodeOf(slotKey)?.status !== "ready",
    // Of several nodes that end the last ones put "close" over its "end" (6.0.0).
    isClosed: () => client.status === "close" || isClosed(client),
    onReconnect: (listener, onLost) => watchNodes(client, listener, onLost),
    subscribe: async (channels, listener) => {
      const node = anyOf(masters());
      if (node === undefined) throw notConnected();
      return openSubscription(subscriberOf(node, channels, listener), listener);
    },
    pinned: async (slotKey) => {
      const node = nodeOf(slotKey);
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

/** A node that is gone is a new object each time it is tried: news is a primary that is connected and was none before. */
function watchNodes(client: IoredisCluster, listener: () => void, onLost: (primary: string) => void): () => void {
  const emitter = client as unknown as Emitting;
  const known = new Map<object, () => void>();
  const connected = (): readonly IoredisClient[] => client.nodes("master").filter(({ status }) => status === "ready");
  let primaries = connected();
  const look = (): void => {
    const before = primaries;
    primaries = connected();
    if (primaries.some((node) => !before.includes(node))) listener();
  };
  const changed = (node: IoredisClient): void => {
    look();
    if (node.status !== "ready") onLost(addressOf(node));
  };
  const watch = (node: IoredisClient): void => {
    if (!known.has(node))
      known.set(
        node,
        listenTo(node, ["ready", "close"], () => changed(node)),
      );
  };
  const forget = (node: IoredisClient): void => {
    known.get(node)?.();
    known.delete(node);
    changed(node);
  };
  for (const node of client.nodes("all")) watch(node);
  emitter.on("+node", watch);
  emitter.on("-node", forget);
  emitter.on("refresh", look);
  return () => {
    emitter.off("+node", watch);
    emitter.off("-node", forget);
    emitter.off("refresh", look);
    for (const stop of known.values()) stop();
  };
}

/**
 * node-redis 6: the client that `createSentinel()` answers, connected. What was in flight when the primary went it sends
 * again, like ioredis. It says nothing of a primary that was restarted in its place; the subscription and the facts
 * that are looked at again notice.
 */

import type { Argument, Driver, Reply, SubscriptionListener } from "../driver.ts";
import { listenTo, refusePrefix } from "./emitting.ts";
import { AS_BUFFERS, duplicateOf, type NodeRedisClient } from "./node-redis.ts";
import { notDuplicable, openPinned, openSubscription, type SecondConnection } from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface NodeRedisSentinel {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  getMasterNode(): unknown;
  sendCommand(isReadonly: boolean, args: readonly Argument[], options?: object): Promise<unknown>;
  // Methods, so that the client's own type of a listener is accepted.
  subscribe(channels: string[], listener: never): Promise<unknown>;
  unsubscribe(channels: string[], listener: never): Promise<unknown>;
}

export function isNodeRedisSentinel(client: object): client is NodeRedisSentinel {
  return "sendCommand" in client && "getMasterNode" in client && "subscribe" in client;
}

/** @throws ConfigError for a client that prefixes keys. */
export function nodeRedisSentinelDriver(client: NodeRedisSentinel): Driver {
  refusePrefix(Reflect.get(client, "_keyPrefix"));
  const send = sharing(client);
  return {
    isCluster: false,
    exec: (_slotKey, args) => send(args),
    primaries: (args) => [send(args)],
    primaryOf: () => "",
    // Undefined while its connection is broken.
    isReady: () => client.isReady && client.getMasterNode() !== undefined,
    isClosed: () => !client.isOpen,
    onReconnect: (listener) => listenTo(client, ["ready"], listener),
    subscribe: async (channels, listener) => openSubscription(subscriberOf(client, [...channels], listener), listener),
    pinned: async () => openPinned(duplicateOf(await primaryClientOf(client))),
  };
}

type Execute = <T>(isReadonly: boolean, use: (node: NodeRedisClient) => Promise<T>) => Promise<T>;

/** Does something with the client to the primary of today; no public method does. */
function executeOf(client: NodeRedisSentinel): Execute | undefined {
  const { _execute: execute } = client as { _execute?: Execute };
  return execute?.bind(client);
}

/**
 * Calls of the client share a connection to the primary with one that is under way. Those that begin together while none is
 * each take one of their own, and of a pool (`masterPoolSize`) all but the last are lost (6.3.1). So the first one
 * takes it, and the others follow once it has.
 */
function sharing(client: NodeRedisSentinel): (args: readonly Argument[]) => Promise<Reply> {
  const execute = executeOf(client);
  if (execute === undefined) return (args) => client.sendCommand(false, args, AS_BUFFERS) as Promise<Reply>;
  let underWay = 0;
  let taken: Promise<void> = Promise.resolve();
  return async (args) => {
    let took = (): void => undefined;
    if (underWay++ > 0) await taken;
    else taken = new Promise((resolve) => (took = resolve));
    let isCounted = true;
    const ended = (): void => {
      took();
      if (isCounted) underWay--;
      isCounted = false;
    };
    try {
      // Not for a replica, whatever `replicaPoolSize` says.
      return await execute(false, async (node) => {
        took();
        // Before the client gives the connection back.
        return (node.sendCommand(args, AS_BUFFERS) as Promise<Reply>).finally(ended);
      });
    } finally {
      ended();
    }
  };
}

/**
 * The client to the primary of today: what a lease of the sentinel client is sent may go to another one tomorrow, silently.
 * @throws ConfigError
 */
async function primaryClientOf(client: NodeRedisSentinel): Promise<object> {
  const execute = executeOf(client);
  if (execute === undefined) throw notDuplicable();
  return (await execute(false, async (node) => ({ node }))).node;
}

/** The client has one connection for all subscriptions, and follows the primary with it: a gap all the same. */
function subscriberOf(client: NodeRedisSentinel, channels: string[], listener: SubscriptionListener): SecondConnection {
  let stop: (() => void) | undefined;
  const hear = (message: string, channel: string): void => listener.onMessage(channel, message);
  return {
    open: async () => void (await client.subscribe(channels, hear as never)),
    close: () => {
      stop?.();
      client.unsubscribe(channels, hear as never).catch(() => undefined);
    },
    onLost: (lost) => {
      stop = listenTo(client, ["error", "reconnecting", "end"], lost);
    },
  };
}

/** node-redis 6: the client that `createClient()` answers, connected. */

import { ConfigError } from "../../../errors.ts";
import type { Argument, Driver, Reply, SubscriptionListener } from "../driver.ts";
import { notDuplicable, openSubscription, type SubscriberConnection } from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
}

/** RESP type byte of a bulk string: replies of it come as buffers. */
const BULK_STRING = "$".charCodeAt(0);
const AS_BUFFERS = { typeMapping: { [BULK_STRING]: Buffer }, timeout: undefined };

export function isNodeRedisClient(client: object): client is NodeRedisClient {
  return (
    "sendCommand" in client && typeof client.sendCommand === "function" && "isReady" in client && "isOpen" in client
  );
}

/** What tells about connections, where a client has it. */
interface Emitting {
  on(event: "ready", listener: () => void): unknown;
  off(event: "ready", listener: () => void): unknown;
}

function isEmitting(client: object): client is Emitting {
  return "on" in client && typeof client.on === "function" && "off" in client && typeof client.off === "function";
}

/** A cluster's `sendCommand` begins with a key and a sentinel's with a flag: they take 4 and 3 arguments, a client 2. */
function takesRoutingArguments(client: NodeRedisClient): boolean {
  return client.sendCommand.length > 2;
}

/**
 * @throws ConfigError for a cluster or sentinel client, and for a client that prefixes keys: the scripts' keys
 * would not be the prefixed ones.
 */
export function nodeRedisDriver(client: NodeRedisClient): Driver {
  if (takesRoutingArguments(client)) {
    throw new ConfigError(
      "redisStore takes a client made by createClient(): cluster and sentinel clients come with a later version.",
    );
  }
  const options = (client as { options?: { keyPrefix?: string } }).options;
  if (options?.keyPrefix)
    throw new ConfigError("The Redis client has a key prefix: remove it and use the option namespace.");
  const send = (args: readonly Argument[]): Promise<Reply> => client.sendCommand(args, AS_BUFFERS) as Promise<Reply>;
  return {
    exec: (_slotKey, args) => send(args),
    primaries: async (args) => [await send(args)],
    isReady: () => client.isReady,
    onReconnect: (listener) => {
      if (!isEmitting(client)) return () => undefined;
      client.on("ready", listener);
      return () => void client.off("ready", listener);
    },
    subscribe: async (channels, listener) => openSubscription(subscriberOf(client, channels, listener), listener),
  };
}

/** What is used of a client's duplicate. */
interface Subscriber {
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  on(event: "error" | "end", listener: () => void): unknown;
  unref(): void;
  destroy(): void;
}

function subscriberOf(
  client: NodeRedisClient,
  channels: readonly string[],
  listener: SubscriptionListener,
): SubscriberConnection {
  const original = client as { options?: { socket?: object }; duplicate?(overrides: object): Subscriber };
  // The cache of the original is not for this one to clear.
  const overrides = { socket: { ...original.options?.socket, reconnectStrategy: false }, clientSideCache: undefined };
  const subscriber = original.duplicate?.(overrides);
  if (subscriber === undefined) throw notDuplicable();
  return {
    open: async () => {
      await subscriber.connect();
      subscriber.unref();
      await subscriber.subscribe(channels, (message, channel) => listener.onMessage(channel, message));
    },
    close: () => subscriber.destroy(),
    onLost: (lost) => {
      subscriber.on("error", lost);
      subscriber.on("end", lost);
    },
  };
}

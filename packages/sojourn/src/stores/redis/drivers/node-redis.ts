/** node-redis 6: the client that `createClient()` answers, connected. */

import type { Argument, Driver, Reply, SubscriptionListener } from "../driver.ts";
import { listenTo, refusePrefix } from "./emitting.ts";
import {
  notDuplicable,
  openPinned,
  openSubscription,
  type SecondConnection,
  type SendingConnection,
} from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
}

/** RESP type byte of a bulk string: replies of it come as buffers. */
const BULK_STRING = "$".charCodeAt(0);
export const AS_BUFFERS = { typeMapping: { [BULK_STRING]: Buffer }, timeout: undefined };

export function isNodeRedisClient(client: object): client is NodeRedisClient {
  return (
    "sendCommand" in client && typeof client.sendCommand === "function" && "isReady" in client && "isOpen" in client
  );
}

/** @throws ConfigError for a client that prefixes keys. */
export function nodeRedisDriver(client: NodeRedisClient): Driver {
  refusePrefix((client as { options?: { keyPrefix?: unknown } }).options?.keyPrefix);
  const send = (args: readonly Argument[]): Promise<Reply> => client.sendCommand(args, AS_BUFFERS) as Promise<Reply>;
  return {
    isCluster: false,
    exec: (_slotKey, args) => send(args),
    primaries: (args) => [send(args)],
    primaryOf: () => "",
    isReady: () => client.isReady,
    isClosed: () => !client.isOpen,
    onReconnect: (listener) => listenTo(client, ["ready"], listener),
    subscribe: async (channels, listener) => openSubscription(subscriberOf(client, channels, listener), listener),
    pinned: async () => openPinned(duplicateOf(client)),
  };
}

/** What is used of a client's duplicate. */
interface Duplicate extends NodeRedisClient {
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  on(event: "error" | "end", listener: () => void): unknown;
  unref(): void;
  destroy(): void;
}

/** @throws ConfigError */
export function subscriberOf(
  client: object,
  channels: readonly string[],
  listener: SubscriptionListener,
): SecondConnection {
  const { own, ...connection } = duplicateOf(client);
  return {
    ...connection,
    open: async () => {
      await connection.open();
      await own.subscribe(channels, (message, channel) => listener.onMessage(channel, message));
    },
  };
}

/** Not connected anew once it is lost. @throws ConfigError */
export function duplicateOf(client: object): SendingConnection & { readonly own: Duplicate } {
  const original = client as { options?: { socket?: object }; duplicate?(overrides: object): Duplicate };
  // The cache of the original is not for this one to clear.
  const overrides = { socket: { ...original.options?.socket, reconnectStrategy: false }, clientSideCache: undefined };
  const own = original.duplicate?.(overrides);
  if (own === undefined) throw notDuplicable();
  return {
    own,
    open: async () => {
      await own.connect();
      own.unref();
    },
    send: (args) => own.sendCommand(args, AS_BUFFERS) as Promise<Reply>,
    close: () => own.destroy(),
    onLost: (lost) => {
      own.on("error", lost);
      own.on("end", lost);
    },
  };
}

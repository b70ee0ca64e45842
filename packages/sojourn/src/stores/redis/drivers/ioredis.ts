/**
 * ioredis 6: a `Redis`, of one server or found through sentinels. Its status must be "ready" before the first call:
 * await its event `ready`, or `connect()` with `lazyConnect`.
 *
 * Everything goes to the server that the client is connected to, which must be the primary: `scaleReads` belongs to
 * a Cluster, `enableAutoPipelining` only bundles what is sent. By default ioredis executes again what was in flight
 * when the connection broke; the scripts' operation ids, tombstones and `notAfter` make that harmless.
 */

import type { Argument, Driver, Reply, SubscriptionListener } from "../driver.ts";
import { listenTo, refusePrefix, refuseReplicas } from "./emitting.ts";
import {
  notDuplicable,
  openPinned,
  openSubscription,
  type SecondConnection,
  type SendingConnection,
} from "./subscription.ts";

/** What is used of the client; its real type is assignable. */
export interface IoredisClient {
  readonly status: string;
  /** Bulk strings as buffers; numbers and nulls as they are. So do `getBuffer`, `evalshaBuffer` and their like. */
  callBuffer(...args: [command: string, ...args: Argument[]]): Promise<unknown>;
}

export function isIoredisClient(client: object): client is IoredisClient {
  return (
    "callBuffer" in client &&
    typeof client.callBuffer === "function" &&
    "status" in client &&
    typeof client.status === "string"
  );
}

interface WithOptions {
  readonly options?: { readonly keyPrefix?: string; readonly role?: string };
}

/** @throws ConfigError for a client that prefixes keys, or that lets its sentinels find a replica. */
export function ioredisDriver(client: IoredisClient): Driver {
  const { options } = client as WithOptions;
  refusePrefix(options?.keyPrefix);
  refuseReplicas(options?.role === "slave" && 'role: "slave"');
  const bundle = bundling(client as WithStream);
  const send = (args: readonly Argument[]): Promise<Reply> => {
    bundle();
    return sendTo(client, args);
  };
  return {
    isCluster: false,
    exec: (_slotKey, args) => send(args),
    primaries: (args) => [send(args)],
    primaryOf: () => "",
    isReady: () => client.status === "ready",
    isClosed: () => isClosed(client),
    onReconnect: (listener) => listenTo(client, ["ready"], listener),
    subscribe: async (channels, listener) => openSubscription(subscriberOf(client, channels, listener), listener),
    pinned: async () => openPinned(duplicateOf(client)),
  };
}

export function isClosed({ status }: IoredisClient): boolean {
  return status === "end" || status === "wait";
}

export async function sendTo(client: IoredisClient, [command = "", ...args]: readonly Argument[]): Promise<Reply> {
  try {
    return (await called(client, command.toString(), args)) as Reply;
  } catch (error) {
    throw withoutArguments(error);
  }
}

interface WithStream {
  readonly stream?: { cork(): void; uncork(): void };
}

/** To be called before each command: those of one turn go out in one write, where ioredis makes one of each. */
function bundling(client: WithStream): () => void {
  let isCorked = false;
  return () => {
    const { stream } = client;
    if (isCorked || stream === undefined) return;
    isCorked = true;
    stream.cork();
    process.nextTick(() => {
      isCorked = false;
      stream.uncork();
    });
  };
}

/** What is used of a client's duplicate. */
interface Duplicate extends IoredisClient {
  readonly stream?: { unref(): void };
  connect(): Promise<unknown>;
  subscribe(...channels: readonly string[]): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "error" | "end", listener: () => void): unknown;
  disconnect(): void;
}

/** @throws ConfigError */
export function subscriberOf(
  client: IoredisClient,
  channels: readonly string[],
  listener: SubscriptionListener,
): SecondConnection {
  const { own, ...connection } = duplicateOf(client);
  own.on("message", (channel, message) => listener.onMessage(channel, message));
  return {
    ...connection,
    open: async () => {
      await connection.open();
      await own.subscribe(...channels);
    },
  };
}

/** Not connected anew once it is lost. @throws ConfigError */
export function duplicateOf(client: IoredisClient): SendingConnection & { readonly own: Duplicate } {
  const original = client as { duplicate?(overrides: object): Duplicate };
  const own = original.duplicate?.({ lazyConnect: true, retryStrategy: null, enableAutoPipelining: false });
  if (own === undefined) throw notDuplicable();
  return {
    own,
    open: async () => {
      await own.connect();
      own.stream?.unref();
    },
    send: (args) => sendTo(own, args),
    close: () => own.disconnect(),
    onLost: (lost) => {
      own.on("error", lost);
      own.on("end", lost);
    },
  };
}

/**
 * By the method that bears the command's name: with `enableAutoPipelining`, `callBuffer` forgets that name and ends the
 * process with an uncaught TypeError (6.0.0).
 */
function called(client: IoredisClient, command: string, args: readonly Argument[]): Promise<unknown> {
  const method: unknown = Reflect.get(client, `${command.toLowerCase()}Buffer`);
  if (typeof method !== "function") return client.callBuffer(command, ...args);
  return Reflect.apply(method as IoredisClient["callBuffer"], client, args);
}

/** Errors of ioredis carry the whole command, and whoever prints one prints a record: only the message goes on. */
function withoutArguments(error: unknown): Error {
  return new Error(error instanceof Error ? error.message || error.name : "ioredis rejected without an error");
}

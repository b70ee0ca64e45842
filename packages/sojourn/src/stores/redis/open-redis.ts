/** A store with a connection of its own, from a URL. The client package is imported here, when asked for. */

import { ConfigError, SojournError, StoreUnavailableError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { RedisClient } from "./drivers/driver-of.ts";
import { redisStore } from "./redis-store.ts";
import type { RedisStoreOptions } from "./redis-store-options.ts";
import { parsedRedisUrl, type RedisUrl } from "./redis-url.ts";

const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_DELAY_MS = 500;
const PING_MS = 1_000;
/** How often the Sentinels are asked, should their message be lost; and how soon a cluster, when a node is gone. */
const LOOK_AGAIN_MS = 1_000;
const REFRESH_AFTER_MS = 250;

/** As `node:tls` takes them. */
export interface TlsOptions {
  /** The certificates to trust instead of the well-known ones: those of a private authority. */
  readonly ca?: string | Buffer;
  /** For servers that ask who calls (mutual TLS). */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
}

export interface OpenRedisOptions extends RedisStoreOptions {
  readonly tls?: TlsOptions;
}

type OwnClient = RedisClient & {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
};
type Factory = (options: object) => OwnClient;
type ClientPackage = Readonly<Record<"createClient" | "createSentinel" | "createCluster", Factory>>;

/** @throws ConfigError for a wrong URL or a missing package, StoreUnavailableError when nothing answers there. */
export async function openRedis(url: string, { tls, ...options }: OpenRedisOptions): Promise<Store> {
  const parsed = parsedRedisUrl(url);
  if (tls !== undefined && !parsed.tls)
    throw new ConfigError("Option tls needs a URL with TLS: rediss: instead of redis:.");
  const clients = await clientPackage();
  let connected = false;
  let lastError: unknown;
  const client = clientOf(clients, parsed, {
    ...(parsed.tls ? { ...tls, tls: true } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Once connected it reconnects for ever; a first connection that fails is reported at once.
    reconnectStrategy: (tries: number, cause: Error) =>
      connected ? Math.min(25 * 2 ** tries, MAX_RECONNECT_DELAY_MS) : cause,
  });
  // Calls report their own failures; without a listener an error event would end the process.
  client.on("error", (error) => {
    lastError = error;
  });
  try {
    const store = redisStore(client, options);
    await within(CONNECT_TIMEOUT_MS, async () => {
      await client.connect();
      connected = true;
      await store.ready();
    });
    return withOwnClient(store, client);
  } catch (error) {
    if (client.isOpen) void client.destroy();
    if (error instanceof SojournError) throw error;
    throw nothingThere(parsed, parsed.topology === "server" ? error : (lastError ?? error));
  }
}

function clientOf(clients: ClientPackage, url: RedisUrl, socket: object): OwnClient {
  const { topology, nodes, name, username, password, database } = url;
  // A server that hangs, or a network that forgot the connection, breaks none: whoever is to make another one must notice.
  const watchedSocket = { ...socket, socketTimeout: 2 * PING_MS };
  const watched = { username, password, socket: watchedSocket, disableOfflineQueue: true, pingInterval: PING_MS };
  switch (topology) {
    case "server":
      return clients.createClient({ ...watched, database, socket: { ...watchedSocket, ...nodes[0] } });
    case "sentinel":
      // The Sentinels speak TLS too; user and password are the data servers'.
      return clients.createSentinel({
        name,
        sentinelRootNodes: nodes,
        nodeClientOptions: { ...watched, database },
        sentinelClientOptions: { socket: watchedSocket, pingInterval: PING_MS },
        scanInterval: LOOK_AGAIN_MS,
      });
    case "cluster":
      return clients.createCluster({
        rootNodes: nodes.map((node) => ({ socket: node })),
        defaults: watched,
        topologyRefreshOnReconnectionAttemptStrategy: REFRESH_AFTER_MS,
      });
  }
}

function nothingThere({ topology, nodes, name }: RedisUrl, cause: unknown): StoreUnavailableError {
  const where = nodes.map(({ host, port }) => `${host}:${port}`).join(", ");
  const what = {
    server: "No Redis answers at",
    sentinel: `No primary called ${name} answers by way of the Sentinels at`,
    cluster: "No Redis Cluster answers at",
  }[topology];
  return new StoreUnavailableError(`${what} ${where} (${messageOf(cause)}).`, {
    reason: "connection",
    outcome: "not_executed",
    cause,
  });
}

/** The client waits for ever on a port that accepts connections and says nothing. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function withOwnClient(store: Store, client: OwnClient): Store {
  const closeStore = store.close.bind(store);
  store.close = async () => {
    await closeStore();
    if (client.isOpen) await client.destroy();
  };
  return store;
}

async function clientPackage(): Promise<ClientPackage> {
  try {
    return (await import("redis")) as unknown as ClientPackage;
  } catch (error) {
    throw new ConfigError(`A Redis URL needs the package redis: npm install redis (${messageOf(error)}).`);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  const message = error instanceof Error ? error.message || error.constructor.name : String(error);
  // Errors of OpenSSL come with line breaks.
  return message.trim().replace(/\s+/g, " ");
}

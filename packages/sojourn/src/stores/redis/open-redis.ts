/** A store with a connection of its own, from a URL. The client package is imported here, when asked for. */

import { ConfigError, StoreUnavailableError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { NodeRedisClient } from "./drivers/node-redis.ts";
import { type RedisStoreOptions, redisStore } from "./redis-store.ts";

const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_DELAY_MS = 2_000;

interface OwnClient extends NodeRedisClient {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** @throws ConfigError for a wrong URL or a missing package, StoreUnavailableError when nothing answers there. */
export async function openRedis(url: string, options: RedisStoreOptions): Promise<Store> {
  const { hostname, port } = parsedUrl(url);
  const createClient = await clientFactory();
  let connected = false;
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      // Once connected it reconnects for ever; a first connection that fails is reported at once.
      reconnectStrategy: (tries: number, cause: Error) =>
        connected ? Math.min(50 * 2 ** tries, MAX_RECONNECT_DELAY_MS) : cause,
    },
  });
  // Calls report their own failures; without a listener an error event would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    connected = true;
  } catch (error) {
    throw new StoreUnavailableError(`No Redis answers at ${hostname}:${port || "6379"} (${messageOf(error)}).`, {
      reason: "connection",
      outcome: "not_executed",
      cause: error,
    });
  }
  return withOwnClient(redisStore(client, options), client);
}

function withOwnClient(store: Store, client: OwnClient): Store {
  const closeStore = store.close.bind(store);
  store.close = async () => {
    await closeStore();
    if (client.isOpen) client.destroy();
  };
  return store;
}

function parsedUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "") {
    throw new ConfigError("The Redis URL cannot be read: it must look like redis://user:password@host:6379/0.");
  }
  return parsed;
}

async function clientFactory(): Promise<(options: object) => OwnClient> {
  try {
    const module = (await import("redis")) as unknown as { createClient: (options: object) => OwnClient };
    return module.createClient;
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

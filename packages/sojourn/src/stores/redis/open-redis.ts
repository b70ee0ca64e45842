/** A store with a connection of its own, from a URL. The client package is imported here, when asked for. */

import { ConfigError, SojournError, StoreUnavailableError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { NodeRedisClient } from "./drivers/node-redis.ts";
import { redisStore } from "./redis-store.ts";
import type { RedisStoreOptions } from "./redis-store-options.ts";

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
    const store = redisStore(client, options);
    await within(CONNECT_TIMEOUT_MS, async () => {
      await client.connect();
      connected = true;
      await store.ready();
    });
    return withOwnClient(store, client);
  } catch (error) {
    if (client.isOpen) client.destroy();
    if (error instanceof SojournError) throw error;
    throw new StoreUnavailableError(`No Redis answers at ${hostname}:${port || "6379"} (${messageOf(error)}).`, {
      reason: "connection",
      outcome: "not_executed",
      cause: error,
    });
  }
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
    if (client.isOpen) client.destroy();
  };
  return store;
}

function parsedUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "") throw unreadableUrl("it must look like");
  if (!isPercentEncoded(parsed.username) || !isPercentEncoded(parsed.password)) {
    throw unreadableUrl("user and password must be percent-encoded (% is %25), as in");
  }
  if (!/^\/?\d*$/.test(parsed.pathname)) throw unreadableUrl("its path must be the number of a database, as in");
  return parsed;
}

function unreadableUrl(why: string): ConfigError {
  return new ConfigError(`The Redis URL cannot be read: ${why} redis://user:password@host:6379/0.`);
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
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

/** Each Redis client, as it is out of the box and as the guide recommends it, connected as the published user to a port: a server's or a proxy's. */

import { once } from "node:events";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClient } from "../../src/stores/redis/drivers/driver-of.ts";
import { type RedisUser, USER } from "./redis-user.ts";

export interface OpenedClient {
  readonly client: RedisClient;
  isReady(): boolean;
  close(): void;
}

export interface ClientKind {
  readonly name: string;
  /** It executes again what was in flight when the connection broke. */
  readonly resends: boolean;
  /** @param user the published one unless named */
  open(port: number, user?: RedisUser): Promise<OpenedClient>;
}

export const NODE_REDIS: ClientKind = {
  name: "node-redis",
  resends: false,
  open: (port, user) => openNodeRedis(port, { ...user }, { reconnectStrategy: () => 20 }),
};

/** docs/guide/redis-down.md */
const RECONNECT_MS = (tries: number): number => Math.min(25 * 2 ** tries, 500);

/** Wholly as the package comes. */
export const NODE_REDIS_DEFAULTS: ClientKind = { ...NODE_REDIS, open: (port) => openNodeRedis(port, {}, {}) };

export const NODE_REDIS_RECOMMENDED: ClientKind = {
  ...NODE_REDIS,
  name: "node-redis, recommended",
  open: (port) =>
    openNodeRedis(
      port,
      { disableOfflineQueue: true, pingInterval: 1_000 },
      { connectTimeout: 1_000, socketTimeout: 2_000, reconnectStrategy: RECONNECT_MS },
    ),
};

async function openNodeRedis(port: number, options: object, socket: object): Promise<OpenedClient> {
  const client = createClient({ ...USER, ...options, socket: { host: "127.0.0.1", port, ...socket } });
  client.on("error", () => undefined);
  await client.connect();
  return { client, isReady: () => client.isReady, close: () => client.destroy() };
}

export const IOREDIS_RECOMMENDED: ClientKind = {
  name: "ioredis, recommended",
  resends: true,
  open: (port) =>
    openIoredis(port, false, {
      enableOfflineQueue: false,
      connectTimeout: 1_000,
      socketTimeout: 2_000,
      maxRetriesPerRequest: 1,
      retryStrategy: RECONNECT_MS,
    }),
};

export const IOREDIS: ClientKind = {
  name: "ioredis",
  resends: true,
  open: (port, user) => openIoredis(port, false, { ...user }),
};

export const IOREDIS_PIPELINING: ClientKind = {
  name: "ioredis with auto-pipelining",
  resends: true,
  open: (port) => openIoredis(port, true),
};

async function openIoredis(port: number, enableAutoPipelining: boolean, options: object = {}): Promise<OpenedClient> {
  const client = new Redis({ ...USER, port, host: "127.0.0.1", enableAutoPipelining, ...options });
  client.on("error", () => undefined);
  await once(client, "ready");
  return { client, isReady: () => client.status === "ready", close: () => client.disconnect() };
}

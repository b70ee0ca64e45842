/** Each Redis client as it is out of the box, connected to a port: a server's or a proxy's. */

import { once } from "node:events";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClient } from "../../src/stores/redis/drivers/driver-of.ts";

export interface OpenedClient {
  readonly client: RedisClient;
  isReady(): boolean;
  close(): void;
}

export interface ClientKind {
  readonly name: string;
  /** It executes again what was in flight when the connection broke. */
  readonly resends: boolean;
  open(port: number): Promise<OpenedClient>;
}

export const NODE_REDIS: ClientKind = {
  name: "node-redis",
  resends: false,
  async open(port) {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: () => 20 } });
    client.on("error", () => undefined);
    await client.connect();
    return { client, isReady: () => client.isReady, close: () => client.destroy() };
  },
};

export const IOREDIS: ClientKind = { name: "ioredis", resends: true, open: (port) => openIoredis(port, false) };

export const IOREDIS_PIPELINING: ClientKind = {
  name: "ioredis with auto-pipelining",
  resends: true,
  open: (port) => openIoredis(port, true),
};

async function openIoredis(port: number, enableAutoPipelining: boolean): Promise<OpenedClient> {
  const client = new Redis({ port, host: "127.0.0.1", enableAutoPipelining });
  client.on("error", () => undefined);
  await once(client, "ready");
  return { client, isReady: () => client.status === "ready", close: () => client.disconnect() };
}

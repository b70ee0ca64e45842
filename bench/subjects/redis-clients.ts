/** Both clients as they are out of the box. */

import { once } from "node:events";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type { redisStore } from "sojourn/redis";
import type { ClientName } from "../budgets.ts";

export async function nodeRedis(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  // A lost connection shows in the calls.
  client.on("error", () => undefined);
  return client.connect();
}

export async function ioredis(port: number): Promise<Redis> {
  const client = new Redis({ port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  await once(client, "ready");
  return client;
}

async function nodeRedisCluster(port: number) {
  const client = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function ioredisCluster(port: number): Promise<Cluster> {
  const client = new Cluster([{ port, host: "127.0.0.1" }]);
  client.on("error", () => undefined);
  await once(client, "ready");
  return client;
}

/** The two commands that are compared with. */
export interface BareClient {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  readonly close: () => void;
}

const LIFETIME_SECONDS = 86_400;

/** Which client, and where to: with `cluster`, the port of any of its servers. */
export interface Connection {
  readonly client: ClientName;
  readonly port: number;
  readonly cluster?: boolean;
}

export async function bareClient(to: Connection): Promise<BareClient> {
  if (to.client === "ioredis") {
    const client = await (to.cluster === true ? ioredisCluster(to.port) : ioredis(to.port));
    return {
      get: (key) => client.get(key),
      set: (key, value) => client.set(key, value, "EX", LIFETIME_SECONDS),
      close: () => client.disconnect(),
    };
  }
  const client = await (to.cluster === true ? nodeRedisCluster(to.port) : nodeRedis(to.port));
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value, { EX: LIFETIME_SECONDS }),
    close: () => client.destroy(),
  };
}

export interface SojournClient {
  readonly client: Parameters<typeof redisStore>[0];
  readonly close: () => void;
}

export async function sojournClient(to: Connection): Promise<SojournClient> {
  if (to.client === "ioredis") {
    const client = await (to.cluster === true ? ioredisCluster(to.port) : ioredis(to.port));
    return { client, close: () => client.disconnect() };
  }
  const client = await (to.cluster === true ? nodeRedisCluster(to.port) : nodeRedis(to.port));
  return { client, close: () => client.destroy() };
}

/** Of Sojourn's calls: what is measured must not end because the machine is busy for a moment. */
export const PATIENT = { readMs: 10_000, writeMs: 10_000 } as const;

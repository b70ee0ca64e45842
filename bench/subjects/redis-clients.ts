/** Both clients as they are out of the box. */

import { once } from "node:events";
import { Redis } from "ioredis";
import { createClient } from "redis";
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

/** The two commands that are compared with. */
export interface BareClient {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  readonly close: () => void;
}

const LIFETIME_SECONDS = 86_400;

export async function bareClient(name: ClientName, port: number): Promise<BareClient> {
  if (name === "ioredis") {
    const client = await ioredis(port);
    return {
      get: (key) => client.get(key),
      set: (key, value) => client.set(key, value, "EX", LIFETIME_SECONDS),
      close: () => client.disconnect(),
    };
  }
  const client = await nodeRedis(port);
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value, { EX: LIFETIME_SECONDS }),
    close: () => client.destroy(),
  };
}

export interface SojournClient {
  readonly client: Redis | Awaited<ReturnType<typeof nodeRedis>>;
  readonly close: () => void;
}

export async function sojournClient(name: ClientName, port: number): Promise<SojournClient> {
  if (name === "ioredis") {
    const client = await ioredis(port);
    return { client, close: () => client.disconnect() };
  }
  const client = await nodeRedis(port);
  return { client, close: () => client.destroy() };
}

/** Of Sojourn's calls: what is measured must not end because the machine is busy for a moment. */
export const PATIENT = { readMs: 10_000, writeMs: 10_000 } as const;

/** What a redis-server says of itself. */

import type { nodeRedis } from "../subjects/redis-clients.ts";

export type Admin = Awaited<ReturnType<typeof nodeRedis>>;

/** CPU of its main thread so far, in microseconds; its work on sockets is in it. */
export async function cpuMicros(admin: Admin): Promise<number> {
  const info = await admin.info("cpu");
  const seconds = ["user", "sys"].map((kind) =>
    Number(new RegExp(`used_cpu_${kind}_main_thread:([\\d.]+)`).exec(info)?.[1]),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6;
}

/** Calls of each command since it began, those of scripts included. */
export async function commandCalls(admin: Admin): Promise<Map<string, number>> {
  const info = await admin.info("commandstats");
  return new Map(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = "", calls]) => [name, Number(calls)]),
  );
}

/** Commands that walk all that the server, or a key, holds. */
const WALKS = new Set(["keys", "scan", "sscan", "hscan", "zscan"]);

export function walksAmong(calls: ReadonlyMap<string, number>): string[] {
  return [...calls.keys()].filter((name) => WALKS.has(name));
}

export async function usedBytes(admin: Admin): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await admin.info("memory"))?.[1]);
}

/** What a result depends on besides the code: the machine, its load, and the versions. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { createRequire } from "node:module";
import { pinningNote } from "./pinning.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly pinning: string;
}

const PACKAGES = [
  "redis",
  "ioredis",
  "express",
  "express-session",
  "connect-redis",
  "fastify",
  "@fastify/session",
  "iron-session",
  "better-auth",
];

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    // Not `availableParallelism`: this process is pinned to one of them.
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    redis: /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown",
    versions: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    pinning: pinningNote(),
  };
}

/** Runnable processes, mean of the last minute. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

function versionOf(name: string): string {
  const folder = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const path of folder) {
    try {
      const manifest = JSON.parse(readFileSync(`${path}/${name}/package.json`, "utf8")) as { version: string };
      return manifest.version;
    } catch {
      // Not in this folder of those that Node looks into.
    }
  }
  return "not installed";
}

/** What can befall a Redis, on a real server behind a proxy: how each fault begins and ends, and what callers may be told meanwhile. */

import { setTimeout as sleep } from "node:timers/promises";
import type { CuttingProxy } from "./cutting-proxy.ts";
import { Random } from "./random.ts";
import type { RedisServer, TestClient } from "./redis-server.ts";

export interface FaultyRedis {
  readonly server: RedisServer;
  readonly proxy: CuttingProxy;
  /** Past the proxy. Broken where the server was killed. */
  readonly admin: TestClient;
  /** How long the fault is to last. */
  readonly lastsMs: number;
}

export interface Fault {
  readonly name: string;
  begin(redis: FaultyRedis): Promise<void>;
  end(redis: FaultyRedis): Promise<void>;
  /** Why reads may fail while it lasts; none for a fault that reads do not notice. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Only a client that gives up a silent connection by itself comes back. */
  readonly needsSocketTimeout?: true;
}

/** Without an answer, whatever the reason. */
const SILENT = ["timeout", "circuit_open"];
/** A client may give up a silent connection, and then there is none. */
const GONE = [...SILENT, "connection"];

export const FAULTS: readonly Fault[] = [
  {
    name: "server frozen (SIGSTOP)",
    begin: async ({ server }) => void server.process.kill("SIGSTOP"),
    end: async ({ server }) => void server.process.kill("SIGCONT"),
    reads: GONE,
    writes: GONE,
  },
  {
    name: "server killed, later started again",
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.start(),
    reads: GONE,
    writes: GONE,
  },
  {
    name: "server restarted",
    begin: async ({ server }) => {
      await server.kill("SIGTERM");
      await server.start();
    },
    end: async () => undefined,
    reads: [...GONE, "loading"],
    writes: [...GONE, "loading"],
  },
  {
    name: "port closed",
    begin: ({ proxy }) => proxy.closePort(),
    end: ({ proxy }) => proxy.openPort(),
    reads: GONE,
    writes: GONE,
  },
  {
    name: "half-open connection, then broken",
    begin: async ({ proxy }) => proxy.freeze(),
    end: async ({ proxy }) => {
      proxy.cutAll();
      proxy.thaw();
    },
    reads: GONE,
    writes: GONE,
  },
  {
    name: "half-open connection, never broken",
    begin: async ({ proxy }) => proxy.freeze(),
    end: async ({ proxy }) => proxy.forgetFrozen(),
    reads: GONE,
    writes: GONE,
    needsSocketTimeout: true,
  },
  {
    name: "2 s latency",
    begin: async ({ proxy }) => proxy.delayReplies(2_000),
    end: async ({ proxy }) => proxy.delayReplies(0),
    reads: GONE,
    writes: GONE,
  },
  {
    name: "5 % resets",
    begin: async ({ proxy }) => {
      const random = new Random("resets");
      proxy.cutWhen(() => random.chance(0.05));
    },
    end: async ({ proxy }) => proxy.cutWhen(() => false),
    reads: GONE,
    writes: GONE,
  },
  {
    name: "SCRIPT FLUSH, again and again",
    begin: async ({ admin, lastsMs }) => {
      for (const until = performance.now() + lastsMs; performance.now() < until; ) {
        await admin.sendCommand(["SCRIPT", "FLUSH", "SYNC"]);
        await sleep(20);
      }
    },
    end: async () => undefined,
    reads: [],
    writes: [],
  },
  {
    name: "LOADING",
    begin: async ({ admin, lastsMs }) => {
      // So many keys that each takes a millisecond or more.
      const keys = 500;
      for (let i = 0; i < keys; i++) await admin.set(`filler:${i}`, "x".repeat(2_000));
      await admin.sendCommand(["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
      await admin.sendCommand(["CONFIG", "SET", "key-load-delay", String(Math.ceil((1_000 * lastsMs) / keys))]);
      await admin.sendCommand(["DEBUG", "RELOAD"]);
    },
    end: async ({ admin }) => void (await admin.sendCommand(["CONFIG", "SET", "key-load-delay", "0"])),
    reads: ["loading", ...GONE],
    writes: ["loading", ...GONE],
  },
  {
    name: "READONLY (it became a replica of nothing)",
    begin: async ({ admin }) => void (await admin.sendCommand(["REPLICAOF", "127.0.0.1", "1"])),
    end: async ({ admin }) => void (await admin.sendCommand(["REPLICAOF", "NO", "ONE"])),
    reads: ["read_only"],
    writes: ["read_only"],
  },
  {
    name: "memory full (noeviction)",
    begin: async ({ admin }) => void (await admin.sendCommand(["CONFIG", "SET", "maxmemory", "1"])),
    end: async ({ admin }) => void (await admin.sendCommand(["CONFIG", "SET", "maxmemory", "0"])),
    reads: [],
    writes: ["full"],
  },
];

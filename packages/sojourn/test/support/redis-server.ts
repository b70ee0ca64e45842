/** A real redis-server of the test's own, on a free port, in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";

export type TestClient = Awaited<ReturnType<typeof connect>>;

async function connect(port: number, user: { readonly username?: string; readonly password?: string }) {
  const socket = { host: "127.0.0.1", port, reconnectStrategy: () => 20 };
  const client = createClient({ ...user, socket });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Deadlines for tests that are about something else: a busy machine must not fail them. */
export const PATIENT = { readMs: 10_000, writeMs: 10_000 } as const;

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #settings: readonly string[];
  readonly #clients: TestClient[] = [];
  #process: ChildProcess;

  constructor(port: number, folder: string, settings: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#settings = settings;
    this.#process = this.#spawned();
  }

  get process(): ChildProcess {
    return this.#process;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A connected client, closed by `stop()`. */
  async client(user = {}): Promise<TestClient> {
    const client = await connect(this.port, user);
    this.#clients.push(client);
    return client;
  }

  /** Ends the server; its files stay. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#process, "exit");
    if (this.#process.kill(signal)) await ended;
  }

  /** The same server once more, after `kill()`, with what its files hold. */
  async start(): Promise<void> {
    this.#process = this.#spawned();
    await this.answers();
  }

  async answers(): Promise<void> {
    await answering(this.port, this.#process);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy();
    await this.kill();
    // A child that rewrites the append-only file may still write.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  #spawned(): ChildProcess {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder];
    return spawn("redis-server", [...this.#settings, ...place], { stdio: "ignore" });
  }
}

/** @param settings extra configuration, as on the command line: `["--maxmemory", "10mb"]` */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  return launch(["--save", "", "--appendonly", "no", ...settings]);
}

/** On a free port, once it answers. */
export async function launch(settings: readonly string[], folder?: string): Promise<RedisServer> {
  const port = await freePort();
  const home = folder ?? (await mkdtemp(join(tmpdir(), "sojourn-redis-")));
  const server = new RedisServer(port, home, settings);
  try {
    await server.answers();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function answering(port: number, process: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (process.exitCode !== null) throw new Error(`redis-server ended with ${process.exitCode}`);
    try {
      const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
      client.on("error", () => undefined);
      await client.connect();
      await client.ping();
      client.destroy();
      return;
    } catch {
      await sleep(25);
    }
  }
  throw new Error(`redis-server on port ${port} did not answer`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * A real redis-server of the test's own, on a free port, in a folder of its own. It lets in the published user, whom its
 * URL and `client()` are for, and `admin()`; nobody else.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { ADMIN, IN_URL, type RedisUser, USER, users } from "./redis-user.ts";

export type TestClient = Awaited<ReturnType<typeof connect>>;

async function connect(port: number, user: RedisUser | undefined) {
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
  readonly #isOpen: boolean;
  readonly #defaultMay: readonly string[] | undefined;
  readonly #allowed: string[] = [];
  #process: ChildProcess;

  /** Where it speaks TLS, if it does. */
  readonly tlsPort: number | undefined;

  constructor(
    port: number,
    folder: string,
    settings: readonly string[],
    { isOpen = false, defaultMay, tlsPort }: LaunchOptions & { readonly tlsPort?: number | undefined },
  ) {
    this.#defaultMay = defaultMay;
    this.port = port;
    this.tlsPort = tlsPort;
    this.folder = folder;
    this.#settings = settings;
    this.#isOpen = isOpen;
    this.#process = this.#spawned();
  }

  get process(): ChildProcess {
    return this.#process;
  }

  get url(): string {
    return `redis://${this.#isOpen ? "" : `${IN_URL}@`}127.0.0.1:${this.port}`;
  }

  get adminUrl(): string {
    return `redis://${ADMIN.username}:${ADMIN.password}@127.0.0.1:${this.port}`;
  }

  /** A connected client of the published user, closed by `stop()`. */
  async client(): Promise<TestClient> {
    return this.#connected(USER);
  }

  /** The same for what the test itself does to the server, and looks at. */
  async admin(): Promise<TestClient> {
    return this.#connected(ADMIN);
  }

  /** The published user may do more; for another namespace, as its guide says: `inNamespace("shop")`. */
  async allow(...rules: readonly string[]): Promise<void> {
    this.#allowed.push(...rules);
    await (await this.admin()).sendCommand(["ACL", "SETUSER", USER.username, ...rules]);
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
    await answering(this.port, this.#process, this.#isOpen ? undefined : ADMIN);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy();
    await this.kill();
    // A child that rewrites the append-only file may still write.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  async #connected(user: RedisUser): Promise<TestClient> {
    const client = await connect(this.port, this.#isOpen ? undefined : user);
    this.#clients.push(client);
    return client;
  }

  #spawned(): ChildProcess {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder];
    const known = this.#isOpen ? [] : users(this.#allowed, this.#defaultMay);
    return spawn("redis-server", [...this.#settings, ...known, ...place], { stdio: "ignore" });
  }
}

const KEEPS_NOTHING = ["--save", "", "--appendonly", "no"];

/** @param settings extra configuration, as on the command line: `["--maxmemory", "10mb"]` */
export async function startRedis(settings: readonly string[] = [], options: LaunchOptions = {}): Promise<RedisServer> {
  return launch([...KEEPS_NOTHING, ...settings], options);
}

/** A server without users, for what is measured beside other libraries, which need other rights. */
export async function startOpenRedis(settings: readonly string[] = []): Promise<RedisServer> {
  return launch([...KEEPS_NOTHING, ...settings], { isOpen: true });
}

export interface LaunchOptions {
  readonly folder?: string;
  /** Without users: everybody may do everything. */
  readonly isOpen?: boolean;
  /** Rights of the default user, who is off; all unless given. */
  readonly defaultMay?: readonly string[];
  /** The settings for TLS on another port than the plain one, which stays for the test itself. */
  readonly tls?: Tls | undefined;
}

export type Tls = (port: number) => readonly string[];

/** On a free port, once it answers. */
export async function launch(settings: readonly string[], options: LaunchOptions = {}): Promise<RedisServer> {
  const { folder, tls } = options;
  const port = await freePort();
  const home = folder ?? (await mkdtemp(join(tmpdir(), "sojourn-redis-")));
  const tlsPort = tls && (await freePort());
  const secured = tls === undefined || tlsPort === undefined ? [] : tls(tlsPort);
  const server = new RedisServer(port, home, [...settings, ...secured], { ...options, tlsPort });
  try {
    await server.answers();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function answering(port: number, process: ChildProcess, user: RedisUser | undefined): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (process.exitCode !== null) throw new Error(`redis-server ended with ${process.exitCode}`);
    try {
      const client = createClient({ ...user, socket: { host: "127.0.0.1", port, reconnectStrategy: false } });
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

/** A runbook that is tried: each command of it is run as it is written, on a server that has what the runbook is for. */

import { execFile } from "node:child_process";
import { promisify, inspect } from "node:util";
import { runInThisContext } from "node:vm";
import { createSessions, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { MovingProxy } from "./moving-proxy.ts";
import { NODE_REDIS_RECOMMENDED } from "./redis-clients.ts";
import { launch, PATIENT, type RedisServer, startRedis, type TestClient } from "./redis-server.ts";
import { AS_ADMIN } from "./redis-user.ts";
import { TEST_SECRET } from "./secrets.ts";

const run = promisify(execFile);
const SAFE = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--maxmemory", "100mb"];

/** What a step may speak of: `sessions`, `token`, `Date`. */
export type Names = Record<string, unknown>;

/** A line of the transcript and what came of it. */
export interface Said {
  readonly line: string;
  readonly answer: string;
}

/** An application with its Redis, and the transcript of what is done to them. */
export class Stage {
  readonly said: Said[] = [];
  readonly server: RedisServer;
  readonly proxy: MovingProxy;
  readonly names: Names = {};
  readonly #closing: (() => Promise<unknown> | void)[] = [];

  private constructor(server: RedisServer, proxy: MovingProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  static async set(): Promise<Stage> {
    const server = await startRedis(SAFE);
    const stage = new Stage(server, await MovingProxy.before(server.port));
    stage.onClose(() => server.stop());
    stage.onClose(() => stage.proxy.close());
    stage.names["sessions"] = await stage.application();
    return stage;
  }

  get sessions(): Sessions {
    return this.names["sessions"] as Sessions;
  }

  /** A process of the application. It follows the proxy. */
  async application(options: SessionsOptions = {}): Promise<Sessions> {
    const { client, close } = await NODE_REDIS_RECOMMENDED.open(this.proxy.port);
    const sessions = createSessions({
      store: redisStore(client, { deadline: PATIENT }),
      secrets: [TEST_SECRET],
      log: () => undefined,
      ...options,
    });
    await sessions.ready();
    this.onClose(close);
    this.onClose(() => sessions.close());
    return sessions;
  }

  async replica(): Promise<RedisServer> {
    const replica = await startRedis([...SAFE, "--replicaof", `127.0.0.1 ${this.server.port}`]);
    this.onClose(() => replica.stop());
    return replica;
  }

  /** A server that begins with the files of a folder. */
  async serverOn(folder: string, settings: readonly string[]): Promise<RedisServer> {
    const server = await launch(settings, { folder });
    this.onClose(() => server.stop());
    return server;
  }

  /** `redis-cli …` at a server, shown as if it were the one at the usual port. */
  async redis(
    words: string,
    server = this.server,
    show: (answer: string) => string = (answer) => answer,
  ): Promise<void> {
    const { stdout } = await run("redis-cli", [...AS_ADMIN, "-p", String(server.port), ...wordsOf(words)]);
    this.#say(`$ redis-cli ${words}`, show(stdout.replaceAll("\r", "").trim()));
  }

  /** JavaScript in the application, shown as it is run. What it throws is its answer. */
  async js(code: string): Promise<unknown> {
    const parameters = Object.keys(this.names).join(", ");
    const call = runInThisContext(`async ({ ${parameters} }) => (${code}\n)`) as (names: Names) => Promise<unknown>;
    const value = await call(this.names).catch(
      (error: unknown) => `${String(Reflect.get(error as object, "code"))}: ${(error as Error).message}`,
    );
    this.#say(`> ${code}`, inspect(value, { breakLength: 110, compact: 3, depth: 4 }));
    return value;
  }

  onClose(close: () => Promise<unknown> | void): void {
    this.#closing.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.toReversed()) await close();
  }

  #say(line: string, answer: string): void {
    this.said.push({ line, answer });
  }
}

function wordsOf(words: string): string[] {
  return [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

export async function connected(admin: TestClient): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if ((await admin.info("replication")).includes("master_link_status:up")) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the replica did not follow");
}

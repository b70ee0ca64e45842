/**
 * Where the tests of the brief run: each on every engine, on data of its own, with
 * a clock that is set forward. All Redis tests share one real redis-server.
 */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSessions, memoryStore, type Sessions, type SessionsOptions, type Store } from "../../src/index.ts";
import type { RedisClient } from "../../src/stores/redis/drivers/driver-of.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/index.ts";
import { atRestIn, KEEPS_EVERYTHING } from "../support/at-rest.ts";
import { type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { inNamespace } from "../support/redis-user.ts";
import type { RetentionOptions } from "../../src/store/retention.ts";
import { TEST_SECRET } from "../support/secrets.ts";

/** Of stores that have them. */
interface StoreOptions extends RetentionOptions {
  readonly nearCache?: boolean;
}

/** One namespace, file or memory, as several application servers see it. */
export interface Place {
  readonly clock: ManualClock;
  /** The first application server. */
  readonly sessions: Sessions;
  /** One more application server on the same data, with a store of its own where the engine allows it. Memory that keeps things otherwise is other memory. */
  server(options?: SessionsOptions, storeOptions?: StoreOptions): Sessions;
  /** Which store operations some work called, and how often. */
  storeCalls(work: () => Promise<unknown>): Promise<Record<string, number>>;
  /** What was logged since the last call. What a test does not take fails it. */
  logged(): string[];
}

/** A place whose data outlives the process that wrote it. */
export interface DurablePlace extends Place {
  /** Everything that lies on disk, or would lie in a dump. */
  dump(): Promise<Buffer>;
}

export interface RedisPlace extends DurablePlace {
  readonly port: number;
  readonly namespace: string;
  /** A store on that client, closed by whoever asks for it. */
  storeOn(client: RedisClient): Store;
  command(...words: string[]): Promise<unknown>;
  /** Dump, append-only files and slow log. */
  atRest(): Promise<Buffer>;
  /** What a key holds, as bytes. */
  bytesOf(key: string): Promise<Buffer>;
  /** Every key of this place. */
  keys(): Promise<string[]>;
  /** Calls of each command since the server began, without those of the tests' own `KEYS`. */
  commandCalls(): Promise<ReadonlyMap<string, number>>;
}

interface Backend extends Omit<RedisPlace, keyof Place> {
  openStore(clock: ManualClock, options?: StoreOptions): Store;
  remove(): Promise<void>;
}

type Open = (clock: ManualClock) => Promise<Partial<Backend> & Pick<Backend, "openStore">>;

let redis: RedisServer;
let admin: TestClient;
let clients: TestClient[];
let redisPlaces = 0;
/** How often the tests themselves walked the server with `KEYS`. */
let ownWalks = 0;

beforeAll(async () => {
  redis = await startRedis(KEEPS_EVERYTHING);
  admin = await redis.admin();
  clients = await Promise.all([redis.client(), redis.client(), redis.client()]);
});
afterAll(() => redis.stop());

const memory: Open = async (clock) => {
  const store = memoryStore({ clock });
  return { openStore: (_, retention) => (retention === undefined ? store : memoryStore({ clock, ...retention })) };
};

const sqlite: Open = async () => {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-brief-"));
  return {
    openStore: (clock, options) =>
      sqliteStore(join(folder, "sessions.db"), { clock, writeDeadlineMs: 10_000, ...options }),
    dump: async () =>
      Buffer.concat(await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))))),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

const onRedisServer: Open = async (clock) => {
  const namespace = `brief-${++redisPlaces}`;
  const storeOn = (client: RedisClient, options: StoreOptions = {}): Store =>
    redisStore(client, { namespace, clock, deadline: { readMs: 5_000, writeMs: 5_000 }, ...options });
  await redis.allow(...inNamespace(namespace));
  const age = ageRedisKeys(admin);
  let opened = 0;
  clock.onAdvance(async (ms) => {
    ownWalks++;
    await age(ms);
  });
  return {
    port: redis.port,
    namespace,
    storeOn,
    openStore: (_, options) => {
      const client = clients[opened++ % clients.length];
      if (client === undefined) throw new Error("the redis-server is not started");
      return storeOn(client, options);
    },
    command: (...words) => admin.sendCommand(words),
    bytesOf: async (key) =>
      (await admin.sendCommand(["GET", key], { typeMapping: { 36: Buffer } })) as unknown as Buffer,
    keys: async () => {
      ownWalks++;
      return (await admin.keys(`${namespace}:*`)).toSorted();
    },
    commandCalls,
    dump: async () => {
      await admin.sendCommand(["SAVE"]);
      return readFile(join(redis.folder, "dump.rdb"));
    },
    atRest: () => atRestIn(redis),
  };
};

const ENGINES = { memory, sqlite, redis: onRedisServer };

/** A test that runs once on each engine. */
export function onEveryEngine(title: string, run: (place: Place) => Promise<void>): void {
  for (const engine of ["memory", "sqlite", "redis"] as const) testOn(engine, title, run);
}

/** A test of what memory cannot have: it ends with its process and lies nowhere. */
export function onDurableEngines(title: string, run: (place: DurablePlace) => Promise<void>): void {
  for (const engine of ["sqlite", "redis"] as const) testOn(engine, title, run);
}

/** A test of keys and commands, which only Redis has. */
export function onRedis(title: string, run: (place: RedisPlace) => Promise<void>): void {
  testOn("redis", title, run);
}

/** What `run` asks of its place is what the engine has: the three functions above see to it. */
function testOn(engine: keyof typeof ENGINES, title: string, run: (place: RedisPlace) => Promise<void>): void {
  test(`${title} [${engine}]`, async () => {
    const clock = manualClock();
    const backend = await ENGINES[engine](clock);
    const calls: Record<string, number> = {};
    const complaints: string[] = [];
    const servers: Sessions[] = [];
    const server = (options: SessionsOptions = {}, storeOptions?: StoreOptions): Sessions => {
      const store = counted(backend.openStore(clock, storeOptions), calls);
      const log = (line: string): number => complaints.push(line);
      const sessions = createSessions({ store, secrets: [TEST_SECRET], clock, log, ...options });
      servers.push(sessions);
      return sessions;
    };
    const storeCalls = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
      for (const name of Object.keys(calls)) delete calls[name];
      await work();
      return { ...calls };
    };
    try {
      await run({
        ...backend,
        clock,
        sessions: server(),
        server,
        storeCalls,
        logged: () => complaints.splice(0),
      } as RedisPlace);
    } finally {
      await Promise.all(servers.map((sessions) => sessions.close()));
      await backend.remove?.();
    }
    // What fails behind a request's back is only logged: here it fails the test.
    expect(complaints).toEqual([]);
  });
}

/** The store, counting calls of its operations. */
function counted(store: Store, calls: Record<string, number>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (!["now", "near", "stale", "onEnding", "ready"].includes(String(name)))
          calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return Reflect.apply(value, target, args);
      };
    },
  });
}

async function commandCalls(): Promise<ReadonlyMap<string, number>> {
  const info = await admin.info("commandstats");
  const counts = new Map(
    [...info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, calls]) => [String(name), Number(calls)]),
  );
  const foreignWalks = (counts.get("keys") ?? 0) - ownWalks;
  counts.delete("keys");
  return foreignWalks === 0 ? counts : counts.set("keys", foreignWalks);
}

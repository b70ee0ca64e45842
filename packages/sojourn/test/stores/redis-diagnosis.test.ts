/** What `diagnose()` says of servers that are set in each way: each is started so. What no server here can be is told by a wire. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { createSessions, type Finding } from "../../src/index.ts";
import { redisStore, type RedisStoreOptions } from "../../src/stores/redis/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { IOREDIS, NODE_REDIS } from "../support/redis-clients.ts";
import { freePort, PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { ADMIN } from "../support/redis-user.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { Wire } from "../support/wire.ts";

const GOOD = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory", "100mb"];

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

async function started(settings: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(settings);
  cleanups.push(() => server.stop());
  return server;
}

async function wireTo(settings: readonly string[] = []): Promise<Wire> {
  return new Wire(await (await started(settings)).admin());
}

async function diagnosed(
  client: Parameters<typeof redisStore>[0],
  options: RedisStoreOptions = {},
): Promise<Finding[]> {
  const store = redisStore(client, { deadline: PATIENT, ...options });
  cleanups.push(() => store.close());
  return store.diagnose();
}

async function findings(settings: readonly string[]): Promise<Finding[]> {
  return diagnosed(await (await started(settings)).admin());
}

function about(check: string, all: readonly Finding[]): Finding {
  const [only, ...more] = all.filter((each) => each.check === check);
  if (only === undefined || more.length > 0) throw new Error(`${check}: ${JSON.stringify(all)}`);
  return only;
}

describe("each setting of a real server", () => {
  test.each<[check: string, level: string, found: string, settings: string[]]>([
    ["server", "ok", "Redis 7.0.", []],
    ["scripts", "ok", "run", []],
    ["namespace", "ok", "key layout 1", []],
    ["connection", "ok", "it answers", []],
    ["latency", "ok", "a round trip takes", []],
    ["clock", "ok", "this machine's", []],
    ["eviction", "ok", "noeviction", []],
    ...["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"].map(
      (policy): [string, string, string, string[]] => [
        "eviction",
        "problem",
        `${policy}: at full memory keys with an expiry may go`,
        ["--maxmemory-policy", policy],
      ],
    ),
    ["eviction", "problem", "allkeys-lru: at full memory any key may go", ["--maxmemory-policy", "allkeys-lru"]],
    ["memory", "ok", "of 100 MB", ["--maxmemory", "100000000"]],
    ["memory", "ok", "maxmemory is not set", []],
    ["memory", "problem", "logins will be refused", ["--maxmemory", "1mb"]],
    ["persistence", "ok", "appendfsync everysec", ["--appendonly", "yes"]],
    ["persistence", "ok", "appendfsync always", ["--appendonly", "yes", "--appendfsync", "always"]],
    ["persistence", "warning", "appendfsync no", ["--appendonly", "yes", "--appendfsync", "no"]],
    ["persistence", "problem", "snapshots only (save 3600 1)", ["--save", "3600 1"]],
    ["persistence", "warning", "nothing is kept: a restart signs everybody out", []],
    ["replicas", "warning", "none", []],
    ["replicas", "problem", "this server is a replica", ["--replicaof", "127.0.0.1 1"]],
    ["replicas", "problem", "0 in step, and min-replicas-to-write asks for 1", ["--min-replicas-to-write", "1"]],
    ["rights", "warning", "user admin may read the server's settings", []],
    ["subscribers", "ok", "pubsub 33554432 8388608", []],
    ["subscribers", "warning", "pubsub 65536 32768", ["--client-output-buffer-limit", "pubsub 65536 32768 10"]],
    ["idleTimeout", "ok", "connections may be idle", []],
    ["idleTimeout", "warning", "idle for 60 s", ["--timeout", "60"]],
  ])("M5 %s is %s: %s", async (check, level, found, settings) => {
    const finding = about(check, await findings(settings));
    expect(finding).toMatchObject({ level, found: expect.stringContaining(found) });
    expect(finding.fix === null).toBe(level === "ok");
  });

  test("a node of a cluster behind a client that is none is a problem", async () => {
    const found = await findings(["--cluster-enabled", "yes", "--cluster-port", String(await freePort())]);
    expect(about("cluster", found)).toMatchObject({
      level: "problem",
      found: expect.stringContaining("a node of a cluster"),
    });
  });

  test("memory that is nearly full is a warning", async () => {
    const server = await started([]);
    const client = await server.admin();
    const used = Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]);
    await client.configSet("maxmemory", String(Math.round(used / 0.8)));
    expect(about("memory", await diagnosed(client))).toMatchObject({ level: "warning" });
  });

  test("replicas in step, one that lags, one that is all there is to wait for, and a primary that keeps nothing", async () => {
    const primary = await started(["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]);
    const replica = await started(["--replicaof", `127.0.0.1 ${primary.port}`]);
    const client = await primary.admin();
    await vi.waitUntil(async () => (await client.info("replication")).includes("state=online"), 10_000);
    const found = await diagnosed(client);
    expect(about("replicas", found)).toMatchObject({ level: "ok", found: expect.stringContaining("1 in step") });
    expect(about("persistence", found)).toMatchObject({
      level: "problem",
      found: expect.stringContaining("empties its replicas"),
    });
    await client.configSet("min-replicas-to-write", "1");
    expect(about("replicas", await diagnosed(client))).toMatchObject({
      level: "warning",
      fix: expect.stringContaining("one more"),
    });
    await client.configSet("min-replicas-to-write", "0");
    const wire = new Wire(client);
    wire.answer = ([name]) =>
      name === "INFO" ? client.info().then((info) => info.replace(/lag=\d+/, "lag=11")) : undefined;
    expect(about("replicas", await diagnosed(wire))).toMatchObject({ level: "warning", found: "1 of 1 not in step" });
    await replica.stop();
  });

  test.each([NODE_REDIS, IOREDIS])("all is well, or as it must be, with one server and $name", async (kind) => {
    const opened = await kind.open((await started(GOOD)).port, ADMIN);
    cleanups.push(() => opened.close());
    const found = await diagnosed(opened.client);
    const notWell = found.filter(({ level }) => level !== "ok").map(({ check }) => check);
    expect(notWell).toEqual(["replicas", "rights"]);
    expect(found.map(({ check }) => check)).toHaveLength(new Set(found.map(({ check }) => check)).size);
  });
});

describe("a user who may do less", () => {
  test("O3 of the published user it is said what is not known, and that its rights are right", async () => {
    const server = await started(GOOD);
    const found = await diagnosed(await server.client());
    expect(about("rights", found)).toMatchObject({ level: "ok", found: expect.stringContaining("may not read") });
    for (const check of ["persistence", "subscribers", "idleTimeout"]) {
      expect(about(check, found)).toMatchObject({ level: "warning", found: expect.stringContaining("not known") });
    }
    for (const check of ["scripts", "namespace", "eviction", "memory", "server"]) {
      expect(about(check, found).level).toBe("ok");
    }
  });

  test.each([
    [["-info"], ["server", "replicas", "eviction", "memory", "persistence"], "warning", "not known"],
    [["-publish"], ["rights"], "problem", "may not publish"],
    [["-evalsha", "-eval"], ["scripts"], "problem", "no permissions"],
  ] as const)("O3 %s", async (rights, checks, level, text) => {
    const server = await started(GOOD);
    await server.allow(...rights);
    const found = await diagnosed(await server.client());
    for (const check of checks) {
      expect(about(check, found)).toMatchObject({ level, found: expect.stringContaining(text) });
    }
  });
});

describe("servers that cannot be run here", () => {
  test.each([
    ["Dragonfly df-1.30.3", "redis_version:7.4.0\r\ndragonfly_version:df-1.30.3\r\n"],
    ["Upstash 1.10.5", "upstash_version:1.10.5\r\nredis_version:6.2.6\r\n"],
    ["Garnet 1.0.50", "redis_version:7.4.3\r\ngarnet_version:1.0.50\r\n"],
    ["Kvrocks 2.0.5", "redis_version:6.2.6\r\nkvrocks_version:2.0.5\r\n"],
    ["KeyDB 0", "redis_version:6.3.4\r\nmvcc_depth:0\r\n"],
  ])("%s was never run on", async (name, lines) => {
    expect(about("server", await withServerLines(lines))).toMatchObject({
      level: "warning",
      found: expect.stringContaining(name),
    });
  });

  test.each([
    ["ok", "Valkey 9.1.2: expected", "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n"],
    ["ok", "Redis 8.2.1: expected", "redis_version:8.2.1\r\n"],
    ["ok", "Redis 6.2.0: expected", "redis_version:6.2.0\r\n"],
    ["problem", "Redis 6.0.16 is too old", "redis_version:6.0.16\r\n"],
    ["problem", "Redis 5.0.14 is too old", "redis_version:5.0.14\r\n"],
  ])("%s: %s", async (level, found, lines) => {
    expect(about("server", await withServerLines(lines))).toMatchObject({
      level,
      found: expect.stringContaining(found),
    });
  });

  test.each([
    "ERR script tried accessing undeclared key",
    "ERR unknown command 'evalsha'",
    "NOPERM this user has no permissions to run the 'evalsha' command",
  ])("scripts are a problem: %s", async (answer) => {
    const wire = await wireTo();
    wire.before = ([name]) => (name?.startsWith("EVAL") === true ? Promise.reject(new Error(answer)) : undefined);
    expect(about("scripts", await diagnosed(wire))).toMatchObject({
      level: "problem",
      fix: expect.stringContaining("EVALSHA"),
    });
  });

  test("an append-only file that cannot be written is a problem", async () => {
    expect(about("persistence", await withServerLines("aof_enabled:1\r\naof_last_write_status:err\r\n"))).toMatchObject(
      {
        level: "problem",
        found: expect.stringContaining("aof_last_write_status"),
      },
    );
  });
});

/** As a real server is, but for these lines of INFO. */
async function withServerLines(lines: string): Promise<Finding[]> {
  const server = await started(GOOD);
  const client = await server.admin();
  const wire = new Wire(client);
  const names = [...lines.matchAll(/^[^:]+/gm)].map(([name]) => name.trim());
  wire.answer = ([name]) =>
    name === "INFO"
      ? client.info().then(
          (info) =>
            lines +
            info
              .split("\r\n")
              .filter((line) => !names.includes(line.split(":")[0] ?? ""))
              .join("\r\n"),
        )
      : undefined;
  return diagnosed(wire);
}

describe("between this process and the server", () => {
  test.each([
    ["ok", 0],
    ["warning", 40],
    ["problem", 140],
  ])("latency is %s at %i ms more", async (level, delayMs) => {
    const proxy = await CuttingProxy.before((await started(GOOD)).port);
    const opened = await NODE_REDIS.open(proxy.port);
    cleanups.push(
      () => proxy.close(),
      () => opened.close(),
    );
    proxy.delayReplies(delayMs);
    // Ten times the deadlines that one has: the machine may be busy.
    const scale = delayMs === 0 ? 10 : 1;
    expect(
      about("latency", await diagnosed(opened.client, { deadline: { readMs: 250 * scale, writeMs: 10_000 } })).level,
    ).toBe(level);
  });

  test("a clock that is seconds away is a warning, and so is one that has moved since it was looked at", async () => {
    const client = await (await started(GOOD)).admin();
    const behind = manualClock();
    const off = { ...behind, now: () => behind.now() - 5_000, shift: () => 0 };
    expect(about("clock", await diagnosed(client, { clock: off }))).toMatchObject({
      level: "warning",
      found: expect.stringMatching(/^(?:5000|4900|5100) ms ahead of/),
    });
    let jump = 0;
    const jumping = { ...behind, now: () => behind.now() + jump };
    const store = redisStore(client, { clock: jumping, deadline: PATIENT });
    cleanups.push(() => store.close());
    expect(about("clock", await store.diagnose()).level).toBe("ok");
    jump = 700;
    expect(about("clock", await store.diagnose())).toMatchObject({
      level: "warning",
      found: expect.stringContaining("it moved by"),
    });
  });

  test("a server that does not answer is a finding, also for one that is frozen", async () => {
    const server = await started([]);
    const client = await server.admin();
    const store = redisStore(client, { deadline: { readMs: 100, writeMs: 100 } });
    cleanups.push(() => store.close());
    server.process.kill("SIGSTOP");
    try {
      expect(await store.diagnose()).toEqual([expect.objectContaining({ check: "connection", level: "problem" })]);
    } finally {
      server.process.kill("SIGCONT");
    }
    await server.kill();
    await vi.waitUntil(() => !client.isReady, 5_000);
    expect(await store.diagnose()).toEqual([
      { check: "connection", level: "problem", found: "The Redis client is not connected.", fix: expect.any(String) },
    ]);
  });

  test("another layout of keys is a problem, named with both", async () => {
    const client = await (await started(GOOD)).admin();
    await client.hSet("sojourn:c", "layout", "7");
    expect(about("namespace", await diagnosed(client))).toMatchObject({
      level: "problem",
      found: "key layout 7; this version of Sojourn knows layout 1",
    });
  });

  test("sessions.diagnose() is the store's", async () => {
    const store = redisStore(await (await started(GOOD)).admin(), { deadline: PATIENT });
    const sessions = createSessions({ store, secrets: [TEST_SECRET] });
    expect((await sessions.diagnose()).map(({ check }) => check)).toEqual(
      (await store.diagnose()).map(({ check }) => check),
    );
    await sessions.close();
  });
});

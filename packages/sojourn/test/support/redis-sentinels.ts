/** A primary with two replicas, and three Sentinels that watch over it, on free ports. */

import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MovingProxy } from "./moving-proxy.ts";
import { launch, type RedisServer, startRedis, type TestClient, type Tls } from "./redis-server.ts";
import { ADMIN } from "./redis-user.ts";
import { type Address, addressesOf, type Security, ServerGroup } from "./server-group.ts";
import { until } from "./until.ts";

/** What the Sentinels call the primary. */
export const PRIMARY = "mymaster";
const QUORUM = 2;
/**
 * Not less than a second: a Sentinel connects anew at most once in one, so within it a primary that it has just begun
 * to follow is not heard, and would be taken for dead.
 */
export const DOWN_AFTER_MS = 1_500;

export class RedisSentinels extends ServerGroup {
  readonly sentinels: readonly RedisServer[];
  /** In front of each server, for clients, Sentinels and replicas alike; none if it was started without. */
  readonly proxies: readonly MovingProxy[];
  readonly #watchers: readonly TestClient[];

  constructor(
    data: { readonly servers: readonly RedisServer[]; readonly admins: readonly TestClient[] },
    sentinels: readonly RedisServer[],
    watchers: readonly TestClient[],
    proxies: readonly MovingProxy[] = [],
  ) {
    super(data.servers, data.admins);
    this.sentinels = sentinels;
    this.#watchers = watchers;
    this.proxies = proxies;
  }

  override get nodes(): Address[] {
    return addressesOf(this.sentinels);
  }

  override async switchOver(): Promise<void> {
    const [before] = await this.primaries();
    await this.takeOver();
    await until(async () => (await this.primaries()).length > 1);
    const now = this.admins.indexOf((await this.primaries()).find((each) => each !== before) as TestClient);
    if (before !== undefined) await this.demote(this.admins.indexOf(before), now);
  }

  /** A replica is to become primary, while the primary goes on as one. */
  async takeOver(): Promise<void> {
    await this.#watchers[0]?.sendCommand(["SENTINEL", "FAILOVER", PRIMARY]);
  }

  /** What the Sentinels do some ten seconds later. */
  async demote(old: number, now: number): Promise<void> {
    const [replica, primary] = [old, now].map((i) => (this.proxies[i] ?? this.servers[i])?.port ?? 0);
    await follow(this.admins[old], replica ?? 0, primary ?? 0);
  }

  /** Each knows both replicas and both other Sentinels. */
  async agree(): Promise<boolean> {
    const views = await Promise.all(this.#watchers.map((watcher) => watcher.info("sentinel")));
    return views.every((view) => /status=ok.*slaves=2,sentinels=3/.test(view));
  }

  /** Both replicas have had their first copy, and every Sentinel knows them. */
  async isWhole(): Promise<boolean> {
    const roles = await Promise.all(this.admins.map((admin) => admin.info("replication")));
    const inStep = roles.filter((role) => role.includes("master_link_status:up")).length;
    return inStep === this.servers.length - 1 && (await this.agree());
  }

  override async stop(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.stop()));
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await super.stop();
  }
}

/**
 * @param settings of every data server, as on the command line
 * @param security everything but the test's own connections goes over TLS
 */
export async function startSentinels(
  settings: readonly string[] = [],
  security?: Security,
  { proxied = false } = {},
): Promise<RedisSentinels> {
  const tls = security?.server;
  const timing = ["--repl-diskless-sync-delay", "0", ...overTls(tls), ...settings];
  const servers = await Promise.all([0, 1, 2].map(() => startRedis(timing, { tls })));
  const admins = await Promise.all(servers.map((server) => server.admin()));
  const proxies = proxied ? await Promise.all(servers.map(({ port }) => MovingProxy.before(port))) : [];
  const ports = servers.map((server, i) => proxies[i]?.port ?? server.tlsPort ?? server.port);
  const [primaryPort = 0] = ports;
  await Promise.all([1, 2].map((i) => follow(admins[i], ports[i] ?? 0, primaryPort)));
  await until(async () => (await admins[0]?.info("replication"))?.includes("connected_slaves:2") === true);
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(primaryPort, tls)));
  const watchers = await Promise.all(sentinels.map((sentinel) => sentinel.admin()));
  const group = new RedisSentinels({ servers, admins }, sentinels, watchers, proxies);
  try {
    await until(() => group.agree());
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** @param port where others reach the replica */
async function follow(replica: TestClient | undefined, port: number, primaryPort: number): Promise<void> {
  await replica?.configSet("replica-announce-port", String(port));
  await replica?.sendCommand(["REPLICAOF", "127.0.0.1", String(primaryPort)]);
  await replica?.sendCommand(["CLIENT", "KILL", "TYPE", "normal"]);
}

function overTls(tls: Tls | undefined): string[] {
  return tls === undefined ? [] : ["--tls-replication", "yes"];
}

async function startSentinel(primaryPort: number, tls: Tls | undefined): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const lines = [
    `sentinel monitor ${PRIMARY} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel auth-user ${PRIMARY} ${ADMIN.username}`,
    `sentinel auth-pass ${PRIMARY} ${ADMIN.password}`,
    `sentinel down-after-milliseconds ${PRIMARY} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${PRIMARY} 3000`,
  ];
  await writeFile(file, lines.join("\n"));
  return launch([file, "--sentinel", ...overTls(tls)], { folder, isOpen: true, tls });
}

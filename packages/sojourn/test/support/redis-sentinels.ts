/** A primary with two replicas, and three Sentinels that watch over it, on free ports. */

import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { launch, type RedisServer, startRedis, type TestClient } from "./redis-server.ts";
import { type Address, addressesOf, ServerGroup } from "./server-group.ts";

/** What the Sentinels call the primary. */
export const PRIMARY = "mymaster";
const QUORUM = 2;

export class RedisSentinels extends ServerGroup {
  readonly sentinels: readonly RedisServer[];
  readonly #watchers: readonly TestClient[];

  constructor(
    data: { readonly servers: readonly RedisServer[]; readonly admins: readonly TestClient[] },
    sentinels: readonly RedisServer[],
    watchers: readonly TestClient[],
  ) {
    super(data.servers, data.admins);
    this.sentinels = sentinels;
    this.#watchers = watchers;
  }

  override get nodes(): Address[] {
    return addressesOf(this.sentinels);
  }

  override async switchOver(): Promise<void> {
    const [before] = await this.primaries();
    await this.#watchers[0]?.sendCommand(["SENTINEL", "FAILOVER", PRIMARY]);
    await vi.waitUntil(async () => (await this.primaries()).length > 1, { timeout: 15_000, interval: 20 });
    const now = this.admins.indexOf((await this.primaries()).find((each) => each !== before) as TestClient);
    // What the Sentinels do some ten seconds later.
    await before?.sendCommand(["REPLICAOF", "127.0.0.1", String(this.servers[now]?.port)]);
    await before?.sendCommand(["CLIENT", "KILL", "TYPE", "normal"]);
  }

  /** Each knows both replicas and both other Sentinels. */
  async agree(): Promise<boolean> {
    const views = await Promise.all(this.#watchers.map((watcher) => watcher.info("sentinel")));
    return views.every((view) => /status=ok.*slaves=2,sentinels=3/.test(view));
  }

  override async stop(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.stop()));
    await super.stop();
  }
}

/** @param settings of every data server, as on the command line */
export async function startSentinels(settings: readonly string[] = []): Promise<RedisSentinels> {
  const timing = ["--repl-diskless-sync-delay", "0", ...settings];
  const primary = await startRedis(timing);
  const replicaOf = ["--replicaof", `127.0.0.1 ${primary.port}`];
  const servers = [primary, ...(await Promise.all([0, 1].map(() => startRedis([...timing, ...replicaOf]))))];
  const admins = await Promise.all(servers.map((server) => server.client()));
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(primary.port)));
  const watchers = await Promise.all(sentinels.map((sentinel) => sentinel.client()));
  const group = new RedisSentinels({ servers, admins }, sentinels, watchers);
  try {
    await vi.waitUntil(() => group.agree(), { timeout: 20_000, interval: 100 });
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

async function startSentinel(primaryPort: number): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const lines = [
    `sentinel monitor ${PRIMARY} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${PRIMARY} 500`,
    `sentinel failover-timeout ${PRIMARY} 3000`,
  ];
  await writeFile(file, lines.join("\n"));
  return launch([file, "--sentinel"], folder);
}

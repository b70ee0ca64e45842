/** A cluster of three primaries, a replica each, on free ports. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { freePort, startRedis, type TestClient } from "./redis-server.ts";
import { type Address, addressesOf, ServerGroup } from "./server-group.ts";
import { until } from "./until.ts";

const PRIMARIES = 3;
const run = promisify(execFile);

export class RedisCluster extends ServerGroup {
  override get nodes(): Address[] {
    return addressesOf(this.servers);
  }

  override async switchOver(): Promise<void> {
    const [replica] = await this.replicas();
    await replica?.sendCommand(["CLUSTER", "FAILOVER"]);
    await until(async () => replica !== undefined && (await this.primaries()).includes(replica), 10_000);
  }
}

/** @param settings of every server, as on the command line */
export async function startCluster(settings: readonly string[] = []): Promise<RedisCluster> {
  const servers = await Promise.all(
    Array.from({ length: 2 * PRIMARIES }, async () => startRedis([...(await nodeSettings()), ...settings])),
  );
  const admins = await Promise.all(servers.map((server) => server.client()));
  const cluster = new RedisCluster(servers, admins);
  try {
    const addresses = cluster.nodes.map(({ host, port }) => `${host}:${port}`);
    await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
    await until(() => isWhole(admins), 20_000);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function nodeSettings(): Promise<string[]> {
  const bus = String(await freePort());
  const timing = ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"];
  return ["--cluster-enabled", "yes", "--cluster-port", bus, ...timing];
}

/** Every server knows all slots, and every replica has had its first copy: no sooner would it take over. */
async function isWhole(admins: readonly TestClient[]): Promise<boolean> {
  const states = await Promise.all(admins.map((admin) => admin.clusterInfo()));
  const roles = await Promise.all(admins.map((admin) => admin.info("replication")));
  const inStep = roles.filter((role) => role.includes("master_link_status:up")).length;
  return states.every((state) => state.includes("cluster_state:ok")) && inStep === PRIMARIES;
}

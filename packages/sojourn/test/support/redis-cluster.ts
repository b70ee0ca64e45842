/** A cluster of three primaries, a replica each, on free ports. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MovingProxy } from "./moving-proxy.ts";
import { freePort, type RedisServer, startRedis, type TestClient } from "./redis-server.ts";
import { AS_ADMIN } from "./redis-user.ts";
import { type Address, addressesOf, type Security, ServerGroup } from "./server-group.ts";
import { until } from "./until.ts";

const PRIMARIES = 3;
const run = promisify(execFile);

export class RedisCluster extends ServerGroup {
  /** Servers that joined later; stopped with the others. */
  readonly added: RedisServer[] = [];

  /** In front of each server, for clients and replicas but not for the nodes' own talk; none unless `announceProxies()`. */
  readonly proxies: MovingProxy[] = [];

  override get nodes(): Address[] {
    return addressesOf(this.proxies.length > 0 ? this.proxies : this.servers);
  }

  async announceProxies(): Promise<void> {
    this.proxies.push(...(await Promise.all(this.servers.map(({ port }) => MovingProxy.before(port)))));
    await Promise.all(this.servers.map((_server, i) => this.announce(i)));
    const isSaid = (view: string): boolean => this.nodes.every(({ port }) => view.includes(`127.0.0.1:${port}@`));
    await until(async () => (await Promise.all(this.admins.map(nodesOf))).every(isSaid));
  }

  /** A server that was started again does not know of its proxy. */
  async announce(server: number): Promise<void> {
    const proxy = this.proxies[server];
    if (proxy !== undefined) await this.admins[server]?.configSet("cluster-announce-port", String(proxy.port));
  }

  /** Every server knows all slots, and every replica has had its first copy: no sooner would it take over. */
  async isWhole(): Promise<boolean> {
    const states = await Promise.all(this.admins.map((admin) => admin.clusterInfo()));
    const roles = await Promise.all(this.admins.map((admin) => admin.info("replication")));
    const inStep = roles.filter((role) => role.includes("master_link_status:up")).length;
    return states.every((state) => state.includes("cluster_state:ok")) && inStep === PRIMARIES;
  }

  override async stop(): Promise<void> {
    await Promise.all(this.added.map((server) => server.stop()));
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await super.stop();
  }

  override async switchOver(): Promise<void> {
    const [replica] = await this.replicas();
    await replica?.sendCommand(["CLUSTER", "FAILOVER"]);
    await until(async () => replica !== undefined && (await this.primaries()).includes(replica));
  }
}

/**
 * @param settings of every server, as on the command line
 * @param security everything but the test's own connections goes over TLS
 */
export async function startCluster(settings: readonly string[] = [], security?: Security): Promise<RedisCluster> {
  const all = [...settings, ...(security === undefined ? [] : ["--tls-cluster", "yes", "--tls-replication", "yes"])];
  const servers = await Promise.all(
    Array.from({ length: 2 * PRIMARIES }, async () =>
      startRedis([...(await nodeSettings()), ...all], { tls: security?.server }),
    ),
  );
  const admins = await Promise.all(servers.map((server) => server.admin()));
  const cluster = new RedisCluster(servers, admins);
  try {
    const addresses = cluster.nodes.map(({ host, port }) => `${host}:${port}`);
    await run("redis-cli", [
      ...AS_ADMIN,
      ...(security?.client ?? []),
      "--cluster",
      "create",
      ...addresses,
      "--cluster-replicas",
      "1",
      "--cluster-yes",
    ]);
    await until(() => cluster.isWhole());
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function nodesOf(admin: TestClient): Promise<string> {
  return admin.sendCommand<string>(["CLUSTER", "NODES"]);
}

export async function nodeSettings(): Promise<string[]> {
  const bus = String(await freePort());
  const timing = ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"];
  return ["--cluster-enabled", "yes", "--cluster-port", bus, ...timing];
}

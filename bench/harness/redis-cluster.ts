/** A cluster of three redis-servers, without replicas: what is measured here is the way through a cluster's client. */

import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, type RedisServer } from "../../packages/sojourn/test/support/redis-server.ts";

const PRIMARIES = 3;
const TRIES = 200;
const run = promisify(execFile);

/** Answers the port of one of them. @param start with these settings besides its own @throws Error when it is not whole within ten seconds */
export async function startCluster(start: (settings: readonly string[]) => Promise<RedisServer>): Promise<number> {
  const servers: RedisServer[] = [];
  for (let n = 0; n < PRIMARIES; n++) {
    const bus = String(await freePort());
    servers.push(await start(["--cluster-enabled", "yes", "--cluster-port", bus]));
  }
  const [first] = servers;
  if (first === undefined) throw new RangeError("no servers");
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
  const admins = await Promise.all(servers.map((server) => server.client()));
  for (let tries = 0; tries < TRIES; tries++) {
    const states = await Promise.all(admins.map((admin) => admin.sendCommand<string>(["CLUSTER", "INFO"])));
    if (states.every((state) => state.includes("cluster_state:ok"))) return first.port;
    await sleep(50);
  }
  throw new Error("the cluster did not come up");
}

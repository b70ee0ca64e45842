/** Checks of what the server is: which software, alone or in a cluster, with which replicas. */

import { problem, type Verdict, warning, well } from "../../../store/diagnosis.ts";
import type { ServerReport } from "./server-report.ts";

const OLDEST_REDIS = [6, 2] as const;
/** What the suite runs on. */
const RUN_ON = /^7\.0\./;
/** Lines of INFO that only such a server has; most of them say `redis_version` as well. */
const OTHER_SERVERS: readonly (readonly [line: string, name: string])[] = [
  ["dragonfly_version", "Dragonfly"],
  ["upstash_version", "Upstash"],
  ["garnet_version", "Garnet"],
  ["kvrocks_version", "Kvrocks"],
  ["mvcc_depth", "KeyDB"],
];
/** Seconds since a replica was heard; a healthy one says something each second. */
const MAX_LAG_S = 10;

export function server({ info }: ServerReport): Verdict {
  const redis = info.get("redis_version") ?? "of an unknown version";
  const other = OTHER_SERVERS.find(([line]) => info.has(line));
  if (other !== undefined) {
    return warning(
      `${other[1]} ${info.get(other[0])}: Sojourn was never run on it`,
      "Run the conformance suite of sojourn/testing on it before you rely on it, or use Redis or Valkey.",
    );
  }
  const valkey = info.get("valkey_version");
  if (valkey !== undefined) return well(`Valkey ${valkey}: expected to work, not run`);
  if (isOlder(redis, OLDEST_REDIS)) {
    return problem(`Redis ${redis} is too old`, `Use Redis ${OLDEST_REDIS.join(".")} or newer, or Valkey.`);
  }
  return well(RUN_ON.test(redis) ? `Redis ${redis}` : `Redis ${redis}: expected to work, not run`);
}

function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = Number.NaN, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

/** Null where there is no cluster. */
export function cluster({ info, cluster: state }: ServerReport, isClusterClient: boolean): Verdict | null {
  if (info.get("cluster_enabled") === "1" && !isClusterClient) {
    return problem(
      "this server is a node of a cluster, and the client knows only this node",
      "Make the client with createCluster() of node-redis or Cluster of ioredis, or use a redis+cluster:// URL.",
    );
  }
  if (!isClusterClient) return null;
  const [all, down] = [state.get("cluster_state"), Number(state.get("cluster_slots_pfail"))];
  if (all === undefined) return warning("not known: the user may not ask", "Allow +cluster|info in its ACL.");
  if (all !== "ok") {
    return problem(
      `cluster_state ${all}: it refuses commands`,
      "See which slots have no primary: redis-cli --cluster check.",
    );
  }
  const nodes = `${state.get("cluster_size")} primaries, ${state.get("cluster_known_nodes")} nodes`;
  if (down > 0)
    return warning(
      `${nodes}; a node with ${down} slots does not answer the others`,
      "Look at that node: CLUSTER NODES marks it.",
    );
  return well(nodes);
}

export function replicas({ info, settings }: ServerReport): Verdict {
  if (info.get("role") !== "master") {
    return problem(
      "this server is a replica: it takes no writes",
      "Connect to the primary: through Sentinels, or as a cluster.",
    );
  }
  const links = linksIn(info);
  const inStep = links.filter(({ state, lag }) => state === "online" && Number(lag) <= MAX_LAG_S).length;
  const wanted = settings.get("min-replicas-to-write");
  const least = Number(wanted ?? 0);
  const goodEnough = Number(info.get("min_slaves_good_slaves") ?? inStep);
  if (goodEnough < least) {
    return problem(
      `${goodEnough} in step, and min-replicas-to-write asks for ${least}: every write is refused, revocations too`,
      "Bring the replicas back, or lower min-replicas-to-write.",
    );
  }
  if (links.length === 0) {
    return warning(
      "none: while this server is down no session can be read or ended",
      "Add a replica and Sentinels, or a cluster, if you cannot wait for its restart.",
    );
  }
  if (inStep < links.length) {
    return warning(
      `${links.length - inStep} of ${links.length} not in step`,
      "See INFO replication for its state and lag; a failover to it loses more.",
    );
  }
  const found = `${inStep} in step, at most ${greatest(links.map(({ lag }) => Number(lag)))} s behind`;
  if (least === inStep) {
    return warning(
      `${found}; min-replicas-to-write asks for all of them`,
      "Have one more than that: with one gone, every write is refused, revocations too.",
    );
  }
  return well(wanted === undefined ? found : `${found}; min-replicas-to-write ${wanted}`);
}

/** `slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0` */
function linksIn(info: ReadonlyMap<string, string>): Record<string, string>[] {
  return [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, link]) => Object.fromEntries(link.split(",").map((pair) => pair.split("=") as [string, string])));
}

function greatest(numbers: readonly number[]): number {
  return Math.max(0, ...numbers);
}

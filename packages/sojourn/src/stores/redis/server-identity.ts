/** Which servers answer, and in what role: a failover or a restart, which may have lost the last writes, shows in it. */

import { StoreUnavailableError } from "../../errors.ts";
import type { RedisConnection } from "./redis-connection.ts";

const FACTS = /^(?:run_id|role|master_replid):.*$/gm;
/** A replica to which its primary says nothing. */
const ADRIFT = /^master_link_status:down/m;

export interface ServerIdentity {
  /** Of each primary its run id, its role and the id of its replication history. */
  readonly facts: string;
  /** Of one server: it became a replica and does not hear its primary, so what it knows may be as old as you like. */
  readonly isAdrift: boolean;
}

/**
 * Null where the Redis user may not ask.
 * @throws StoreUnavailableError
 */
export async function serverIdentity(redis: RedisConnection): Promise<ServerIdentity | null> {
  try {
    const sections = await Promise.all(["server", "replication"].map((section) => redis.primaries(["INFO", section])));
    const [servers = [], replications = []] = sections;
    const facts = servers
      .map((server, i) => factsIn(`${String(server)}\n${String(replications[i])}`))
      .toSorted()
      .join("|");
    return { facts, isAdrift: !redis.isCluster && ADRIFT.test(String(replications[0])) };
  } catch (error) {
    if (error instanceof StoreUnavailableError && error.message.includes("NOPERM")) return null;
    throw error;
  }
}

function factsIn(info: string): string {
  return (info.match(FACTS) ?? []).map((line) => line.trim()).join(" ");
}

/** Which servers answer, and in what role: a failover or a restart, which may have lost the last writes, shows in it. */

import { StoreUnavailableError } from "../../errors.ts";
import type { RedisConnection } from "./redis-connection.ts";

const FACTS = /^(?:run_id|role|master_replid):.*$/gm;

/**
 * Of each primary its run id, its role and the id of its replication history. Null where the Redis user may not ask.
 * @throws StoreUnavailableError
 */
export async function serverIdentity(redis: RedisConnection): Promise<string | null> {
  try {
    const sections = await Promise.all(["server", "replication"].map((section) => redis.primaries(["INFO", section])));
    const [servers = [], replications = []] = sections;
    return servers
      .map((server, i) => factsIn(`${String(server)}\n${String(replications[i])}`))
      .toSorted()
      .join("|");
  } catch (error) {
    if (error instanceof StoreUnavailableError && error.message.includes("NOPERM")) return null;
    throw error;
  }
}

function factsIn(info: string): string {
  return (info.match(FACTS) ?? []).map((line) => line.trim()).join(" ");
}

/** Connections that break in whatever state they are found, as in the worst moment of a failover. */

import { setImmediate } from "node:timers/promises";
import type { TestClient } from "./redis-server.ts";
import { USER } from "./redis-user.ts";

/** Whom a store's connections are of: on data servers, and on Sentinels. */
const USERS = [USER.username, "default"];
/** So many that each was broken several times on its way to being made. */
const BREAKS = 20;

/** Breaks all connections of stores again and again, while calls go on. */
export async function breakConnections(
  admins: readonly TestClient[],
  calls: { count(): Promise<number> },
): Promise<void> {
  let broken = 0;
  while (broken < BREAKS) {
    const all = admins.flatMap((admin) => USERS.map((user) => breakThose(admin, user)));
    for (const each of await Promise.all(all)) broken += each;
    await Promise.all([calls.count().catch(() => undefined), setImmediate()]);
  }
}

/** A Sentinel does not know the user of the data servers. */
function breakThose(admin: TestClient, user: string): Promise<number> {
  return admin.sendCommand<number>(["CLIENT", "KILL", "USER", user]).catch(() => 0);
}

/** Tests of the brief on several real servers: behind Sentinels and on a cluster, with each client. */

import { test } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { openClient, TOPOLOGIES } from "../support/topology-clients.ts";

/** Two application servers, each with a client of its own. */
export function onTopologies(title: string, run: (first: Sessions, second: Sessions) => Promise<void>): void {
  for (const [name, { kinds, start }] of Object.entries(TOPOLOGIES)) {
    test(`${title} [${name}]`, { timeout: 60_000 }, async () => {
      const servers = await start();
      try {
        for (const kind of kinds) {
          const clients = [await openClient(kind, servers), await openClient(kind, servers)] as const;
          const [first, second] = clients.map(({ client }) =>
            createSessions({ store: redisStore(client), secrets: [TEST_SECRET] }),
          ) as [Sessions, Sessions];
          await run(first, second);
          await Promise.all([first.close(), second.close()]);
          for (const each of clients) await each.close();
          await servers.flush();
        }
      } finally {
        await servers.stop();
      }
    });
  }
}

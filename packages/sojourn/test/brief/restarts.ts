/** Tests of the brief on a Redis of their own that is killed and started again, keeping its data in one way or another. */

import { test } from "vitest";
import { createSessions, type Finding, type Sessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const KEEPING = {
  AOF: ["--appendonly", "yes", "--appendfsync", "always"],
  RDB: ["--save", "3600 1"],
  neither: [],
} as const;

export interface RestartingPlace {
  readonly keeping: keyof typeof KEEPING;
  readonly sessions: Sessions;
  /** Where there are snapshots, one is taken. */
  snapshot(): Promise<void>;
  /** `kill -9`, and the same server with what it kept. Answers an application server that began after it. */
  restart(): Promise<Sessions>;
  /** As somebody who may read the server's settings. */
  diagnose(): Promise<Finding[]>;
}

export function onRestartingRedis(title: string, run: (place: RestartingPlace) => Promise<void>): void {
  for (const keeping of Object.keys(KEEPING) as (keyof typeof KEEPING)[]) {
    test(`${title} [${keeping}]`, async () => {
      const server = await startRedis(KEEPING[keeping]);
      const opened: Sessions[] = [];
      const application = async (): Promise<Sessions> => {
        const store = redisStore(await server.client());
        const sessions = createSessions({ store, secrets: [TEST_SECRET], log: () => undefined });
        opened.push(sessions);
        return sessions;
      };
      const diagnose = async (): Promise<Finding[]> => {
        const store = redisStore(await server.admin());
        const found = await store.diagnose();
        await store.close();
        return found;
      };
      try {
        await run({
          keeping,
          diagnose,
          sessions: await application(),
          snapshot: async () => {
            if (keeping === "RDB") await (await server.admin()).sendCommand(["SAVE"]);
          },
          restart: async () => {
            await opened[0]?.close();
            await server.kill();
            await server.start();
            return application();
          },
        });
      } finally {
        await Promise.all(opened.map((each) => each.close()));
        await server.stop();
      }
    });
  }
}

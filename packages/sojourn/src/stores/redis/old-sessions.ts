/** The sessions that connect-redis keeps, and marks beside them: to take them over. */

import type { Reply } from "./driver.ts";
import { driverOf, type RedisClient } from "./drivers/driver-of.ts";
import { adoptionMark } from "./keys.ts";

export interface OldSessionsOnRedis {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly marksKeptMs: number;
}

/** @throws ConfigError for a client that is not supported */
export function oldSessionsOnRedis({ client, prefix, marksKeptMs }: OldSessionsOnRedis) {
  const driver = driverOf(client);
  const run = async (command: string, key: string, ...rest: string[]): Promise<string | null> =>
    textOf(await driver.exec(key, [command, key, ...rest]));
  return {
    get: (sid: string) => run("GET", prefix + sid),
    end: (sid: string) => run("DEL", prefix + sid),
    markOf: (sid: string) => run("GET", adoptionMark(prefix + sid)),
    mark: (sid: string, id: string) => run("SET", adoptionMark(prefix + sid), id, "PX", String(marksKeptMs)),
  };
}

function textOf(reply: Reply): string | null {
  return reply === null ? null : String(reply);
}

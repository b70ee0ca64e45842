/** What a site sends to Redis, as `MONITOR` shows it. */

import { isCutOffFetch, Monitor, type MonitoredCommand } from "../../packages/sojourn/test/support/monitor.ts";
import { Visitor } from "../harness/visitor.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import type { Site } from "./sites.ts";

const TIMES = 5;

/** Commands of one request, such as "GET + EXPIRE"; a script by that name. */
export interface Traffic {
  readonly anonymous: string;
  readonly read: string;
  readonly write: string;
  readonly logout: string;
  /** Where the secret of a cookie was seen. */
  readonly secret: "as the key" | "in a value" | "no";
}

/** @param secretIn the part of a visitor's cookies that authenticates */
export async function redisTraffic(
  { contestant: { port }, redisPort }: Site,
  users: () => number,
  secretIn: (cookie: string) => string | undefined,
): Promise<Traffic> {
  const admin = await nodeRedis(redisPort);
  const monitor = await Monitor.on(redisPort, null);
  const during = async (work: () => Promise<unknown>): Promise<MonitoredCommand[]> => {
    await monitor.taken((text) => admin.echo(text));
    await work();
    return (await monitor.taken((text) => admin.echo(text))).filter(
      (command) => command.fromClient && !isCutOffFetch(command),
    );
  };
  try {
    const seen = { anonymous: [], read: [], write: [], logout: [] } as Record<Kind, string[]>;
    const secrets: Traffic["secret"][] = [];
    for (let n = 0; n < TIMES; n++) {
      const visitor = new Visitor(port);
      seen.anonymous.push(summary(await during(() => visitor.ask("GET", "/me"))));
      const all = await during(() => visitor.must("POST", `/login?n=${users()}`));
      const secret = secretIn(decodeURIComponent(visitor.cookie));
      if (secret === undefined) throw new Error("no secret found in the cookie");
      const read = await during(() => visitor.must("GET", "/me"));
      const write = await during(() => visitor.must("POST", "/field?name=a&value=1&ms=0"));
      seen.read.push(summary(read));
      seen.write.push(summary(write));
      secrets.push(placeOf(secret, [...all, ...read, ...write]));
      seen.logout.push(summary(await during(() => visitor.must("POST", "/logout"))));
    }
    return {
      anonymous: mostFrequent(seen.anonymous),
      read: mostFrequent(seen.read),
      write: mostFrequent(seen.write),
      logout: mostFrequent(seen.logout),
      secret: mostFrequent(secrets),
    };
  } finally {
    monitor.stop();
    admin.destroy();
  }
}

type Kind = Exclude<keyof Traffic, "secret">;

/** Commands by name, those that came more than once with their number, in the order of the first of each. */
export function summary(commands: readonly Pick<MonitoredCommand, "words">[]): string {
  const names = commands.map(({ words: [name = ""] }) => nameOf(name.toUpperCase()));
  const counts = Map.groupBy(names, (name) => name);
  return [...counts].map(([name, all]) => (all.length === 1 ? name : `${all.length} ${name}`)).join(" + ") || "none";
}

function nameOf(command: string): string {
  return command === "EVALSHA" || command === "EVAL" ? "script" : command;
}

/** @param commands their first argument is the key; those of scripts stand among the others */
export function placeOf(secret: string, commands: readonly Pick<MonitoredCommand, "words">[]): Traffic["secret"] {
  if (commands.some(({ words }) => words[1]?.includes(secret) === true)) return "as the key";
  return commands.some(({ words }) => words.some((word) => word.includes(secret))) ? "in a value" : "no";
}

function mostFrequent<T extends string>(values: readonly T[]): T {
  const [most] = [...Map.groupBy(values, (value) => value).values()].toSorted((a, b) => b.length - a.length);
  if (most?.[0] === undefined) throw new RangeError("no values");
  return most[0];
}

/** Browsers of the old application, rolled forward to the new one, back and forward again while they go on. */

import { Agent } from "node:http";
import { startRedis } from "../../packages/sojourn/test/support/redis-server.ts";
import { type AppName, type AppProcess, startApp } from "./apps.ts";
import { Jar } from "./jar.ts";
import { NginxServer, type Shares } from "./nginx-server.ts";

/** Of ten requests, how many the new application gets. */
const PHASES: readonly (readonly [name: string, toNew: number])[] = [
  ["old", 0],
  ["one in ten to the new one", 1],
  ["half", 5],
  ["new", 10],
  ["half back", 5],
  ["rolled back", 0],
  ["half again", 5],
  ["rolled forward", 10],
];
/** Until the first roll-back whoever has been taken over goes to the new one; from then on to either, which is harder. */
const FORWARD_PHASES = 4;
const AT_ONCE = 48;
/** Requests that a browser sends at the same time when a page is opened. */
const BURST = 3;

export interface RollOver {
  jars: number;
  requests: number;
  forcedLogins: number;
  /** Notes that the application which took them, or took over, does not have. */
  lost: number;
  /** Notes that the old application took from a browser whose session had been taken over, before the roll-back. */
  stayedBehindForward: number;
  /** The same, in all. */
  stayedBehind: number;
  adopted: number;
  /** Copies of cookies that were somebody's after the logout, in either application. */
  aliveAfterLogout: number;
}

export interface RollOverOptions {
  readonly jars: number;
  readonly tell?: (line: string) => void;
}

export async function rollOver({ jars: count, tell = () => undefined }: RollOverOptions): Promise<RollOver> {
  const redis = await startRedis();
  await redis.allow("~sess:*", "~sojourn-adopted:*");
  const [oldApp, newApp] = await Promise.all([startApp("old", redis.adminUrl), startApp("new", redis.url)]);
  const nginx = await NginxServer.start(sharesOf(oldApp, newApp, 0, 0));
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE * BURST });
  try {
    const jars = Array.from({ length: count }, (_, i) => new Jar(nginx.origin, `user-${i}`, agent));
    await each(jars, (jar) => jar.logIn());
    let [lost, stayedBehindForward] = [0, 0];
    for (const [phase, [name, toNew]] of PHASES.entries()) {
      // Under load: the first half of the browsers is on its way when nginx is told.
      const first = each(jars.slice(0, count / 2), (jar) => visit(jar, `phase${phase}`));
      await Promise.all([first, nginx.share(sharesOf(oldApp, newApp, toNew, phase))]);
      await each(jars.slice(count / 2), (jar) => visit(jar, `phase${phase}`));
      const missing = await each(jars, async (jar) => (await jar.missing()).length);
      lost += sum(missing);
      if (phase < FORWARD_PHASES) stayedBehindForward = stayedBehindIn(jars);
      tell(`${name}: ${sum(jars.map((jar) => jar.forcedLogins))} forced logins, ${lost} notes lost so far`);
    }
    const result = {
      jars: count,
      requests: count * (1 + PHASES.length * (BURST + 2)),
      forcedLogins: sum(jars.map((jar) => jar.forcedLogins)),
      lost,
      stayedBehindForward,
      stayedBehind: stayedBehindIn(jars),
      adopted: jars.filter((jar) => jar.isAdopted).length,
    };
    return { ...result, aliveAfterLogout: await aliveAfterLogout(jars, nginx, oldApp, newApp) };
  } finally {
    agent.destroy();
    await nginx.stop();
    await Promise.all([oldApp.stop(), newApp.stop()]);
    await redis.stop();
  }
}

/** A page with what it loads, then a form. */
async function visit(jar: Jar, name: string): Promise<void> {
  await Promise.all(Array.from({ length: BURST }, () => jar.look()));
  await jar.note(name);
}

async function aliveAfterLogout(
  jars: Jar[],
  nginx: NginxServer,
  oldApp: AppProcess,
  newApp: AppProcess,
): Promise<number> {
  const thieves = jars.map((jar) => jar.thief());
  await each(jars, (jar) => jar.logOut());
  // The old one first: to the new one an old cookie that shows up is reason enough to end its session.
  await nginx.share(sharesOf(oldApp, newApp, 0, PHASES.length));
  const inOld = await each(thieves, userOf);
  await nginx.share(sharesOf(oldApp, newApp, 10, PHASES.length));
  const inNew = await each(thieves, userOf);
  return [...inOld, ...inNew].filter((user) => user !== null).length;
}

async function userOf(thief: Jar): Promise<string | null> {
  return (await thief.thief().look()).user;
}

function sharesOf(oldApp: AppProcess, newApp: AppProcess, toNew: number, phase: number): Shares {
  const shares: Readonly<Record<AppName, number>> = { old: 10 - toNew, new: toNew };
  const weights = new Map([
    [oldApp.port, shares.old],
    [newApp.port, shares.new],
  ]);
  return { weights, takenOver: phase < FORWARD_PHASES ? newApp.port : null };
}

function stayedBehindIn(jars: readonly Jar[]): number {
  return sum(jars.map((jar) => jar.stayedBehind));
}

/** The work for all of them, some at a time. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const one = async (): Promise<void> => {
    for (const [at, item] of rest) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return results;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

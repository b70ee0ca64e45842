/** Many processes that reap the same sessions while one after the other is killed, and another client that only pings. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessions, type Session, type SessionStats } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, startRedis } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

const HOUR = 3_600_000;
const KILL_EVERY_MS = 200;
const USERS = 5_000;
const AT_ONCE = 500;

export interface ReapingPlan {
  readonly due: number;
  /** Sessions that were touched in time. */
  readonly touched: number;
  readonly processes: number;
}

export interface Reaping {
  readonly stats: SessionStats;
  /** Differences between indexes and records afterwards. */
  readonly drift: number;
  readonly seconds: number;
  readonly killed: number;
  /** Round trips of another client's PING in milliseconds: 99.9 of 100 took no longer. */
  readonly pingIdleMs: number;
  readonly pingMs: number;
}

/** Starts a server of its own, and ends it. All but one of the processes are killed. */
export async function reapWithProcesses({ due, touched, processes }: ReapingPlan): Promise<Reaping> {
  const redis = await startRedis();
  const clock = manualClock();
  const store = redisStore(await redis.client(), { clock, deadline: PATIENT });
  const sessions = createSessions({ store, secrets: [TEST_SECRET], clock, reaper: false });
  const children: ChildProcess[] = [];
  const start = async (script: string, ...args: readonly string[]): Promise<ChildProcess> => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, { execArgv: [...EXEC_ARGS] });
    children.push(child);
    await once(child, "message");
    return child;
  };
  try {
    const made: Session[] = [];
    while (made.length < due + touched) {
      const count = Math.min(AT_ONCE, due + touched - made.length);
      const some = Array.from({ length: count }, (_, i) =>
        sessions.create({ userId: `user-${(made.length + i) % USERS}` }),
      );
      made.push(...(await Promise.all(some)).map(({ session }) => session));
    }
    await clock.advance(23 * HOUR);
    await Promise.all(made.slice(due).map((session) => session.touch()));
    await clock.advance(2 * HOUR);

    const pinger = await start("./ping-process.ts", String(redis.port));
    await sleep(1_000);
    const idle = await pingsOf(pinger);
    const starting = Array.from({ length: processes }, () =>
      start("./reaper-process.ts", redis.url, String(clock.shift())),
    );
    const reapers = await Promise.all(starting);
    const ended = async (): Promise<number> => (await sessions.stats()).ended;
    await pingsOf(pinger);
    const begun = performance.now();
    // Each begins when its first period of a second is over.
    await sleep(900);
    for (const child of reapers.slice(1)) {
      child.kill("SIGKILL");
      await sleep(KILL_EVERY_MS);
    }
    await until(async () => (await ended()) >= due);
    const pings = await pingsOf(pinger);
    const seconds = (performance.now() - begun) / 1000;
    const { differences } = await sessions.check();
    const drift = Object.values(differences).reduce((sum, count) => sum + count, 0);
    const killed = reapers.filter(({ signalCode }) => signalCode === "SIGKILL").length;
    return { stats: await sessions.stats(), drift, seconds, killed, pingIdleMs: most(idle), pingMs: most(pings) };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await sessions.close();
    await redis.stop();
  }
}

const EXEC_ARGS = ["--disable-warning=ExperimentalWarning"];

/** Asks seldom: each time is a thousand commands. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(300);
}

async function pingsOf(pinger: ChildProcess): Promise<number[]> {
  pinger.send("take");
  return (await once(pinger, "message"))[0] as number[];
}

/** 99.9 of 100 are no greater. */
function most(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.999)] ?? 0;
}

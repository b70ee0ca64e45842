/** What a million sessions cost an operation that ten thousand do not, and what other clients feel of the large ones. */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Measured } from "../budgets.ts";
import { number } from "../harness/markdown.ts";
import type { FactTable } from "../harness/result.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { median, quantile } from "../harness/statistics.ts";
import {
  COLUMNS,
  type Compared,
  compareOperations,
  CPU_COLUMNS,
  rowOf,
  type Side,
  timeRatio,
} from "../million/comparison.ts";
import {
  disturbed,
  type Disturbance,
  type Disturbing,
  DISTURBANCE_COLUMNS,
  disturbanceRow,
} from "../million/disturbance.ts";
import { Pinger, PlaceNode } from "../million/nodes.ts";
import type { PlaceOptions } from "../million/place.ts";
import { AHEAD_MS, planOf, policyCounts, usersOfSessions } from "../million/plan.ts";
import { type Admin, commandCalls, cpuMicros, usedBytes, walksAmong } from "../million/server-facts.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";

const MILLION = 1_000_000;
/** Fewer to try it out: then nothing is held against a budget. `MILLION_SESSIONS=50000 npm run bench -- million` */
const SESSIONS = Number(process.env["MILLION_SESSIONS"] ?? MILLION);
const SMALL = 10_000;
/** The other engines are compared at a tenth of the sessions. */
const ENGINES_SHARE = 0.1;
const ENGINE_ROUNDS = 5;
const IDLE_MS = 10_000;
const PROGRESS_EVERY = 100_000;

export const million: Scenario = {
  name: "million",
  title: "A million sessions",
  isQuick: false,
  async run(bench) {
    const redis = await onRedis(bench);
    const engines = [await onEngine("sqlite"), await onEngine("memory")];
    const plan = planOf(SESSIONS);
    return {
      method: [
        `${SESSIONS} sessions of ${plan.users} users, of whom one has ${plan.most}; 400 bytes of JSON and a device each; all made by create, in ${number(redis.fillSeconds)} s; beside them ${SMALL} in a server of their own.`,
        `${bench.rounds} rounds of each operation, at both in turn, one call at a time; ratios are of the rounds' medians.`,
        "The server's CPU is that of its main thread, work on sockets included.",
        "Pings come from a process of their own, about a thousand a second.",
        "count, countUsers and stats are sums over 1,024 indexes, of a time that grows with their depth: no ratio is asked of them.",
        "check looks at fifty sessions a call, which takes more pages where a bucket holds ten.",
        "sqlite counts along an index of all sessions. memory is for tests and reads every session for count, countUsers, stats and each page of find and drain; of one user's for failedLogin.",
        REDIS_NOTE,
      ],
      rates: [],
      facts: [...redis.facts, ...engines],
      measured: SESSIONS === MILLION ? redis.measured : [],
    };
  },
};

interface Found {
  readonly facts: FactTable[];
  readonly measured: Measured[];
  readonly fillSeconds: number;
}

async function onRedis(bench: Bench): Promise<Found> {
  const started: Stoppable[] = [];
  try {
    const [small, large] = [await placeOnRedis(bench, SMALL, started), await placeOnRedis(bench, SESSIONS, started)];
    const compared = await compareOperations(small, large, bench.rounds);
    const pings = await disturbances(large, started);
    const calls = await commandCalls(large.admin);
    const walks = walksAmong(calls);
    if (walks.length > 0) throw new Error(`the server walked all it holds: ${walks.join(", ")}`);
    return reported(large, { compared, pings, calls });
  } finally {
    await stopAll(started);
  }
}

interface OnRedis {
  readonly compared: readonly Compared[];
  readonly pings: readonly Disturbance[];
  readonly calls: ReadonlyMap<string, number>;
}

function reported(large: RedisPlace, { compared, pings, calls }: OnRedis): Found {
  const bytes = number(large.bytes / SESSIONS);
  return {
    fillSeconds: large.fillSeconds,
    facts: [
      {
        title: `Redis: ${SMALL} and ${SESSIONS} sessions (${bytes} bytes each)`,
        columns: [...COLUMNS, ...CPU_COLUMNS],
        rows: compared.map((each) => rowOf(each, number)),
      },
      {
        title: "Redis: another client's pings",
        columns: DISTURBANCE_COLUMNS,
        rows: pings.map((each) => disturbanceRow(each, number)),
      },
      {
        title: `Redis: every command that the server of ${SESSIONS} ran, those of scripts included`,
        columns: ["command", "calls"],
        rows: [...calls].toSorted(([, a], [, b]) => b - a).map(([name, count]) => [name, String(count)]),
      },
    ],
    measured: [...ratios(compared), ...pingBudgets(pings)],
  };
}

interface RedisPlace extends Side {
  readonly admin: Admin;
  readonly port: number;
  readonly options: PlaceOptions;
  readonly fillSeconds: number;
  readonly bytes: number;
}

async function placeOnRedis(bench: Bench, count: number, started: Stoppable[]): Promise<RedisPlace> {
  const { port } = await bench.redis();
  const admin = await nodeRedis(port);
  started.push({ stop: () => admin.destroy() });
  const before = await usedBytes(admin);
  const options: PlaceOptions = {
    engine: "redis",
    at: String(port),
    secret: randomBytes(32).toString("base64url"),
    plan: planOf(count),
    aheadMs: 0,
  };
  const node = await PlaceNode.start(options);
  started.push(node);
  const fillSeconds = await filled(node, count);
  const bytes = (await usedBytes(admin)) - before;
  return { node, cpuMicros: () => cpuMicros(admin), admin, port, options, fillSeconds, bytes };
}

/** Fills a place, says how far it is, and answers how many seconds it took. */
async function filled(node: PlaceNode, count: number): Promise<number> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  await node.fill((made) => {
    if (made % PROGRESS_EVERY !== 0) return;
    console.error(`  ${made} of ${count} sessions, ${seconds().toFixed(0)} s, ${(made / seconds()).toFixed(0)}/s`);
  });
  const took = seconds();
  expectExactly("count", await node.task("count"), count);
  expectExactly("countUsers", await node.task("countUsers"), planOf(count).users);
  return took;
}

function expectExactly(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what} answered ${found}, not ${expected}`);
}

interface Stoppable {
  stop(): unknown;
}

async function stopAll(started: readonly Stoppable[]): Promise<void> {
  for (const each of started) await each.stop();
}

/** The last of them end sessions: afterwards only those of policy "normal" are left. */
async function disturbances({ node, port, options }: RedisPlace, started: Stoppable[]): Promise<Disturbance[]> {
  const { plan } = options;
  const counts = policyCounts(usersOfSessions(plan));
  const pinger = await Pinger.start(port);
  const reaper = await PlaceNode.start({ ...options, aheadMs: AHEAD_MS });
  started.push(pinger, reaper);
  await sleep(1_000);
  const idle = await pinger.during(() => sleep(IDLE_MS));
  const found: Disturbance[] = [{ what: "nothing", counted: 0, took: [IDLE_MS], pings: idle }];
  const add = async (what: string, times: number, each: number, how: Pick<Disturbing, "node" | "task" | "before">) => {
    const disturbance = await disturbed(what, { ...how, pinger, times });
    expectExactly(what, disturbance.counted, times * each);
    found.push(disturbance);
  };
  const { most } = plan;
  await add("count", 200, plan.sessions, { node, task: "count" });
  await add(`list of a user with ${most}`, 50, most, { node, task: "listMost" });
  await add(`sign-out of a user with ${most}`, 10, most, { node, task: "signOutMost", before: "refillMost" });
  await add("revokeBefore of a policy", 1, counts.swept, { node, task: "sweep" });
  await add("reap", 1, counts.due, { node: reaper, task: "reap" });
  await add("check of every index: differences", 1, 0, { node, task: "differences" });
  expectExactly("count", await reaper.task("count"), counts.normal - most);
  return found;
}

/** Of `count` the time is asked for, in milliseconds. */
function ratios(compared: readonly Compared[]): Measured[] {
  return compared.map((each): Measured => {
    const budget = `million.${each.name}`;
    if (each.name === "count") return { budget, value: median(each.large.took) / 1_000 };
    const { median: value, low, high } = timeRatio(each);
    return { budget, value, low, high };
  });
}

function pingBudgets(pings: readonly Disturbance[]): Measured[] {
  return (["count", "signout", "reap"] as const).map((task) => {
    const prefix = task === "signout" ? "sign-out" : task;
    const each = pings.find(({ what }) => what.startsWith(prefix));
    return { budget: `million.ping.${task}`, value: quantile(each?.pings ?? [], 0.999) };
  });
}

/** In processes and files of their own. */
async function onEngine(engine: "sqlite" | "memory"): Promise<FactTable> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-million-"));
  const started: Stoppable[] = [];
  const sideOf = async (count: number): Promise<Side> => {
    const secret = randomBytes(32).toString("base64url");
    const at = join(folder, `${started.length}.db`);
    const node = await PlaceNode.start({ engine, at, secret, plan: planOf(count), aheadMs: 0 });
    started.push(node);
    await filled(node, count);
    return { node, cpuMicros: null };
  };
  const large = Math.max(SMALL, SESSIONS * ENGINES_SHARE);
  try {
    const compared = await compareOperations(await sideOf(SMALL), await sideOf(large), ENGINE_ROUNDS);
    const rows = compared.map((each) => rowOf(each, number));
    return { title: `${engine}: ${SMALL} and ${large} sessions`, columns: COLUMNS, rows };
  } finally {
    await stopAll(started);
    rmSync(folder, { recursive: true, force: true });
  }
}

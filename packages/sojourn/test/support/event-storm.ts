/** Writers and consumers of events that are killed again and again, and what the consumers got in the end. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessions, type SessionEvent, type Sessions, type SessionStats } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { TEST_SECRET } from "./secrets.ts";

const SCRIPT = fileURLToPath(new URL("./event-process.ts", import.meta.url));
const EXEC_ARGS = ["--disable-warning=ExperimentalWarning"];
const WRITERS = 2;
/** How long a process lives. */
const KILL_AFTER_MS = 700;

export interface StormReport {
  readonly stats: SessionStats;
  readonly killed: number;
  /** Different events by type. */
  readonly counts: Readonly<Record<string, number>>;
  /** Deliveries of an event that had been delivered before. */
  readonly duplicates: number;
  /** Of those, deliveries that differed from the first one. */
  readonly altered: number;
  /** Sessions that ended before they began, began or ended twice, or did only one of both. */
  readonly broken: number;
}

/** Kills the consumer and a writer in turn, so many times; then ends every session and waits for the last event. */
export async function eventStorm(url: string, kills: number): Promise<StormReport> {
  const sessions = createSessions({ store: await openStore(url), secrets: [TEST_SECRET], reaper: false });
  const got = new Map<string, SessionEvent>();
  const report = { duplicates: 0, altered: 0, killed: 0 };
  const take = (event: SessionEvent | "ready"): void => {
    if (event === "ready") return;
    const before = got.get(event.id);
    if (before !== undefined) report.duplicates += 1;
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(event)) report.altered += 1;
    if (before === undefined) got.set(event.id, event);
  };
  const start = async (role: string, name: string): Promise<ChildProcess> => {
    const child = fork(SCRIPT, [url, role, name], { execArgv: EXEC_ARGS });
    await once(child, "message");
    child.on("message", take);
    return child;
  };
  const replace = async (children: ChildProcess[], i: number, role: string): Promise<void> => {
    const child = children[i];
    if (child !== undefined) await killed(child);
    report.killed += 1;
    // Now and then another name: what the one before had in hand must be claimed from it.
    children[i] = await start(role, `${role}-${report.killed % 3}`);
  };
  const writers: ChildProcess[] = [];
  const consumers: ChildProcess[] = [];
  try {
    for (let i = 0; i < WRITERS; i++) writers.push(await start("write", `write-${i}`));
    consumers.push(await start("consume", "consume-0"));
    for (let turn = 0; turn < kills; turn++) {
      await sleep(KILL_AFTER_MS);
      if (turn % 2 === 0) await replace(consumers, 0, "consume");
      else await replace(writers, ((turn - 1) / 2) % WRITERS, "write");
    }
    for (const writer of writers) await killed(writer);
    await endAll(sessions);
    const stats = await sessions.stats();
    await drained(got, stats);
    const byType = Object.entries(Object.groupBy(got.values(), ({ type }) => type));
    const counts = Object.fromEntries(byType.map(([type, events]) => [type, events.length]));
    return { ...report, stats, counts, broken: brokenIn(got) };
  } finally {
    for (const child of [...writers, ...consumers]) await killed(child);
    await sessions.close();
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** As often as it takes: a file may be locked by a writer that was just killed. */
async function endAll(sessions: Sessions): Promise<void> {
  for (let left = await sessions.count(); left > 0; left = await sessions.count()) {
    const { items } = await sessions.find({ limit: 100 });
    await Promise.allSettled(items.map((session) => session.revoke()));
  }
}

/** What a killed consumer had in hand is claimed after two seconds. */
async function drained(got: ReadonlyMap<string, SessionEvent>, { created, ended }: SessionStats): Promise<void> {
  const expected = created + ended;
  for (let tries = 0; tries < 300; tries++) {
    const known = [...got.values()].filter(({ type }) => type === "created" || type === "ended").length;
    if (known >= expected) return;
    await sleep(100);
  }
}

function brokenIn(got: ReadonlyMap<string, SessionEvent>): number {
  const sessions = new Map<string, string[]>();
  for (const event of got.values()) {
    if (event.type === "created" || event.type === "ended") {
      sessions.set(event.sessionId, [...(sessions.get(event.sessionId) ?? []), event.type]);
    }
  }
  return [...sessions.values()].filter((types) => types.toSorted().join() !== "created,ended").length;
}

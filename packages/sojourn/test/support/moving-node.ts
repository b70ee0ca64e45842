/**
 * A node of an application whose sessions are moved, as a process of its own: logs in, reads, writes and logs out sessions of
 * its own, and knows of each what must be so. Arguments: URLs of source and target, name of the node.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions, type Sessions } from "../../src/index.ts";
import { movingStore } from "../../src/stores/moving/index.ts";
import { MOVED_USERS_LIMIT, type NodeReport, openBoth, openPatiently, type Order } from "./moving-nodes.ts";
import { KnownValues } from "./moving-values.ts";
import { TEST_SECRET } from "./secrets.ts";

interface Known {
  readonly token: string;
  readonly id: string;
  count: number;
  live: boolean;
  /** One operation at a time: what is true in between, nobody can say. */
  busy: boolean;
}

const AT_ONCE = 16;
/** Between two operations of one worker: the processes share a few cores with their servers. */
const PAUSE_MS = 4;
const [from = "", to = "", name = ""] = process.argv.slice(2);
const limit = { perUser: MOVED_USERS_LIMIT };
const known: Known[] = [];
const met = { validated: 0, writes: 0, logins: 0, logouts: 0, forcedLogins: 0, lostWrites: 0, revived: 0 };
const values = new KnownValues(name);
/** Values for so many sessions. */
const SESSIONS_PER_VALUE = 10;
const failures: string[] = [];
const took: { before: number[]; during: number[]; values: number[] } = { before: [], during: [], values: [] };
const SHARE_OF_VALUES = 0.1;
const load = { goesOn: false };
let begun = 0;

/** Users have three sessions each, well under the limit. */
async function begin(sessions: Sessions): Promise<void> {
  const { token, session } = await sessions.create({
    userId: `${name}-${Math.floor(begun++ / 3)}`,
    data: { n: 0, filled: "x".repeat(200) },
  });
  known.push({ token, id: session.id, count: 0, live: true, busy: false });
}

async function check(sessions: Sessions, each: Known, touch: boolean): Promise<void> {
  const { valid } = await sessions.validate(each.token, { touch });
  met.validated += 1;
  if (each.live && !valid) met.forcedLogins += 1;
  if (!each.live && valid) met.revived += 1;
}

async function write(sessions: Sessions, each: Known): Promise<void> {
  if (!each.live) return check(sessions, each, false);
  await sessions.data(each.id).increment("n");
  each.count += 1;
  met.writes += 1;
}

async function end(sessions: Sessions, each: Known): Promise<void> {
  if (!each.live) return check(sessions, each, false);
  await sessions.logout(each.token);
  each.live = false;
  met.logouts += 1;
  await check(sessions, each, false);
}

async function actOn(sessions: Sessions, each: Known): Promise<void> {
  const dice = Math.random();
  if (dice < 0.6) return check(sessions, each, false);
  if (dice < 0.7) return check(sessions, each, true);
  return dice < 0.97 ? write(sessions, each) : end(sessions, each);
}

async function act(sessions: Sessions): Promise<void> {
  if (Math.random() < 0.03) {
    met.logins += 1;
    return begin(sessions);
  }
  const each = known[Math.floor(Math.random() * known.length)];
  if (each === undefined || each.busy) return;
  each.busy = true;
  try {
    await actOn(sessions, each);
  } finally {
    each.busy = false;
  }
}

/** Until told to stop. What failed may have happened or not: none may fail. */
async function work(sessions: Sessions): Promise<void> {
  while (load.goesOn) {
    const startedAt = performance.now();
    const isOnValue = Math.random() < SHARE_OF_VALUES;
    try {
      await (isOnValue ? values.act(sessions) : act(sessions));
    } catch (error) {
      failures.push(String(error));
    }
    took[isOnValue ? "values" : "during"].push(performance.now() - startedAt);
    await sleep(PAUSE_MS);
  }
}

async function inParallel(count: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: 4 * AT_ONCE }, some));
}

/** At the target alone, as the application is after the move. */
async function report(): Promise<NodeReport> {
  const sessions = createSessions({ store: await openPatiently(to), secrets: [TEST_SECRET], limit });
  await inParallel(known.length, async (i) => {
    const each = known[i];
    if (each === undefined) return;
    const result = await sessions.validate(each.token, { touch: false });
    if (result.valid !== each.live) met[each.live ? "forcedLogins" : "revived"] += 1;
    if (result.valid && result.session.data["n"] !== each.count) met.lostWrites += 1;
  });
  const liveValues = await values.verify(sessions);
  await sessions.close();
  const live = known.filter((each) => each.live).length;
  const ofValues = { valueCalls: values.acted, lostValues: values.lost, revivedValues: values.revived, liveValues };
  return { ...met, ...ofValues, ...took, live, ended: known.length - live, failures: failures.slice(0, 3) };
}

const sessions = createSessions({ store: movingStore(await openBoth(from, to)), secrets: [TEST_SECRET], limit });
await sessions.ready();
let workers: Promise<unknown> = Promise.resolve();

async function obey(order: Order): Promise<unknown> {
  if (order === "work") {
    load.goesOn = true;
    workers = Promise.all(Array.from({ length: AT_ONCE }, () => work(sessions)));
    return "working";
  }
  if (order === "mark") {
    took.before = took.during;
    took.during = [];
    took.values = [];
    return "marked";
  }
  if (order !== "verify") {
    await inParallel(order.create, () => begin(sessions));
    await inParallel(Math.ceil(order.create / SESSIONS_PER_VALUE), () => values.begin(sessions));
    return "created";
  }
  load.goesOn = false;
  await workers;
  await sessions.close();
  return report();
}

process.on("message", (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());
process.send?.("ready");

/** The scenario in small, by counting: nothing is timed. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { isCutOffFetch, type MonitoredCommand, Monitor } from "../../packages/sojourn/test/support/monitor.ts";
import { type RedisServer, startOpenRedis } from "../../packages/sojourn/test/support/redis-server.ts";
import { TEST_SECRET } from "../../packages/sojourn/test/support/secrets.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { operationsOf } from "./operations.ts";
import { Place, type PlaceOptions } from "./place.ts";
import { AHEAD_MS, type Plan, planOf, policyCounts, usersOfSessions } from "./plan.ts";
import { type Admin, commandCalls, walksAmong } from "./server-facts.ts";
import { TASKS } from "./tasks.ts";

const CALLS = 4;
/** On walks, a page of fewer sessions takes more buckets and more commands. */
const WALKS = new Set(["find", "drain", "check"]);

interface Filled {
  readonly server: RedisServer;
  readonly admin: Admin;
  readonly options: PlaceOptions;
  readonly place: Place;
}

/** Of the user with most as many here as there. */
const plans = [1_000, 10_000].map((sessions): Plan => ({ ...planOf(sessions), most: 60 }));
const filled: Filled[] = [];

beforeAll(async () => {
  for (const plan of plans) {
    const server = await startOpenRedis();
    const options = { engine: "redis", at: String(server.port), secret: TEST_SECRET, plan, aheadMs: 0 } as const;
    const place = await Place.open(options);
    filled.push({ server, admin: await nodeRedis(server.port), options, place });
    await place.fill();
  }
}, 120_000);

afterAll(async () => {
  for (const { place, admin, server } of filled) {
    await place.close();
    admin.destroy();
    await server.stop();
  }
});

/** Every command of each operation, also of scripts, without what belongs to a moment and not to the call. */
async function commandsOf({ server, admin, place }: Filled): Promise<Record<string, Record<string, number>>> {
  const monitor = await Monitor.on(server.port, null);
  const taken = (): Promise<MonitoredCommand[]> => monitor.taken((text) => admin.echo(text));
  const found: Record<string, Record<string, number>> = {};
  for (const { name, begin } of operationsOf(place)) {
    const run = await begin(0, CALLS);
    await taken();
    for (let n = 0; n < CALLS; n++) await run.call(n);
    found[name] = counted((await taken()).filter((each) => !isCutOffFetch(each) && !isFreshening(each)));
    await run.after?.();
  }
  monitor.stop();
  return found;
}

/** Of clock and salt, every 30 seconds. */
function isFreshening({ words, fromClient }: MonitoredCommand): boolean {
  return fromClient && ["TIME", "HSETNX", "HMGET"].includes(words[0]?.toUpperCase() ?? "");
}

/** `MGET` counts as `GET`: which one reads depends on whether a user has one session or two. */
function counted(commands: readonly MonitoredCommand[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { words } of commands) {
    const name = words[0]?.toUpperCase().replace("MGET", "GET") ?? "";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function sumOf(counts: Readonly<Record<string, number>> = {}): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

test("ten thousand sessions cost each operation the commands that a thousand do", async () => {
  const [atFew, atMany] = filled as [Filled, Filled];
  const [few, many] = [await commandsOf(atFew), await commandsOf(atMany)];
  expect(Object.keys(many)).toHaveLength(19);
  for (const [name, counts] of Object.entries(many)) {
    expect(sumOf(counts), name).toBeGreaterThan(0);
    if (WALKS.has(name)) expect(sumOf(counts), name).toBeLessThanOrEqual(sumOf(few[name]));
    else expect(counts, name).toEqual(few[name]);
  }
}, 60_000);

test("counts are exact, what ends sessions ends those and no others, and nothing walks all keys", async () => {
  for (const { place, options, admin } of filled) {
    const { plan } = options;
    const { normal, due, swept } = policyCounts(usersOfSessions(plan));
    expect(await TASKS.count(place)).toBe(plan.sessions);
    expect(await TASKS.countUsers(place)).toBe(plan.users);
    expect(await TASKS.listMost(place)).toBe(plan.most);
    expect(await TASKS.signOutMost(place)).toBe(plan.most);
    expect(await TASKS.refillMost(place)).toBe(plan.most);
    expect(await TASKS.signOutMost(place)).toBe(plan.most);
    expect(await TASKS.sweep(place)).toBe(swept);
    const reaper = await Place.open({ ...options, aheadMs: AHEAD_MS });
    expect(await TASKS.reap(reaper)).toBe(due);
    expect(await TASKS.count(reaper)).toBe(normal - plan.most);
    expect(await TASKS.differences(reaper)).toBe(0);
    await reaper.close();
    expect(walksAmong(await commandCalls(admin))).toEqual([]);
  }
}, 60_000);

test("a command that walks all keys is seen", async () => {
  const [{ admin }] = filled as [Filled];
  await admin.keys("nothing:*");
  await admin.scan("0");
  expect(walksAmong(await commandCalls(admin)).toSorted()).toEqual(["keys", "scan"]);
});

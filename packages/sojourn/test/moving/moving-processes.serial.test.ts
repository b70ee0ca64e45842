/** Moves under load, with a mover that is killed (SIGKILL) half-way and started again: nobody is logged out, nothing is lost, nothing comes back. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/open.ts";
import { type MoveRun, runMove, sumOf } from "../support/moving-run.ts";
import { startRedis } from "../support/redis-server.ts";

const PLAN = { sessions: 2_000, nodes: 2, kills: 2 };

async function redisUrl(): Promise<string> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return server.url;
}

async function expectWhole({ result, nodes, killed }: MoveRun, to: string): Promise<void> {
  expect(nodes.flatMap(({ failures }) => failures)).toEqual([]);
  expect(result).toMatchObject({ done: true, left: 0 });
  expect(killed).toBe(PLAN.kills);
  expect(result).toMatchObject({ valuesLeft: 0 });
  for (const wrong of ["forcedLogins", "lostWrites", "revived", "lostValues", "revivedValues"] as const) {
    expect(sumOf(nodes, wrong), wrong).toBe(0);
  }
  for (const done of ["validated", "writes", "logins", "logouts", "valueCalls"] as const) {
    expect(sumOf(nodes, done), done).toBeGreaterThan(50);
  }
  const target = await openStore(to);
  onTestFinished(() => target.close());
  expect(await target.count()).toBe(sumOf(nodes, "live"));
}

test("sqlite to Redis: 2,000 sessions under load, the mover killed twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-move-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const plan = { ...PLAN, from: `sqlite:${join(folder, "sessions.db")}`, to: await redisUrl() };
  await expectWhole(await runMove(plan), plan.to);
}, 120_000);

test("Redis to Redis: the same", async () => {
  const plan = { ...PLAN, from: await redisUrl(), to: await redisUrl() };
  await expectWhole(await runMove(plan), plan.to);
}, 120_000);

import { afterEach, expect, test } from "vitest";
import { Contestant } from "./contestants.ts";

const contestants: Contestant[] = [];

afterEach(async () => {
  for (const each of contestants.splice(0)) await each.stop();
});

async function started(exported: string): Promise<Contestant> {
  const module = new URL("contestants.fixture.ts", import.meta.url);
  const contestant = await Contestant.start({ name: exported, module, export: exported, parameters: {} });
  contestants.push(contestant);
  return contestant;
}

test("runs its operation, and says how fast and at what cost", async () => {
  const { rate, cpuMicros, latencyMicros } = await (await started("counting")).run(30, 2, true);
  expect(rate).toBeGreaterThan(0);
  expect(cpuMicros).toBeGreaterThan(0);
  expect(latencyMicros?.p50).toBeGreaterThan(0);
});

test("one that dies says why, and stopping it afterwards hides nothing", async () => {
  const dying = await started("dying");
  await expect(dying.run(50, 1)).rejects.toThrow(/dying ended with code 7:\nthe disk is on fire/);
  await expect(dying.run(50, 1)).rejects.toThrow(/dying ended with code 7/);
  await expect(dying.stop()).resolves.toBeUndefined();
});

test("one that lets go of the harness is stopped all the same", async () => {
  const leaving = await started("leaving");
  await leaving.run(5, 1).catch(() => undefined);
  await expect(leaving.stop()).resolves.toBeUndefined();
});

test("one that cannot start says why", async () => {
  await expect(started("unable")).rejects.toThrow(/unable: .*no database/);
});

test("a profile of what it does meanwhile", async () => {
  const contestant = await started("counting");
  const { nodes, samples, timeDeltas } = await contestant.profiled(() => contestant.run(100, 1));
  expect(samples.length).toBeGreaterThan(10);
  expect(timeDeltas).toHaveLength(samples.length);
  expect(nodes.map(({ callFrame }) => callFrame.functionName)).toContain("count");
});

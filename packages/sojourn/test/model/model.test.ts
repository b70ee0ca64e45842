/**
 * Random commands against the model, with faults between any two of them. `SEED=7 npx vitest run model` takes another
 * seed; `npm run proof` goes on for a million.
 */

import { afterEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/index.ts";
import { ENGINE_NAMES, EVERY_ENGINE, type EngineName } from "./engines/every-engine.ts";
import { memoryEngine } from "./engines/memory.ts";
import { redisEngine } from "./engines/redis.ts";
import { type FoundViolation, runModel } from "./run.ts";
import { SABOTAGES, type SabotageName } from "./sabotage.ts";
import type { EngineUnderTest } from "./subject.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const opened: EngineUnderTest[] = [];

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

function closedAfter(engine: EngineUnderTest): EngineUnderTest {
  opened.push(engine);
  return engine;
}

const CUT: readonly EngineName[] = ["node-redis-cut", "ioredis-cut"];
const CALLED = ENGINE_NAMES.filter((name) => !CUT.includes(name));

describe(`seed ${SEED}`, { timeout: 60_000 }, () => {
  test.each(CALLED)("E3 faults between any two steps, 1,000 operations on %s: no violation", async (name) => {
    const engine = closedAfter(await EVERY_ENGINE[name]());
    const { operations, violation } = await runModel(engine, { seed: SEED, operations: 1_000 });
    expect(violation).toBeNull();
    expect(operations).toBeGreaterThanOrEqual(1_000);
  });

  test.each(CUT)("E3 connections cut between any two steps, 150 operations on %s: no violation", async (name) => {
    const engine = closedAfter(await EVERY_ENGINE[name]());
    expect((await runModel(engine, { seed: SEED, operations: 150 })).violation).toBeNull();
  });
});

describe("what holds the promises, taken away, is missed within 10,000 operations", () => {
  async function sabotaged(name: SabotageName, shrinks: boolean): Promise<FoundViolation | null> {
    const { rewrite, changed } = SABOTAGES[name];
    const engine = closedAfter(await redisEngine("node-redis", { rewrite }));
    const { violation } = await runModel(engine, { seed: SEED, operations: 10_000, shrinks });
    expect(changed.size).toBeGreaterThan(0);
    return violation;
  }

  test.each(Object.keys(SABOTAGES) as SabotageName[])("the %s of the Redis scripts", async (name) => {
    const violation = await sabotaged(name, false);
    expect(violation?.message).toMatch(/^Violation: /);
    expect(violation?.after).toBeLessThanOrEqual(10_000);
  });

  test("and the commands that show it are few enough to read", { timeout: 120_000 }, async () => {
    expect((await sabotaged("fence", true))?.commands.length).toBeLessThanOrEqual(8);
  });

  test("the revision check and the fence of the memory engine", async () => {
    const unchecked = overridden((sound) => ({
      patch: ({ id, changes, maxBytes }, call) => sound.patch({ id, changes, maxBytes }, call),
    }));
    const unfenced = overridden((sound) => ({ patch: (input) => sound.patch(input) }));
    for (const broken of [unchecked, unfenced]) {
      const { violation } = await runModel(memoryEngine(broken), { seed: SEED, operations: 10_000 });
      expect(violation?.message).toMatch(/^Violation: /);
    }
  });
});

test("the same seed finds the same violation by the same commands", async () => {
  const broken = overridden((sound) => ({ touch: (input, call) => sound.touch({ ...input, minIntervalMs: 0 }, call) }));
  const [one, other] = [memoryEngine(broken), memoryEngine(broken)];
  const first = await runModel(one, { seed: SEED, operations: 10_000 });
  expect(first.violation).not.toBeNull();
  expect(await runModel(other, { seed: SEED, operations: 10_000 })).toEqual(first);
});

function overridden(overrides: (sound: Store) => Partial<Store>): (store: Store) => Store {
  return (store) => {
    const changed = overrides(store);
    return new Proxy(store, {
      get(target, name) {
        const from = name in changed ? changed : target;
        const member: unknown = Reflect.get(from, name);
        return typeof member === "function" ? (member.bind(from) as unknown) : member;
      },
    });
  };
}

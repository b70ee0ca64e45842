/** Runs commands against an engine until so many operations are done, or one violates the contract. */

import fc from "fast-check";
import { Placement } from "../../src/store/placement.ts";
import type { Command } from "./act.ts";
import { command } from "./commands.ts";
import { rarely } from "./plan.ts";
import { checkAll } from "./queries.ts";
import type { EngineUnderTest } from "./subject.ts";
import { World } from "./world.ts";

export interface Assignment {
  readonly seed: number;
  readonly operations: number;
  /** Whether to look for the fewest commands that show a violation; default true. */
  readonly shrinks?: boolean;
  /** Called now and then with how many are done. */
  readonly progress?: (done: number) => void;
}

export interface Result {
  readonly operations: number;
  readonly runs: number;
  readonly violation: FoundViolation | null;
}

export interface FoundViolation {
  /** What was promised and what happened. */
  readonly message: string;
  /** The fewest commands found that show it. */
  readonly commands: readonly string[];
  /** Operations until it was found, before shrinking. */
  readonly after: number;
}

/** Commands of a run: up to this many, half of it on average. */
const MOST_COMMANDS = 120;
/** Runs between two calls of `progress`. */
const RUNS_AT_ONCE = 25;

export async function runModel(engine: EngineUnderTest, assignment: Assignment): Promise<Result> {
  let operations = 0;
  let runs = 0;
  let first: number | null = null;
  // fast-check runs the fewest commands that still fail last.
  let shortest: readonly string[] = [];
  const property = fc.asyncProperty(commands, thorough, async (list, counts) => {
    if (first === null && operations >= assignment.operations) return;
    const log: string[] = [];
    try {
      await runOnce(engine, list, counts, log);
    } catch (error) {
      first ??= operations + log.length;
      shortest = log;
      throw error;
    }
    if (first !== null) return;
    operations += log.length;
    runs += 1;
  });
  for (let part = 0; operations < assignment.operations; part++) {
    const report = await fc.check(property, {
      seed: assignment.seed + part,
      numRuns: RUNS_AT_ONCE,
      endOnFailure: assignment.shrinks === false,
    });
    if (report.failed) {
      const violation = { message: String(report.errorInstance), commands: shortest, after: first ?? operations };
      return { operations, runs, violation };
    }
    assignment.progress?.(operations);
  }
  return { operations, runs, violation: null };
}

/** Whether to look at everything at the end of a run: some thousand commands to Redis. */
const thorough = rarely(15);
const commands = fc.commands([command], { maxCommands: MOST_COMMANDS, size: "max" });

/** @param log is given a line for each command @throws Violation */
async function runOnce(
  engine: EngineUnderTest,
  list: Iterable<Command>,
  counts: boolean,
  log: string[],
): Promise<void> {
  const subject = await engine.open();
  try {
    const { salt } = await subject.stores[0].ready();
    await subject.stores[1].ready();
    const world = new World(subject.traits, new Placement(salt));
    await fc.asyncModelRun(async () => ({ model: { world, log }, real: subject }), list);
    log.push("look at everything");
    await checkAll(world, subject.stores, counts);
    log.pop();
  } finally {
    await subject.close();
  }
}

/**
 * Runs scenarios, prints what they found and keeps it in `results/`.
 * Arguments: names of scenarios (default: the quick ones; `--full`: the others); `--rounds N`; `--profile` keeps CPU
 * profiles of all contestants beside the results; `--force` keeps results of a busy machine, too; `--to FOLDER` keeps
 * them there. Exit code 1 when a budget is missed or a scenario failed: the others run all the same.
 */

import { parseArgs } from "node:util";
import { join, resolve } from "node:path";
import { BUDGETS, verdict } from "./budgets.ts";
import { cpuTicks, foreignCores, MAX_FOREIGN } from "./harness/foreign-cpu.ts";
import { loadAverage, machine } from "./harness/machine.ts";
import { budgetTable, section } from "./harness/markdown.ts";
import { pinHarness } from "./harness/pinning.ts";
import { summarizeProfiles } from "./harness/profile.ts";
import type { Outcome, Result } from "./harness/result.ts";
import { keep, render, RESULTS } from "./harness/results-folder.ts";
import { Bench, type Scenario } from "./harness/scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    rounds: { type: "string", default: "7" },
    profile: { type: "boolean", default: false },
    force: { type: "boolean", default: false },
    to: { type: "string", default: RESULTS },
  },
});
const folder = resolve(values.to);

interface Finished {
  readonly result: Result;
  readonly profiles: ReadonlyMap<string, string>;
}

async function main(): Promise<number> {
  const unknown = positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  const rounds = Number(values.rounds);
  if (unknown !== undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    console.error(`Scenarios: ${SCENARIOS.map(({ name }) => name).join(" ")}; --rounds takes a whole number.`);
    return 2;
  }
  pinHarness();
  const startedAt = performance.now();
  const results: Result[] = [];
  const failed: string[] = [];
  for (const scenario of SCENARIOS.filter(isAsked)) {
    try {
      const { result, profiles } = await measured(scenario, rounds);
      results.push(result);
      console.log(`${section(result)}\n`);
      keepUnlessBusy(result, profiles);
    } catch (error) {
      failed.push(scenario.name);
      console.error(`${scenario.name} failed:`, error);
    }
  }
  console.log(budgetTable(results));
  console.log(`\n${((performance.now() - startedAt) / 1_000).toFixed(0)} s in all.`);
  if (folder === resolve(RESULTS)) console.log("`npm run gen` puts what was kept into the README.");
  if (failed.length > 0) console.error(`Failed: ${failed.join(" ")}.`);
  return missed(results).length + failed.length === 0 ? 0 : 1;
}

function isAsked({ name, isQuick }: Scenario): boolean {
  return positionals.length > 0 ? positionals.includes(name) : isQuick !== values.full;
}

async function measured(scenario: Scenario, rounds: number): Promise<Finished> {
  const before = loadAverage();
  console.error(`${scenario.name}: load average ${before.toFixed(1)} …`);
  const [startedAt, ticks] = [new Date(), cpuTicks()];
  const profileTo = values.profile ? join(folder, "profiles", scenario.name) : undefined;
  const bench = new Bench({ rounds, profileTo });
  const outcome = await outcomeOf(scenario, bench, profileTo);
  const seconds = (Date.now() - startedAt.getTime()) / 1_000;
  const foreign = foreignCores(ticks, cpuTicks(), seconds);
  const result = {
    scenario: scenario.name,
    title: scenario.title,
    startedAt: startedAt.toISOString(),
    seconds,
    load: { before, after: loadAverage(), ...(foreign === undefined ? {} : { foreign }) },
    machine: machine(),
    ...outcome,
  };
  return { result, profiles: bench.profiles };
}

async function outcomeOf(scenario: Scenario, bench: Bench, profileTo: string | undefined): Promise<Outcome> {
  try {
    return await scenario.run(bench);
  } finally {
    await bench.clear();
    if (profileTo !== undefined) summarizeProfiles(profileTo);
  }
}

function keepUnlessBusy(result: Result, profiles: Finished["profiles"]): void {
  const { foreign = 0 } = result.load;
  if (foreign > MAX_FOREIGN && !values.force) {
    console.log(
      `Not kept: others used ${foreign.toFixed(2)} of a core, over ${MAX_FOREIGN}. --force keeps it all the same.\n`,
    );
    return;
  }
  keep(folder, result, profiles);
  render(folder);
}

function missed(results: readonly Result[]): string[] {
  const measuredOf = new Map(results.flatMap((result) => result.measured).map((each) => [each.budget, each]));
  return BUDGETS.filter((budget) => verdict(budget, measuredOf.get(budget.id)) === "miss").map(({ id }) => id);
}

process.exitCode = await main();

/**
 * Runs scenarios, prints what they found and keeps it in `results/`.
 * Arguments: names of scenarios (default: the quick ones; `--full`: the others); `--rounds N`; `--profile` keeps CPU
 * profiles beside the results; `--force` keeps results of a busy machine, too. Exit code 1 when a budget is missed.
 */

import { parseArgs } from "node:util";
import { join } from "node:path";
import { BUDGETS, verdict } from "./budgets.ts";
import { loadAverage, machine, MAX_LOAD } from "./harness/machine.ts";
import { budgetTable, section } from "./harness/markdown.ts";
import { pinHarness } from "./harness/pinning.ts";
import { summarizeProfiles } from "./harness/profile.ts";
import type { Result } from "./harness/result.ts";
import { keep, render, RESULTS } from "./harness/results-folder.ts";
import { Bench, type Scenario } from "./harness/scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    rounds: { type: "string", default: "9" },
    profile: { type: "boolean", default: false },
    force: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const unknown = positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  const rounds = Number(values.rounds);
  if (unknown !== undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    console.error(`Scenarios: ${SCENARIOS.map(({ name }) => name).join(" ")}; --rounds takes a whole number.`);
    return 2;
  }
  pinHarness();
  const results: Result[] = [];
  for (const scenario of SCENARIOS.filter(isAsked)) {
    const result = await measured(scenario, rounds);
    results.push(result);
    console.log(`${section(result)}\n`);
    keepUnlessBusy(result);
  }
  console.log(budgetTable(results));
  return missed(results).length === 0 ? 0 : 1;
}

function isAsked({ name, isQuick }: Scenario): boolean {
  return positionals.length > 0 ? positionals.includes(name) : isQuick !== values.full;
}

async function measured(scenario: Scenario, rounds: number): Promise<Result> {
  const before = loadAverage();
  console.error(`${scenario.name}: load average ${before.toFixed(1)} …`);
  const startedAt = new Date();
  const profileTo = values.profile ? join(RESULTS, "profiles", scenario.name) : undefined;
  const bench = new Bench({ rounds, profileTo });
  try {
    const outcome = await scenario.run(bench);
    return {
      scenario: scenario.name,
      title: scenario.title,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1_000,
      load: { before, after: loadAverage() },
      machine: machine(),
      ...outcome,
    };
  } finally {
    await bench.clear();
    if (profileTo !== undefined) summarizeProfiles(profileTo);
  }
}

function keepUnlessBusy(result: Result): void {
  if (Math.max(result.load.before, result.load.after) > MAX_LOAD && !values.force) {
    console.log(
      `Not kept: the load average was over ${MAX_LOAD}, others used the cores. --force keeps it all the same.\n`,
    );
    return;
  }
  keep(result);
  render(SCENARIOS.map(({ name }) => name));
}

function missed(results: readonly Result[]): string[] {
  const measuredOf = new Map(results.flatMap((result) => result.measured).map((each) => [each.budget, each]));
  return BUDGETS.filter((budget) => verdict(budget, measuredOf.get(budget.id)) === "miss").map(({ id }) => id);
}

process.exitCode = await main();

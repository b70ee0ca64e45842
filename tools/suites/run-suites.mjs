import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool-paths.mjs";
import { add, failure, NOTHING } from "./count.mjs";
import { Interrupted } from "./run-tool.mjs";

const BUDGET_SECONDS = 900;
const LIMIT_SECONDS = 1200;

/** Runs the suites one after the other, reports, and answers the exit code. The last line is the count, alone. */
export async function runSuites(suites) {
  const budget = readBudget();
  const startedAt = performance.now();
  const results = [];
  try {
    for (const suite of suites) {
      const secondsLeft = LIMIT_SECONDS - secondsSince(startedAt);
      if (secondsLeft <= 0) break;
      results.push(await runSuite(suite, secondsLeft));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    console.log(`\nEnded by ${error.message}.`);
    return 130;
  }
  printTimes(results, budget);
  const counts = [...results.map((result) => result.count), lateness(secondsSince(startedAt)), emptiness(results)];
  return printTotal(counts.reduce(add));
}

async function runSuite(suite, secondsLeft) {
  console.log(`\n── ${suite.name} ${"─".repeat(60 - suite.name.length)}`);
  const startedAt = performance.now();
  const count = await suite.run({ timeoutMs: Math.ceil(secondsLeft * 1000) });
  const seconds = secondsSince(startedAt);
  console.log(`${suite.name}: ${summary(count)}, ${seconds.toFixed(1)} s`);
  return { name: suite.name, hasTests: suite.hasTests, count, seconds };
}

function lateness(seconds) {
  return seconds > LIMIT_SECONDS ? failure(`the run took longer than ${LIMIT_SECONDS} s`) : NOTHING;
}

// A run that found no test proves nothing, whatever the checks said.
function emptiness(results) {
  const ran = results.some(({ hasTests, count }) => hasTests && count.passed + count.failed > 0);
  return ran ? NOTHING : failure("no test ran");
}

function printTimes(results, budget) {
  console.log("\n── seconds used, of those in tools/budget.json");
  for (const { name, seconds } of results) {
    const allotted = budget[name];
    const warning = seconds > allotted ? "  WARNING: over its budget" : "";
    console.log(`${name.padEnd(12)}${seconds.toFixed(1).padStart(7)} of ${allotted}${warning}`);
  }
}

function printTotal(total) {
  if (total.failures.length > 0) console.log(`\nFailed:\n${total.failures.map((line) => `  ${line}`).join("\n")}`);
  console.log(total.todo > 0 ? `\n${total.todo} todo` : "");
  console.log(summary(total));
  return total.failed > 0 ? 1 : 0;
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function readBudget() {
  const budget = JSON.parse(readFileSync(join(root, "tools", "budget.json"), "utf8"));
  const sum = Object.values(budget).reduce((a, b) => a + b, 0);
  if (sum > BUDGET_SECONDS) throw new Error(`tools/budget.json allots ${sum} s; at most ${BUDGET_SECONDS} s.`);
  return budget;
}

function secondsSince(startedAt) {
  return (performance.now() - startedAt) / 1000;
}

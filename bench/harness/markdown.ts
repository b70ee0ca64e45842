/** Results as Markdown. Everything is computed from what is kept, so the page can be made again from the JSON files. */

import { BUDGETS, type Budget, type Measured, verdict } from "../budgets.ts";
import { type FactTable, comparison, type RateTable, type Result } from "./result.ts";
import type { Sampled } from "./rounds.ts";
import { median, summary } from "./statistics.ts";

export function page(results: readonly Result[]): string {
  const parts = [
    "# Benchmark results",
    "Made by `npm run bench` and `npm run bench:full`; do not edit. The samples are in the JSON files beside this page.",
    '"Its core busy" is the contestant\'s own CPU time, all its threads: well under 100 %, it was waiting for the load or for Redis, and its CPU per operation says more than its rate.',
    "Ratios are medians of pairs of one round, with the 95 % interval of that median (bootstrap). A difference that is " +
      "under the spread of the samples, or whose interval holds 0, is called no finding.",
    budgetTable(results),
    ...results.map(section),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Every budget, met or not. */
export function budgetTable(results: readonly Result[]): string {
  const measured = new Map(results.flatMap((result) => result.measured).map((each) => [each.budget, each]));
  const rows = BUDGETS.map((budget) => budgetRow(budget, measured.get(budget.id)));
  return `## Budgets\n\n${table(["what", "budget", "measured", "95 % interval", ""], rows)}`;
}

function budgetRow(budget: Budget, measured: Measured | undefined): string[] {
  const limit = budget.atLeast === undefined ? `≤ ${number(budget.atMost ?? 0)}` : `≥ ${number(budget.atLeast)}`;
  const interval =
    measured?.low === undefined || measured.high === undefined
      ? ""
      : `${number(measured.low)} – ${number(measured.high)}`;
  const value = measured === undefined ? "" : number(measured.value);
  const profile = measured?.profile === undefined ? "" : ` ([profile](${measured.profile}))`;
  return [budget.what, `${limit} ${budget.unit}`, value, interval, `${verdict(budget, measured)}${profile}`];
}

/** One scenario. */
export function section(result: Result): string {
  return [
    `## ${result.title}`,
    header(result),
    ...result.rates.map(rateTable),
    ...result.facts.map(factTable),
    ...result.measured.flatMap(hottest),
    result.method.map((line) => `- ${line}`).join("\n"),
  ].join("\n\n");
}

function header({ scenario, startedAt, seconds, load, machine }: Result): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return (
    `\`npm run bench -- ${scenario}\`, ${startedAt}, ${seconds.toFixed(0)} s. ${machine.processor}, ` +
    `${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; ${machine.pinning}. ` +
    `Load average ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after${others(load)}. ` +
    `Node ${machine.node}, Redis ${machine.redis}, ${versions.join(", ")}.`
  );
}

function others({ foreign }: Result["load"]): string {
  return foreign === undefined ? "" : `; others used ${number(foreign * 100)} % of a core`;
}

function rateTable(rates: RateTable): string {
  const isTimed = rates.rows.some((row) => row.samples.some((sample) => sample.latencyMicros !== undefined));
  const columns = [
    "",
    rates.unit,
    "min – max",
    "÷ baseline",
    "95 % interval",
    "CPU µs each",
    "more CPU µs",
    "its core busy",
  ];
  const rows = rates.rows.map((row) => [...rateRow(rates, row), ...(isTimed ? latencies(row) : [])]);
  return `### ${rates.title}\n\n${table([...columns, ...(isTimed ? ["p50 µs", "p99 µs"] : [])], rows)}`;
}

function rateRow(rates: RateTable, row: Sampled): string[] {
  const rate = summary(row.samples.map((sample) => sample.rate));
  const cpu = median(row.samples.map((sample) => sample.cpuMicros));
  const shown = [row.name, whole(rate.median), `${whole(rate.min)} – ${whole(rate.max)}`];
  const busy = `${whole(median(row.samples.map((sample) => (sample.rate * sample.cpuMicros) / 10_000)))} %`;
  if (row.name === rates.baseline) return [...shown, "1", "", number(cpu), "", busy];
  const { ratio, isFinding } = comparison(rates, row.name, rates.baseline, "rate");
  const more = comparison(rates, row.name, rates.baseline, "cpuMicros");
  return [
    ...shown,
    `${number(ratio.median)}${isFinding ? "" : " (no finding)"}`,
    `${number(ratio.low)} – ${number(ratio.high)}`,
    number(cpu),
    `${number(more.difference.median)}${more.isFinding ? "" : " (no finding)"}`,
    busy,
  ];
}

function latencies(row: Sampled): string[] {
  const timed = row.samples.flatMap((sample) => sample.latencyMicros ?? []);
  if (timed.length === 0) return ["", ""];
  return [whole(median(timed.map((each) => each.p50))), whole(median(timed.map((each) => each.p99)))];
}

/** Where the time of one that missed went. */
function hottest({ budget, hottest: lines = [] }: Measured): string[] {
  if (lines.length === 0) return [];
  return [`### Self time in what missed \`${budget}\`\n\n\`\`\`\n${lines.join("\n")}\n\`\`\``];
}

function factTable({ title, columns, rows }: FactTable): string {
  return `### ${title}\n\n${table(columns, rows)}`;
}

export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Three figures are more than most of these numbers deserve. */
export function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** `bench/results/`: a JSON file for each scenario, and the page and plots made from all of them. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { page } from "./markdown.ts";
import { plots } from "./plot.ts";
import type { Result } from "./result.ts";

export const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));

export function keep(result: Result): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`);
}

/** Page and plots anew, from every result there is, in this order of scenarios. */
export function render(order: readonly string[]): void {
  const kept = readdirSync(RESULTS)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(RESULTS, name), "utf8")) as Result)
    .toSorted((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario));
  writeFileSync(join(RESULTS, "README.md"), page(kept));
  for (const [name, svg] of plots(kept)) writeFileSync(join(RESULTS, name), svg);
}

/** `bench/results/`: a JSON file for each scenario, and the page and plots made from all of them. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUDGETS } from "../budgets.ts";
import { page } from "./markdown.ts";
import { plots } from "./plot.ts";
import type { Result } from "./result.ts";

export const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));

/** @param profiles names of files and their text: those that the scenario left here the last time go */
export function keep(folder: string, result: Result, profiles: ReadonlyMap<string, string>): void {
  mkdirSync(folder, { recursive: true });
  const last = kept(folder).find(({ scenario }) => scenario === result.scenario);
  for (const { profile } of last?.measured ?? []) {
    if (profile !== undefined) rmSync(join(folder, profile), { force: true });
  }
  for (const [name, text] of profiles) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`);
}

/** Page and plots anew, from every result there is. */
export function render(folder: string): void {
  for (const [name, text] of rendered(kept(folder))) writeFileSync(join(folder, name), text);
}

/** Page and plots, as names of files and their text. */
export function rendered(results: readonly Result[]): [name: string, text: string][] {
  return [["README.md", page(results)], ...plots(results)];
}

/** Every result there is, in the order of what was asked of them. */
export function kept(folder: string): Result[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Result)
    .toSorted((a, b) => place(a) - place(b));
}

function place({ measured }: Result): number {
  const at = BUDGETS.findIndex(({ id }) => measured.some(({ budget }) => budget === id));
  return at < 0 ? BUDGETS.length : at;
}

/** What a benchmark found: speed is measured by `npm run bench` on a quiet machine and committed, never by a test. */

import { readFileSync } from "node:fs";

export interface BenchResult {
  readonly measured: readonly { readonly budget: string; readonly value: number }[];
  readonly rates: readonly { readonly title: string; readonly baseline: string }[];
}

export function benchResult(scenario: string): BenchResult {
  const file = new URL(`../../../../bench/results/${scenario}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as BenchResult;
}

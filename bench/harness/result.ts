/** What a scenario answers, and what is kept of it in `results/`. */

import type { Measured } from "../budgets.ts";
import type { Machine } from "./machine.ts";
import type { Sampled } from "./rounds.ts";
import { compare, type Comparison } from "./statistics.ts";

/** Rates of contestants that took turns. */
export interface RateTable {
  readonly title: string;
  readonly unit: "ops/s" | "requests/s";
  /** Name of the row that the others are compared with. */
  readonly baseline: string;
  readonly rows: readonly Sampled[];
  /** Name of the file that it is drawn to. */
  readonly plot?: string;
}

/** Anything else, ready to be shown. */
export interface FactTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Outcome {
  /** What was set up how, and what the numbers do not say. */
  readonly method: readonly string[];
  readonly rates: readonly RateTable[];
  readonly facts: readonly FactTable[];
  readonly measured: readonly Measured[];
}

export interface Result extends Outcome {
  readonly scenario: string;
  readonly title: string;
  readonly startedAt: string;
  readonly seconds: number;
  /** Load averages, and how much of a core others used meanwhile, where that can be known. */
  readonly load: { readonly before: number; readonly after: number; readonly foreign?: number };
  readonly machine: Machine;
}

export type Quantity = "rate" | "cpuMicros";

/** @throws RangeError when the table has no such rows */
export function comparison(table: RateTable, subject: string, baseline: string, quantity: Quantity): Comparison {
  return compare(valuesOf(table, subject, quantity), valuesOf(table, baseline, quantity));
}

/** How many times as fast as another row, for a budget. */
export function ratioFor(budget: string, table: RateTable, subject: string, baseline: string): Measured {
  const { median, low, high } = comparison(table, subject, baseline, "rate").ratio;
  return { budget, value: median, low, high };
}

/** How much more CPU a request takes than one of another row, in microseconds, for a budget. */
export function cpuAboveFor(budget: string, table: RateTable, subject: string, baseline: string): Measured {
  const { median, low, high } = comparison(table, subject, baseline, "cpuMicros").difference;
  return { budget, value: median, low, high };
}

function valuesOf(table: RateTable, name: string, quantity: Quantity): number[] {
  const row = table.rows.find((each) => each.name === name);
  if (row === undefined) throw new RangeError(`${table.title} has no row ${name}`);
  return row.samples.map((sample) => sample[quantity]);
}

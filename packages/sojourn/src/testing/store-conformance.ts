/**
 * The store contract as a suite: every engine runs it, and so can a store of your own.
 *
 * ```ts
 * for (const each of storeConformance({ open, skips: {} })) test(each.name, { skip: each.skip }, each.run);
 * ```
 */

import { ENDINGS } from "./conformance/endings.ts";
import { ACTIVITIES } from "./conformance/activities.ts";
import { AMENDING } from "./conformance/amending.ts";
import { BEGINNING_AND_ENDING } from "./conformance/beginning-and-ending.ts";
import type { ConformanceCase } from "./conformance/case.ts";
import { CUT_OFFS } from "./conformance/cut-offs.ts";
import { DATA_WRITES } from "./conformance/data-writes.ts";
import { type ConformanceStores, Environment } from "./conformance/environment.ts";
import { DIAGNOSIS } from "./conformance/diagnosis.ts";
import { EVENTS } from "./conformance/events.ts";
import { LIMITS } from "./conformance/limits.ts";
import { METRICS } from "./conformance/metrics.ts";
import { NEAR_COPIES } from "./conformance/near-copies.ts";
import { PAGING } from "./conformance/paging.ts";
import { RACES } from "./conformance/races.ts";
import { TOKENS } from "./conformance/tokens.ts";
import { TOTALS } from "./conformance/totals.ts";
import { TRANSFERS } from "./conformance/transfers.ts";
import { UPKEEP } from "./conformance/upkeep.ts";
import { VALUE_TRANSFERS } from "./conformance/value-transfers.ts";
import { VALUES } from "./conformance/values.ts";
import { USERS } from "./conformance/users.ts";

export interface ConformanceOptions {
  /** A fresh, empty pair of stores for each case. */
  open(): Promise<ConformanceStores>;
  /** What this engine does not have, with the reason; cases that need it are skipped. */
  readonly without?: Readonly<Partial<Record<NonNullable<ConformanceCase["needs"]>, string>>>;
}

export interface RunnableCase {
  readonly name: string;
  /** Why it does not apply to this engine; absent when it does. */
  readonly skip?: string;
  /** Rejects with an `AssertionError` when the sentence does not hold. */
  run(): Promise<void>;
}

export function storeConformance(options: ConformanceOptions): RunnableCase[] {
  return [
    ...BEGINNING_AND_ENDING,
    ...DATA_WRITES,
    ...USERS,
    ...CUT_OFFS,
    ...TOKENS,
    ...AMENDING,
    ...ACTIVITIES,
    ...METRICS,
    ...VALUES,
    ...TOTALS,
    ...LIMITS,
    ...UPKEEP,
    ...EVENTS,
    ...NEAR_COPIES,
    ...PAGING,
    ...ENDINGS,
    ...DIAGNOSIS,
    ...RACES,
    ...TRANSFERS,
    ...VALUE_TRANSFERS,
  ].map((each) => {
    const skip = each.needs === undefined ? undefined : options.without?.[each.needs];
    return { name: each.name, ...(skip === undefined ? {} : { skip }), run: () => runCase(each, options) };
  });
}

async function runCase(each: ConformanceCase, options: ConformanceOptions): Promise<void> {
  const stores = await options.open();
  try {
    await each.run(await Environment.over(stores));
  } finally {
    await stores.close();
  }
}

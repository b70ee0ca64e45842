/** Whether a store's indexes agree with its records, and their repair. */

import type { Store } from "../store/store.ts";
import type { DifferenceKind, IndexDifference } from "../store/upkeep.ts";

export interface CheckOptions {
  /** Bring the indexes to what the records say. Default false. */
  readonly repair?: boolean;
}

export interface CheckReport {
  /** Sessions that were looked at. */
  readonly checked: number;
  /** How many differences there were of each kind; empty when indexes and records agree. */
  readonly differences: Readonly<Partial<Record<DifferenceKind, number>>>;
  /** The first hundred of them. */
  readonly examples: readonly IndexDifference[];
}

const EXAMPLES = 100;

/** Page by page: nothing waits for it, and what changes meanwhile is met before or after. @throws StoreUnavailableError */
export async function checkIndexes(store: Store, { repair = false }: CheckOptions): Promise<CheckReport> {
  const differences: Partial<Record<DifferenceKind, number>> = {};
  const examples: IndexDifference[] = [];
  let checked = 0;
  for (let part = 0; part < store.parts; part++) {
    let cursor: string | null = null;
    do {
      const page = await store.checkIndexes({ part, cursor, repair });
      checked += page.checked;
      for (const { kind } of page.differences) differences[kind] = (differences[kind] ?? 0) + 1;
      examples.push(...page.differences.slice(0, EXAMPLES - examples.length));
      cursor = page.cursor;
    } while (cursor !== null);
  }
  return { checked, differences, examples };
}

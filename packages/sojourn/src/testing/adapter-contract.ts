/**
 * What an adapter must do, as a suite over real HTTP: every adapter runs it, and so can one of your own.
 *
 * ```ts
 * for (const each of adapterContract({ start })) test(each.name, each.run);
 * ```
 */

import { CASES } from "./adapter-contract/cases.ts";
import { contractRoutes } from "./adapter-contract/routes.ts";
import { type ContractSite, type ServedSite, TestSite } from "./adapter-contract/site.ts";

export interface AdapterContractOptions {
  /** Serves the site on a free port of this machine. */
  readonly start: (site: ContractSite) => Promise<ServedSite>;
}

export interface RunnableAdapterCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the sentence does not hold. */
  run(): Promise<void>;
}

export function adapterContract({ start }: AdapterContractOptions): RunnableAdapterCase[] {
  return CASES.map((each) => ({
    name: each.name,
    run: () => TestSite.during(start, each.settings ?? {}, contractRoutes(), (site) => each.run(site)),
  }));
}

export type {
  ContractAnswer,
  ContractGuard,
  ContractRoute,
  ContractSite,
  ServedSite,
} from "./adapter-contract/site.ts";

import type { Environment } from "./environment.ts";

/** One sentence of the store contract, and how to see whether it holds. */
export interface ConformanceCase {
  readonly name: string;
  /** What an engine must have for the case to mean anything; engines without it skip with their reason. */
  readonly needs?: "operation ids" | "transfer";
  /** @internal */
  run(environment: Environment): Promise<void>;
}

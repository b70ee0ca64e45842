/** Who counts what happens in this process. `create-sessions` puts one in; this room only tells it. */

import type { InvalidReason } from "./invalid.ts";

/** What a call of `validate` came to; "unavailable": it threw, for it could not know. */
export type ValidationResult = "valid" | InvalidReason | "unavailable";

/** A call of the store that is over. */
export interface StoreCall {
  /** The method of the store. */
  readonly operation: string;
  readonly ms: number;
  /** What it threw; null if nothing. */
  readonly failure: unknown;
  /** So many calls: of reads only one in 16 is told, unless each is wanted. */
  readonly standsFor: number;
}

export interface Observer {
  /** Costs each request a look at the clock and a turn of the queue of promises. */
  readonly wantsEachRead: boolean;
  validated(result: ValidationResult): void;
  called(call: StoreCall): void;
}

/**
 * The part of the store contract that keeps small values for other libraries, each under an id of a session's form. It
 * knows nothing of sessions. Values are not empty.
 */

import type { WriteCall } from "./write-call.ts";

/** How long it is known that a value was taken away. */
export const TAKEN_KNOWN_MS = 600_000;

export interface ValueInput {
  readonly value: Buffer;
  readonly endsAt: number;
  /** Also where a value was taken away in the last ten minutes. */
  readonly revives: boolean;
}

export interface ValueStore {
  /** Null when there is none, or its time is over. */
  get(id: string): Promise<Buffer | null>;
  /** In place of any other value. False, with nothing stored, where it must not revive what was taken away. */
  set(id: string, input: ValueInput, call?: WriteCall): Promise<boolean>;
  /** Takes the value away and answers it: of many who ask at once, one gets it. Sent again it answers the same. */
  take(id: string, call?: WriteCall): Promise<Buffer | null>;
  /**
   * Adds one to a whole number of at most 15 digits and answers the sum; it ends when it was to. Where there is none, 1
   * is stored until `endsAt`. Null, with nothing stored, for another value. Sent again it adds nothing.
   */
  increment(id: string, endsAt: number, call?: WriteCall): Promise<number | null>;
}

/** The number that a value is, if it is one that can be incremented. */
export function countIn(value: Buffer): number | null {
  const text = value.length <= 15 ? value.toString("latin1") : "";
  return /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : null;
}

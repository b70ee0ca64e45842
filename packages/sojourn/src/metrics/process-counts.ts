/** What this process did since it began, counted for its operator. Nothing here says whose session it was. */

import { StoreUnavailableError } from "../errors.ts";
import type { EventType } from "../store/events.ts";
import type { Observer, StoreCall, ValidationResult } from "../lifecycle/observer.ts";

/** Upper bounds of the durations that are counted together, in seconds. */
export const DURATION_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

/** Durations in seconds. */
export interface Histogram {
  /** How many were up to each bound and over the one before; last, those over all of them. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface OperationCounts {
  /** Calls by how they ended: "ok", why the store was unavailable, or "error". */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly durations: Histogram;
}

export type CallListener = (call: StoreCall) => void;

export class ProcessCounts implements Observer {
  wantsEachRead = false;
  created = 0;
  ended = 0;
  readonly validations: Record<ValidationResult, number> = {
    valid: 0,
    malformed: 0,
    not_found: 0,
    expired: 0,
    revoked: 0,
    reused: 0,
    superseded: 0,
    locked: 0,
    binding_mismatch: 0,
    unavailable: 0,
  };
  readonly #operations = new Map<string, { outcomes: Map<string, number>; durations: Durations }>();
  readonly #listeners = new Map<CallListener, boolean>();

  get operations(): ReadonlyMap<string, OperationCounts> {
    return this.#operations;
  }

  /** An event of a session that this process caused. */
  happened(type: EventType): void {
    if (type === "created") this.created++;
    else if (type === "ended") this.ended++;
  }

  validated(result: ValidationResult): void {
    this.validations[result]++;
  }

  called(call: StoreCall): void {
    const { operation, ms, failure, standsFor } = call;
    let counts = this.#operations.get(operation);
    if (counts === undefined) {
      counts = { outcomes: new Map(), durations: new Durations() };
      this.#operations.set(operation, counts);
    }
    const outcome = outcomeOf(failure);
    counts.outcomes.set(outcome, (counts.outcomes.get(outcome) ?? 0) + standsFor);
    counts.durations.add(ms / 1000);
    for (const listener of this.#listeners.keys()) listener(call);
  }

  /** Answers how to stop. */
  listen(listener: CallListener, wantsEachRead: boolean): () => void {
    this.#listeners.set(listener, wantsEachRead);
    this.#settle();
    return () => {
      this.#listeners.delete(listener);
      this.#settle();
    };
  }

  #settle(): void {
    this.wantsEachRead = [...this.#listeners.values()].includes(true);
  }
}

class Durations implements Histogram {
  readonly counts: number[] = Array.from({ length: DURATION_BOUNDS.length + 1 }, () => 0);
  sum = 0;

  add(seconds: number): void {
    const bucket = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    const index = bucket === -1 ? DURATION_BOUNDS.length : bucket;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += seconds;
  }
}

export function outcomeOf(failure: unknown): string {
  if (failure === null) return "ok";
  return failure instanceof StoreUnavailableError ? failure.reason : "error";
}

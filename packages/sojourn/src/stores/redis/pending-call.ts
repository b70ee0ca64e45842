/**
 * One call from when it is sent until the client is done with it: its caller knows how it ended within the deadline,
 * whatever the client does, and the gate how many are under way. A call that was refused for the moment is sent once
 * more; while its slot moves to another server, again and again. The client may still execute a write later: its `notAfter` refuses it then.
 */

import { StoreUnavailableError } from "../../errors.ts";
import type { CallGate } from "./call-gate.ts";
import { classified, isMoving, isPassing, leadingWord, timedOut } from "./failures.ts";

/** A call that was refused for the moment is sent again so much later. */
const RETRY_MS = 25;

export interface CallRules {
  readonly gate: CallGate;
  readonly deadlineMs: number;
  /** How many calls share the command. Default: 1. */
  readonly calls?: number | undefined;
  /** Of a call that may have been executed. */
  readonly outcome: StoreUnavailableError["outcome"];
}

export class PendingCall<T> {
  readonly #rules: CallRules;
  readonly #send: () => Promise<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: Error) => void;
  readonly #era: number;
  readonly #timer: NodeJS.Timeout;
  #isLate = false;

  private constructor(
    rules: CallRules,
    send: () => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: Error) => void,
  ) {
    this.#rules = rules;
    this.#send = send;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#era = rules.gate.begun(rules.calls);
    this.#timer = setTimeout(() => this.#late(), rules.deadlineMs);
    this.#try(true);
  }

  static answer<T>(rules: CallRules, send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => new PendingCall(rules, send, resolve, reject));
  }

  #try(mayTryAgain: boolean): void {
    this.#send().then(
      (value) => this.#answered(value),
      (error: unknown) => {
        const again = isMoving(error) || (mayTryAgain && isPassing(error));
        if (again && !this.#isLate) this.#trySoon(error);
        else this.#failed(error);
      },
    );
  }

  #trySoon(refusal: unknown): void {
    setTimeout(() => {
      if (this.#isLate) this.#failed(refusal);
      else this.#try(false);
    }, RETRY_MS);
  }

  #answered(value: T): void {
    this.#ended();
    if (!this.#isLate) this.#rules.gate.answered();
    this.#resolve(value);
  }

  #failed(error: unknown): void {
    const { gate, outcome } = this.#rules;
    this.#ended();
    // A refusal is an answer; what a call within this one met is counted there.
    if (leadingWord(error) !== "") {
      if (!this.#isLate) gate.answered();
    } else if (!(error instanceof StoreUnavailableError)) gate.failed();
    this.#reject(classified(error, outcome));
  }

  #late(): void {
    const { gate, deadlineMs, outcome } = this.#rules;
    this.#isLate = true;
    gate.failed();
    this.#reject(timedOut(deadlineMs, outcome));
  }

  #ended(): void {
    clearTimeout(this.#timer);
    this.#rules.gate.ended(this.#era, this.#rules.calls);
  }
}

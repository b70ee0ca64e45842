/**
 * What the operator should hear, without a flood: each kind of notice at most
 * once a second, and those about a set-up only once.
 */

import type { Clock } from "../clock.ts";

const INTERVAL_MS = 1_000;

export class Notices {
  readonly #log: (line: string) => void;
  readonly #clock: Clock;
  readonly #lastAt = new Map<string, number>();
  readonly #said = new Set<string>();

  constructor(log: (line: string) => void, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Something failed in the background; repeated within a second it is not said again. */
  warn(kind: string, line: string): void {
    const now = this.#clock.monotonic();
    if (now - (this.#lastAt.get(kind) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return;
    this.#lastAt.set(kind, now);
    this.#say(line);
  }

  /** Something about the set-up, said once. */
  once(kind: string, line: string): void {
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    this.#say(line);
  }

  /** A log function that throws must not fail the request it speaks about. */
  #say(line: string): void {
    try {
      this.#log(`sojourn: ${line}`);
    } catch (error) {
      process.emitWarning(`the log function given to createSessions failed: ${String(error)}`, "SojournWarning");
    }
  }
}

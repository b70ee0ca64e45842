/**
 * What is known of each primary, of which only a cluster has several: its clock, for machines' clocks differ and a
 * deadline is judged by the one that keeps the record; and whether it answers.
 */

import type { CallGate } from "./call-gate.ts";
import type { Driver } from "./driver.ts";
import type { ServerClock } from "./server-clock.ts";

export interface Primary {
  /** A key that was on it when it was first met. */
  readonly key: string;
  readonly clock: ServerClock;
  readonly gate: CallGate;
}

export class Primaries {
  readonly #driver: Driver;
  readonly #met: (key: string) => Primary;
  readonly #byName = new Map<string, Primary>();

  constructor(driver: Driver, met: (key: string) => Primary) {
    this.#driver = driver;
    this.#met = met;
  }

  /** The one that has the key. */
  of(slotKey: string): Primary {
    const name = this.#driver.primaryOf(slotKey);
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const met = this.#met(slotKey);
    this.#byName.set(name, met);
    return met;
  }

  all(): Primary[] {
    return [...this.#byName.values()];
  }

  /** Other servers may stand where these stood. */
  reconnected(): void {
    for (const [name, { clock, gate, key }] of this.#byName) {
      clock.forget();
      gate.reconnected();
      if (this.#driver.primaryOf(key) === name) continue;
      // Calls to it that are still under way must not have it ask for ever.
      gate.stop();
      this.#byName.delete(name);
    }
  }

  stop(): void {
    for (const { gate } of this.#byName.values()) gate.stop();
  }
}

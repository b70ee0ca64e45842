/**
 * What is known of each primary, of which only a cluster has several: its clock, for machines' clocks differ and a
 * deadline is judged by the one that keeps the record; and whether it answers.
 */

import type { CallGate } from "./call-gate.ts";
import type { Driver } from "./driver.ts";
import type { ServerClock } from "./server-clock.ts";

export interface Primary {
  /** The last one that was on it: slots move. */
  key: string;
  readonly clock: ServerClock;
  readonly gate: CallGate;
}

type Met = (keyOf: () => string) => Omit<Primary, "key">;

export class Primaries {
  readonly #driver: Driver;
  readonly #met: Met;
  readonly #byName = new Map<string, Primary>();

  constructor(driver: Driver, met: Met) {
    this.#driver = driver;
    this.#met = met;
  }

  /** The one that has the key. */
  of(slotKey: string): Primary {
    const name = this.#driver.primaryOf(slotKey);
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.key = slotKey;
      return known;
    }
    const met: Primary = { ...this.#met(() => met.key), key: slotKey };
    this.#byName.set(name, met);
    return met;
  }

  all(): Primary[] {
    return [...this.#byName.values()];
  }

  lost(name: string): void {
    this.#byName.get(name)?.clock.doubt();
  }

  /** Other servers may stand where these stood. */
  reconnected(): void {
    for (const [name, { clock, gate, key }] of this.#byName) {
      if (this.#driver.primaryOf(key) !== name) {
        // Calls to it that are still under way must not have it ask for ever.
        gate.stop();
        this.#byName.delete(name);
      } else if (this.#driver.isAway?.(key) === true) clock.doubt();
      else {
        clock.forget();
        gate.reconnected();
      }
    }
  }

  stop(): void {
    for (const { gate } of this.#byName.values()) gate.stop();
  }
}

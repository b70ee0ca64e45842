/**
 * Values of other libraries while their store is moved. All are at the source until the beginnings are over, five seconds
 * after the mover began; from then on whoever names one brings it to the target first.
 */

import type { WriteCall } from "../../store/store.ts";
import type { Move } from "../../store/transfer.ts";
import type { ValueInput, ValueStore } from "../../store/value-store.ts";
import { BEGINNING_MS, BEGINNINGS_OVER_MS, beginningsOver, bringValue, type Stores } from "./arrival.ts";

/** With less time than this until no call may reach the source any more, one waits until all are at the target. */
const LEAST_MS = 1_000;

export class MovingValues implements ValueStore {
  readonly #stores: Stores;
  /** The move, once it has begun. */
  readonly #begun: () => Promise<Move | null>;
  #isOver = false;

  constructor(stores: Stores, begun: () => Promise<Move | null>) {
    this.#stores = stores;
    this.#begun = begun;
  }

  async get(id: string): Promise<Buffer | null> {
    const { from, to } = this.#stores;
    // What is there was not taken away: nobody has written it at the target.
    const here = this.#isOver ? null : await from.values.get(id);
    if (here !== null || !(await this.#beginningsAreOver())) return here;
    const there = await to.values.get(id);
    if (there !== null) return there;
    await bringValue(id, this.#stores);
    return to.values.get(id);
  }

  set(id: string, input: ValueInput, call?: WriteCall): Promise<boolean> {
    return this.#atHome(id, call, (values, inTime) => values.set(id, input, inTime));
  }
  take(id: string, call?: WriteCall): Promise<Buffer | null> {
    return this.#atHome(id, call, (values, inTime) => values.take(id, inTime));
  }
  increment(id: string, endsAt: number, call?: WriteCall): Promise<number | null> {
    return this.#atHome(id, call, (values, inTime) => values.increment(id, endsAt, inTime));
  }

  async #atHome<T>(
    id: string,
    call: WriteCall | undefined,
    write: (values: ValueStore, call: WriteCall | undefined) => Promise<T>,
  ): Promise<T> {
    const { from, to } = this.#stores;
    // Counted from before the question, as with sessions.
    const asked = from.now();
    const move = await this.#begun();
    const leftMs = move === null ? BEGINNING_MS : move.begunAt + BEGINNING_MS - to.now();
    if (leftMs >= LEAST_MS) {
      const until = Math.min(asked + BEGINNING_MS, from.now() + leftMs);
      return write(from.values, { ...call, notAfter: Math.min(until, call?.notAfter ?? until) });
    }
    if (move !== null) await beginningsOver(this.#stores, move);
    await bringValue(id, this.#stores);
    return write(to.values, call);
  }

  async #beginningsAreOver(): Promise<boolean> {
    if (this.#isOver) return true;
    const move = await this.#begun();
    this.#isOver = move !== null && this.#stores.to.now() >= move.begunAt + BEGINNINGS_OVER_MS;
    return this.#isOver;
  }
}

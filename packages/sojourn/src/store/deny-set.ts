/**
 * Sessions that ended a short while ago, as this process knows: what a store that lost its last writes says of them is
 * not believed. An id is never given again, so one that is in here can be refused whatever happens.
 *
 * What this process ended itself is not pushed out by what it heard of others.
 */

import type { Clock } from "../clock.ts";
import { DEFAULTS } from "../options.ts";
import type { Tombstone } from "./store.ts";

interface Ending extends Tombstone {
  /** On the monotonic clock. */
  readonly rememberedAt: number;
}

/** @internal */
export class DenySet {
  /** While true nothing is forgotten for its age: the store may still need to be told. */
  isHeld = false;
  readonly #clock: Clock;
  readonly #maxEach: number;
  readonly #endings = new Map<string, Ending>();
  /** Ids in the order in which they came. */
  readonly #own = new Set<string>();
  readonly #heard = new Set<string>();

  /** @param maxEach ids of own endings, and of heard ones */
  constructor(clock: Clock, maxEach: number = DEFAULTS.deniedIds) {
    this.#clock = clock;
    this.#maxEach = maxEach;
  }

  get size(): number {
    return this.#endings.size;
  }

  /** Null for a session that may live. */
  endingOf(id: string): Tombstone | null {
    return this.#endings.get(id) ?? null;
  }

  /** A session that this process ended: it says why. The first time counts. */
  addOwn(id: string, tombstone: Tombstone): void {
    if (this.#own.has(id)) return;
    this.#heard.delete(id);
    this.#add(this.#own, id, tombstone);
  }

  /** A session that another process ended, for a reason that was not heard. */
  addHeard(id: string, endedAt: number): void {
    if (!this.#endings.has(id)) this.#add(this.#heard, id, { reason: "revoked", actor: null, createdAt: 0, endedAt });
  }

  /** The latest first: those are the ones that a server loses. */
  ownIds(): string[] {
    return [...this.#own].toReversed();
  }

  heardIds(): string[] {
    return [...this.#heard].toReversed();
  }

  forgetOld(): void {
    if (this.isHeld) return;
    const before = this.#clock.monotonic() - DEFAULTS.deniedMs;
    for (const order of [this.#own, this.#heard]) {
      for (const id of order) {
        if ((this.#endings.get(id)?.rememberedAt ?? 0) >= before) break;
        this.#drop(order, id);
      }
    }
  }

  #add(order: Set<string>, id: string, tombstone: Tombstone): void {
    this.forgetOld();
    order.add(id);
    this.#endings.set(id, { ...tombstone, rememberedAt: this.#clock.monotonic() });
    const [oldest] = order;
    if (order.size > this.#maxEach && oldest !== undefined) this.#drop(order, oldest);
  }

  #drop(order: Set<string>, id: string): void {
    order.delete(id);
    this.#endings.delete(id);
  }
}

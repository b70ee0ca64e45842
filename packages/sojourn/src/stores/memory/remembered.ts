/** Values that are kept until a time of their own. */

interface Kept<V> {
  readonly value: V;
  readonly until: number;
}

export class Remembered<V> {
  /** In the order in which they were set. */
  readonly #values = new Map<string, Kept<V>>();

  get(key: string, now: number): V | null {
    const kept = this.#values.get(key);
    if (kept === undefined) return null;
    if (now < kept.until) return kept.value;
    this.#values.delete(key);
    return null;
  }

  set(key: string, value: V, until: number): void {
    this.#values.delete(key);
    this.#values.set(key, { value, until });
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  /** Forgets what is dead, the oldest first and so many at most: the first one that stays ends the search. */
  sweep(most: number, now: number): void {
    let left = most;
    for (const key of this.#values.keys()) {
      if (left-- === 0 || this.get(key, now) !== null) return;
    }
  }
}

interface Entry<V> {
  value: V;
  /** How many looks there had been when it was last put in its place. */
  movedAt: number;
}

/**
 * A map of at most `capacity` entries that gives up what was not used of late. A `Map` keeps insertion order, which is
 * all this needs. An entry moves only once in `capacity / 2` looks, for moving costs more than looking: what the last
 * `capacity / 2` looks found or set is always there.
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #capacity: number;
  #looks = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    this.#looks += 1;
    if (entry === undefined) return undefined;
    if (this.#looks - entry.movedAt > this.#capacity / 2) this.#put(key, entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    this.#looks += 1;
    this.#put(key, { value, movedAt: 0 });
    if (this.#entries.size > this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
  }

  #put(key: K, entry: Entry<V>): void {
    entry.movedAt = this.#looks;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }
}

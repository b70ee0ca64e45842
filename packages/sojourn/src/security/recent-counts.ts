/** How often something happened of late, in this process: bounded memory, whatever the keys (row M1). */

import { LruMap } from "./lru-map.ts";

const CAPACITY = 10_000;

export class RecentCounts {
  readonly #windowMs: number;
  readonly #monotonic: () => number;
  readonly #counts = new LruMap<string, { count: number; readonly since: number }>(CAPACITY);

  constructor(windowMs: number, monotonic: () => number) {
    this.#windowMs = windowMs;
    this.#monotonic = monotonic;
  }

  /** Counts one more, and answers how many there were since the first within the window. */
  add(key: string): number {
    const now = this.#monotonic();
    const known = this.#counts.get(key);
    const entry = known !== undefined && now - known.since < this.#windowMs ? known : { count: 0, since: now };
    entry.count += 1;
    this.#counts.set(key, entry);
    return entry.count;
  }
}

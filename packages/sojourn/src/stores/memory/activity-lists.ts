/** The activities of sessions, in this process's memory. */

import type { ActivityInput } from "../../store/store.ts";

interface ActivityList {
  /** Newest first. */
  readonly entries: readonly string[];
  readonly keptUntil: number;
}

/** Looked at for death by each record, so that memory follows without a timer. */
const SWEPT_PER_RECORD = 2;

export class ActivityLists {
  /** In the order of their latest entries. */
  readonly #lists = new Map<string, ActivityList>();

  record({ id, entry, maxEntries, keptMs }: ActivityInput, now: number): void {
    this.#sweep(now);
    const before = this.list(id, now);
    const entries = before.includes(entry) ? before : [entry, ...before].slice(0, maxEntries);
    this.#lists.delete(id);
    this.#lists.set(id, { entries, keptUntil: now + keptMs });
  }

  list(id: string, now: number): readonly string[] {
    const known = this.#lists.get(id);
    return known === undefined || now >= known.keptUntil ? [] : known.entries;
  }

  forget(id: string): void {
    this.#lists.delete(id);
  }

  #sweep(now: number): void {
    let left = SWEPT_PER_RECORD;
    for (const [id, { keptUntil }] of this.#lists) {
      if (left-- === 0 || now < keptUntil) return;
      this.#lists.delete(id);
    }
  }
}

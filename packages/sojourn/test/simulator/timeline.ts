/** A world's own time: what is to happen, in its order. Nothing waits for real. */

import type { Clock } from "../../src/clock.ts";

interface Happening {
  readonly at: number;
  /** Of two at the same time the one that was planned first comes first. */
  readonly order: number;
  readonly act: () => void;
}

const BEGINNING = Date.UTC(2026, 0, 1);

export class Timeline implements Clock {
  #now = BEGINNING;
  #planned = 0;
  /** A binary heap: the parent of `i` is at `(i - 1) >> 1`. */
  readonly #heap: Happening[] = [];

  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  shift(): number {
    return 0;
  }

  /** Milliseconds since the world began. */
  get age(): number {
    return this.#now - BEGINNING;
  }

  plan(inMs: number, act: () => void): void {
    const happening = { at: this.#now + Math.ceil(inMs), order: this.#planned++, act };
    this.#heap.push(happening);
    let i = this.#heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isEarlier(this.#heap, i, parent)) break;
      swap(this.#heap, i, parent);
      i = parent;
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.plan(ms, resolve));
  }

  /** Lets the next thing happen; false when there is none. What it begins must come to rest before the next call. */
  step(): boolean {
    const next = this.#heap[0];
    const last = this.#heap.pop();
    if (next === undefined || last === undefined) return false;
    if (next !== last) {
      this.#heap[0] = last;
      this.#sink();
    }
    this.#now = next.at;
    next.act();
    return true;
  }

  #sink(): void {
    let i = 0;
    for (;;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const least = isEarlier(this.#heap, right, left) ? right : left;
      if (!isEarlier(this.#heap, least, i)) return;
      swap(this.#heap, i, least);
      i = least;
    }
  }
}

/** Also false when there is nothing at `i`. */
function isEarlier(heap: readonly Happening[], i: number, than: number): boolean {
  const [a, b] = [heap[i], heap[than]];
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap(heap: Happening[], i: number, j: number): void {
  const [a, b] = [heap[i], heap[j]];
  if (a === undefined || b === undefined) return;
  heap[i] = b;
  heap[j] = a;
}

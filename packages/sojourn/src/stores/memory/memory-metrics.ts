/** Shared numbers, in this process's memory. */

import {
  byMinute,
  KEPT_SAMPLES,
  type MetricStore,
  type MinuteCounts,
  minuteOf,
  oldestMinute,
  SAMPLES_KEPT_MS,
} from "../../store/metric-store.ts";
import type { WriteCall } from "../../store/store.ts";

interface Samples {
  readonly values: readonly number[];
  readonly keptUntil: number;
}

export class MemoryMetrics implements MetricStore {
  /** Refuses a call to a closed store or a late one, and answers the time. */
  readonly #begin: (call?: WriteCall) => number;
  readonly #samples = new Map<string, Samples>();
  /** In the order of time. */
  readonly #minutes = new Map<number, Map<string, number>>();

  constructor(begin: (call?: WriteCall) => number) {
    this.#begin = begin;
  }

  async recordSample(name: string, value: number, call?: WriteCall): Promise<void> {
    const now = this.#begin(call);
    for (const [old, { keptUntil }] of this.#samples) if (now >= keptUntil) this.#samples.delete(old);
    const values = [value, ...(this.#samples.get(name)?.values ?? [])].slice(0, KEPT_SAMPLES);
    this.#samples.set(name, { values, keptUntil: now + SAMPLES_KEPT_MS });
  }

  async samples(name: string): Promise<number[]> {
    const now = this.#begin();
    const known = this.#samples.get(name);
    return known === undefined || now >= known.keptUntil ? [] : [...known.values];
  }

  async addToSeries(at: number, counts: ReadonlyMap<string, number>, call?: WriteCall): Promise<void> {
    const oldest = oldestMinute(this.#begin(call));
    for (const minute of this.#minutes.keys()) if (minute < oldest) this.#minutes.delete(minute);
    const minute = this.#minutes.get(minuteOf(at)) ?? new Map<string, number>();
    for (const [name, count] of counts) minute.set(name, (minute.get(name) ?? 0) + count);
    this.#minutes.set(minuteOf(at), minute);
  }

  async series(): Promise<MinuteCounts[]> {
    const oldest = oldestMinute(this.#begin());
    const kept = [...this.#minutes].filter(([at]) => at >= oldest);
    return byMinute(kept.flatMap(([at, counts]) => [...counts].map(([name, count]) => [at, name, count] as const)));
  }
}

/** `sessions.metrics`: samples of an application's own, and the course of the last day. */

import type { SessionStats } from "../analytics/stats.ts";
import type { Core } from "../lifecycle/core.ts";
import { OWN_REASONS, type Numbers } from "./instruments.ts";
import type { CallListener, ProcessCounts } from "./process-counts.ts";
import { SeriesWriter } from "./series-writer.ts";

/** Of the last 1,000 samples of a name. Percentiles are samples (nearest rank); all null when there is no sample. */
export interface MetricSummary {
  readonly count: number;
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** What all processes counted in a minute. */
export interface SeriesMinute {
  /** When it began, in milliseconds since the epoch. */
  readonly at: number;
  /** Sessions. */
  readonly created: number;
  readonly ended: number;
  /** Tokens that `validate` found good, and others. */
  readonly valid: number;
  readonly refused: number;
  /** Of sessions: creations, endings, data, activity. */
  readonly writes: number;
  /** Validations and writes that failed because the store did. */
  readonly unavailable: number;
}

/** @internal */
export interface MetricsParts {
  readonly core: Core;
  readonly counts: ProcessCounts;
  readonly stats: () => Promise<SessionStats>;
}

const NOTHING = { created: 0, ended: 0, valid: 0, refused: 0, writes: 0, unavailable: 0 };
const NAME = /^[A-Za-z0-9_.:-]{1,64}$/;

export class SessionMetrics {
  readonly #parts: MetricsParts;
  readonly #series: SeriesWriter;
  readonly #reasons = new Set(OWN_REASONS);

  /** @internal */
  constructor(parts: MetricsParts) {
    this.#parts = parts;
    this.#series = new SeriesWriter(parts.core, parts.counts);
  }

  /**
   * Keeps a sample, in the store, for all processes: the last 1,000 of a name stay, for 30 days after the last one.
   *
   * ```ts
   * await sessions.metrics.record("checkout.ms", performance.now() - startedAt);
   * ```
   * @param name 1–64 characters of `A-Z a-z 0-9 _ . : -`
   * @throws TypeError for another name or a value that is not finite, StoreUnavailableError
   */
  async record(name: string, value: number): Promise<void> {
    checkName("record", name);
    if (!Number.isFinite(value)) throw new TypeError("metrics.record: value must be a finite number.");
    await this.#parts.core.store.metrics.recordSample(name, value);
  }

  /** @throws TypeError, StoreUnavailableError */
  async summary(name: string): Promise<MetricSummary> {
    checkName("summary", name);
    return summaryOf(await this.#parts.core.store.metrics.samples(name));
  }

  /**
   * The last 24 hours by the minute, oldest first; a minute in which nothing was counted is left out. Each process adds
   * its counts once a minute, so the last one or two are not complete, and what was counted may stand in the minute
   * beside its own. @throws StoreUnavailableError
   */
  async series(): Promise<SeriesMinute[]> {
    const minutes = await this.#parts.core.store.metrics.series();
    return minutes.map(({ at, counts }) => ({ at, ...NOTHING, ...Object.fromEntries(counts) }));
  }

  /** What the instruments read. @internal */
  async numbers(): Promise<Numbers> {
    const { core, counts } = this.#parts;
    const stats = await this.#parts.stats().catch(() => null);
    const { nearCache, nearHits: hits, nearMisses: misses } = core.store;
    const near = nearCache === null ? null : { hits, misses, size: nearCache.size, bytes: nearCache.bytes };
    return { counts, near, stats, reasons: this.#reasons };
  }

  /** For the name of what is observed. @internal */
  get engine(): string {
    return this.#parts.core.store.engine;
  }

  /** Tells of calls of the store, answers how to stop. @internal */
  listen(listener: CallListener, wantsEachRead: boolean): () => void {
    const { counts, core } = this.#parts;
    const guarded: CallListener = (call) => {
      try {
        listener(call);
      } catch (error) {
        core.notices.warn("telemetry", `telling a listener of a call of the store failed: ${String(error)}`);
      }
    };
    return counts.listen(guarded, wantsEachRead);
  }

  /** @internal */
  start(): void {
    this.#series.start();
  }

  /** @internal */
  stop(): Promise<void> {
    return this.#series.stop();
  }
}

/** Of what createSessions() returned. @throws TypeError for anything else @internal */
export function metricsOf(caller: string, sessions: { readonly metrics: SessionMetrics }): SessionMetrics {
  if (sessions?.metrics instanceof SessionMetrics) return sessions.metrics;
  throw new TypeError(`${caller}() takes what createSessions() returned.`);
}

function checkName(operation: string, name: unknown): void {
  if (typeof name === "string" && NAME.test(name)) return;
  throw new TypeError(`metrics.${operation}: name must be 1–64 characters of A-Z a-z 0-9 _ . : -.`);
}

function summaryOf(samples: readonly number[]): MetricSummary {
  const sorted = samples.toSorted((a, b) => a - b);
  const count = sorted.length;
  const rank = (percent: number): number | null => sorted[Math.ceil((percent / 100) * count) - 1] ?? null;
  const [min, max] = [sorted[0] ?? null, sorted.at(-1) ?? null];
  const sum = sorted.reduce((total, value) => total + value, 0);
  // Between them, whatever floating point makes of the sum.
  const mean = min === null || max === null ? null : Math.min(max, Math.max(min, sum / count));
  return { count, mean, min, max, p50: rank(50), p95: rank(95), p99: rank(99) };
}

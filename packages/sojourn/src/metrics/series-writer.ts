/**
 * The course of the last day, added up over all processes: each sends what it
 * counted once a minute, and the rest when it closes. What could not be sent is sent
 * with the next minute's; if it was stored all the same, it counts twice.
 */

import type { Core } from "../lifecycle/core.ts";
import { MINUTE_MS } from "../store/metric-store.ts";
import type { ProcessCounts } from "./process-counts.ts";

type Counts = ReadonlyMap<string, number>;

/** Calls that write sessions; reaping, repairs and samples are no writes of an application. */
const WRITES: ReadonlySet<string> = new Set(
  "create patch touch rotate confirm elevate amend revoke revokeUser revokeBefore disableUser eraseUser recordActivity".split(
    " ",
  ),
);

/** @internal */
export class SeriesWriter {
  readonly #core: Core;
  readonly #counts: ProcessCounts;
  #sent: Counts = new Map();
  #sentAt: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(core: Core, counts: ProcessCounts) {
    this.#core = core;
    this.#counts = counts;
    this.#sentAt = core.clock.monotonic();
  }

  /** The store is not touched before the first minute is over. */
  start(): void {
    this.#timer = setInterval(
      () => this.#core.background("counting for metrics.series()", this.send()),
      MINUTE_MS,
    ).unref();
  }

  /** Sends the rest, if anything was to be sent at all. */
  async stop(): Promise<void> {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    await this.send().catch((error: unknown) =>
      this.#core.notices.warn("counting", `counting failed: ${String(error)}`),
    );
  }

  /** @throws StoreUnavailableError */
  async send(): Promise<void> {
    const { store, clock } = this.#core;
    const total = totalOf(this.#counts);
    const news = [...total].map(([name, count]) => [name, count - (this.#sent.get(name) ?? 0)] as const);
    const counted = new Map(news.filter(([, count]) => count > 0));
    const now = clock.monotonic();
    // The middle of the time in which it was counted, for that may be parts of two minutes.
    const at = store.now() - Math.min(now - this.#sentAt, MINUTE_MS) / 2;
    if (counted.size > 0) await store.metrics.addToSeries(at, counted);
    this.#sent = total;
    this.#sentAt = now;
  }
}

function totalOf({ created, ended, validations, operations }: ProcessCounts): Counts {
  const { valid, unavailable, ...refused } = validations;
  let [writes, failed] = [0, 0];
  for (const [operation, { outcomes }] of operations) {
    if (!WRITES.has(operation)) continue;
    for (const [outcome, count] of outcomes) {
      if (outcome === "ok") writes += count;
      else if (outcome !== "error") failed += count;
    }
  }
  const total = {
    created,
    ended,
    valid,
    refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
    writes,
    unavailable: unavailable + failed,
  };
  return new Map(Object.entries(total));
}

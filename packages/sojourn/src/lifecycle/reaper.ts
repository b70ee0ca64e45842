/**
 * Ends sessions whose time is over, in every process, without a leader: each takes
 * the parts of the store that no other has reaped of late, in an order of its own.
 * Correctness needs none of that, for a store ends a session once whoever asks.
 */

import { randomInt } from "node:crypto";
import type { Duration } from "../duration.ts";
import type { Core } from "./core.ts";

export interface ReaperOptions {
  /** How often sessions whose time is over are looked for. Default "5m", from "1s" to "24h"; the first time after one period. */
  readonly every?: Duration;
}

export interface Reaped {
  /** Sessions that this run ended. */
  readonly expired: number;
  /** It stopped before it was through: run it again. */
  readonly more: boolean;
}

/** A run by hand ends about so many sessions. */
const MOST_BY_HAND = 10_000;
/** Part of a period for which a part of the store is left alone: so much do the processes' periods differ. */
const LEFT_ALONE = 0.75;

export class Reaper {
  readonly #core: Core;
  readonly #everyMs: number | null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** @param everyMs null: only by hand @internal */
  constructor(core: Core, everyMs: number | null) {
    this.#core = core;
    this.#everyMs = everyMs;
  }

  /**
   * Ends what is due now, whoever has been at it lately. For tests, and for jobs that run while no application does.
   * @throws StoreUnavailableError
   */
  runOnce(): Promise<Reaped> {
    return this.#run(0, (expired) => expired >= MOST_BY_HAND);
  }

  /** The store is not touched before the first period is over. @internal */
  start(): void {
    this.#wait();
  }

  /** @internal */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Spread by a tenth, so that processes that start together do not keep step. */
  #wait(): void {
    const everyMs = this.#everyMs;
    if (everyMs === null || this.#stopped) return;
    const next = (): void => {
      const run = this.#run(everyMs * LEFT_ALONE, () => this.#stopped);
      this.#core.background(
        "reaping",
        run.finally(() => this.#wait()),
      );
    };
    this.#timer = setTimeout(next, everyMs + randomInt(Math.ceil(everyMs / 10))).unref();
  }

  async #run(notWithinMs: number, isEnough: (expired: number) => boolean): Promise<Reaped> {
    let expired = 0;
    for (const part of inAnyOrder(this.#core.store.parts)) {
      for (let more = true; more; ) {
        if (isEnough(expired)) return { expired, more: true };
        const reaped = await this.#core.store.reap({ part, notWithinMs });
        expired += reaped.expired;
        more = reaped.more;
      }
    }
    return { expired, more: false };
  }
}

function inAnyOrder(count: number): number[] {
  const parts = Array.from({ length: count }, (_, part) => part);
  const from = randomInt(count);
  return [...parts.slice(from), ...parts.slice(0, from)];
}

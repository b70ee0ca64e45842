/** A consumer of events that waits for them: woken by this process's own writes, and looking by itself now and then. */

import type { Clock } from "../clock.ts";
import type { EventReader, SessionEvent } from "./events.ts";

export interface ReaderParts {
  readonly clock: Clock;
  /** What is there now; none when nothing is. */
  readonly takeNow: () => Promise<SessionEvent[]>;
  readonly acknowledge: (events: readonly SessionEvent[]) => Promise<void>;
  /** Calls `wake` whenever there may be something. Answers how to stop. */
  readonly listen: (wake: () => void) => () => void;
}

/** How often a waiting reader looks without having been woken. */
const LOOK_MS = 1_000;

export class WaitingReader implements EventReader {
  readonly #parts: ReaderParts;
  readonly #stopListening: () => void;
  /** Something may have come since the last look. */
  #isWoken = false;
  #wake: (() => void) | null = null;
  #isStopped = false;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    this.#stopListening = parts.listen(() => this.#woken());
  }

  async take(waitMs: number): Promise<SessionEvent[]> {
    const until = this.#parts.clock.monotonic() + waitMs;
    while (!this.#isStopped) {
      this.#isWoken = false;
      const events = await this.#parts.takeNow();
      const leftMs = until - this.#parts.clock.monotonic();
      if (events.length > 0 || leftMs <= 0) return events;
      await this.#wait(Math.min(leftMs, LOOK_MS));
    }
    return [];
  }

  acknowledge(events: readonly SessionEvent[]): Promise<void> {
    return this.#parts.acknowledge(events);
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    this.#wake?.();
  }

  #woken(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  #wait(ms: number): Promise<void> {
    if (this.#isWoken || this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

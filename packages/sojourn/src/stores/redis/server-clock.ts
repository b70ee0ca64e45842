/**
 * The server's time, without asking each time: an offset to this process's
 * monotonic clock, sampled by every script's answer and, when only reads happen,
 * by a `TIME` every 30 seconds.
 */

import type { Clock } from "../../clock.ts";

const SAMPLE_AGE_MS = 30_000;

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus monotonic time; a manual clock's shift is in both. */
  #offset: number;
  #sampledAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
  }

  now(): number {
    return Math.floor(this.#offset + this.#clock.monotonic());
  }

  /** What to add to the server's own clock: 0 but for a manual clock. */
  shift(): number {
    return this.#clock.shift();
  }

  isStale(): boolean {
    return this.#clock.monotonic() - this.#sampledAt > SAMPLE_AGE_MS;
  }

  /** The server said `time` (shift included) in an answer to a command sent at `sentAt`: it read its clock half-way. */
  sampled(time: number, sentAt: number): void {
    const received = this.#clock.monotonic();
    this.#offset = time - (sentAt + received) / 2;
    this.#sampledAt = received;
  }
}

/**
 * The server's time, without asking each time: an offset to this process's
 * monotonic clock, sampled by every script's answer and, when only reads happen,
 * by a `TIME` every 30 seconds.
 */

import type { Clock } from "../../clock.ts";

const SAMPLE_AGE_MS = 30_000;
/** The server's answers are whole milliseconds. */
const RESOLUTION_MS = 2;

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus monotonic time; a manual clock's shift is in both. */
  #offset: number;
  #sampledAt = Number.NEGATIVE_INFINITY;
  /** Round trip of the sample in use: its error is at most half of it. */
  #roundTrip = Number.POSITIVE_INFINITY;

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

  /**
   * The server said `time` (shift included) in an answer to a command sent at `sentAt`: taken to be half-way, so
   * it is wrong by half a round trip at most. A slower answer than the one in use says less and is passed over,
   * unless that is old, or the two cannot both be right: then the server's clock was set, or it is another server.
   */
  sampled(time: number, sentAt: number): void {
    const received = this.#clock.monotonic();
    const roundTrip = received - sentAt;
    const offset = time - (sentAt + received) / 2;
    const bothRight = Math.abs(offset - this.#offset) <= (roundTrip + this.#roundTrip) / 2 + RESOLUTION_MS;
    if (roundTrip > this.#roundTrip && bothRight && !this.isStale()) return;
    this.#offset = offset;
    this.#roundTrip = roundTrip;
    this.#sampledAt = received;
  }
}

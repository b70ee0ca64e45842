/**
 * The server's time, without asking each time: an offset to this process's
 * monotonic clock, sampled by every script's answer and by a `TIME` every 30 seconds
 * (see the refresh of `preparation.ts`).
 */

import type { Clock } from "../../clock.ts";

const SAMPLE_AGE_MS = 30_000;
/** Wall clock and monotonic clock may part this far before a sample is no longer believed. */
const MAX_DRIFT_MS = 1_000;
/** The server's answers are whole milliseconds. */
const RESOLUTION_MS = 2;

/** When a command was sent, on both clocks. */
export interface Sent {
  readonly at: number;
  readonly wallOffset: number;
  /** Of a manual clock: an answer of before it was set forward says nothing. */
  readonly shift: number;
}

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus monotonic time; a manual clock's shift is in both. */
  #offset: number;
  #sampledAt = Number.NEGATIVE_INFINITY;
  /** Round trip of the sample in use: its error is at most half of it. */
  #roundTrip = Number.POSITIVE_INFINITY;
  /** Wall time minus monotonic time when the sample in use was asked for. */
  #wallOffset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
    this.#wallOffset = this.#offset;
  }

  now(): number {
    return this.at(this.#clock.monotonic());
  }

  /** The server's time at a moment of the monotonic clock. */
  at(monotonic: number): number {
    return Math.floor(this.#offset + monotonic);
  }

  /** What to add to the server's own clock: 0 but for a manual clock. */
  shift(): number {
    return this.#clock.shift();
  }

  /**
   * False without a sample, and when the machine was suspended since: the monotonic clock stands still meanwhile, and what
   * expired would count as live. The wall clock tells, and when it was merely set, a new sample does no harm.
   */
  isUsable(monotonic = this.#clock.monotonic(), wall = this.#clock.now()): boolean {
    if (this.#sampledAt === Number.NEGATIVE_INFINITY) return false;
    return Math.abs(wall - monotonic - this.#wallOffset) <= MAX_DRIFT_MS;
  }

  /** To be taken when a command is sent whose answer will be a sample. */
  sent(): Sent {
    return { at: this.#clock.monotonic(), wallOffset: this.#wallOffsetNow(), shift: this.#clock.shift() };
  }

  /**
   * The server said `time` (shift included) in the answer to a command: taken to be half-way, so it is wrong by half
   * a round trip at most. A slower answer than the one in use says less and is passed over, unless that is old or
   * unusable, or the two cannot both be right: then the server's clock was set, or it is another server.
   */
  sampled(time: number, sent: Sent): void {
    if (sent.shift !== this.#clock.shift()) return;
    const received = this.#clock.monotonic();
    const roundTrip = received - sent.at;
    const offset = time - (sent.at + received) / 2;
    const bothRight = Math.abs(offset - this.#offset) <= (roundTrip + this.#roundTrip) / 2 + RESOLUTION_MS;
    if (roundTrip > this.#roundTrip && bothRight && !this.#isStale() && this.isUsable()) return;
    this.#offset = offset;
    this.#roundTrip = roundTrip;
    this.#sampledAt = received;
    this.#wallOffset = sent.wallOffset;
  }

  /** The next sample counts, whatever it says: it may be another server. Until then the last one is the best guess. */
  forget(): void {
    this.#sampledAt = Number.NEGATIVE_INFINITY;
    this.doubt();
  }

  /** The same before there is another connection: only calls to this server ask it first. */
  doubt(): void {
    this.#roundTrip = Number.POSITIVE_INFINITY;
  }

  get isDoubted(): boolean {
    return this.#roundTrip === Number.POSITIVE_INFINITY;
  }

  #isStale(): boolean {
    return this.#clock.monotonic() - this.#sampledAt > SAMPLE_AGE_MS;
  }

  #wallOffsetNow(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

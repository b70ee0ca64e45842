/**
 * Time is an input. This file is the only caller of `Date.now` and
 * `performance.now`; everything else asks a `Clock`.
 */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never go back, for measuring how long something took. */
  monotonic(): number;
  /**
   * Milliseconds to add to a store's own clock: 0 in production. A manual clock
   * (see `sojourn/testing`) answers how far it was advanced.
   */
  shift(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  shift: () => 0,
};

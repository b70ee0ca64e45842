/**
 * Time in the model. It stands still but for steps of one size, and every deadline lies between two steps: no
 * comparison of an engine with its clock is ever close, however slow the machine that runs it.
 */

import type { Clock } from "../../src/clock.ts";

export const STEP_MS = 70_000;
/** All times are whole numbers of these. */
export const GRAIN_MS = 5_000;
/** What a Redis server's clock may seem to be behind. */
export const SLACK_MS = 500;
/** Any whole number of grains. */
export const START = 2_000_000_000_000;

/** A duration that ends between two steps: after `steps` of them, before the next. */
export function between(steps: number): number {
  return steps * STEP_MS + STEP_MS / 2;
}

/** A time as the model compares it: in grains, which a Redis server's clock stays within for the length of a call. */
export function moment(time: number): number {
  return Math.floor((time + SLACK_MS) / GRAIN_MS);
}

export class SteppedClock implements Clock {
  #now = START;

  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  /** Asked for with every command that is sent, so that the server's clock stands still as well. */
  shift(): number {
    return this.#now - Date.now();
  }
  step(steps: number): number {
    this.#now += steps * STEP_MS;
    return steps * STEP_MS;
  }
}

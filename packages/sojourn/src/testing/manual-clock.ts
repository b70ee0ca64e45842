/** A clock that a test sets forward: nothing has to sleep to see something expire. */

import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";

export interface ManualClock extends Clock {
  /** Sets the time forward, and lets a store's own keys grow as much older. */
  advance(ms: number): Promise<void>;
  /** Called by `advance` with the milliseconds, after the time was set. */
  onAdvance(age: (ms: number) => Promise<void>): void;
}

/**
 * Real time plus what it was advanced by. Give the same one to the store and to `createSessions`: the store
 * judges what has expired, `createSessions` measures its deadlines, and one of them alone would stay behind.
 *
 * ```ts
 * const clock = manualClock();
 * const sessions = createSessions({ store: memoryStore({ clock }), clock, secrets });
 * await clock.advance(3_600_000);
 * ```
 * For Redis add `clock.onAdvance(ageRedisKeys(client))`, on a server that only the test uses.
 */
export function manualClock(): ManualClock {
  let shift = 0;
  const ageing: ((ms: number) => Promise<void>)[] = [];
  return {
    now: () => systemClock.now() + shift,
    monotonic: () => systemClock.monotonic() + shift,
    shift: () => shift,
    onAdvance: (age) => {
      ageing.push(age);
    },
    advance: async (ms) => {
      shift += ms;
      for (const age of ageing) await age(ms);
    },
  };
}

/** What ageing needs of a client: one raw command. */
export interface RawRedis {
  sendCommand(args: string[]): Promise<unknown>;
}

/**
 * Pulls the expiry of every key on a throw-away server back, so that keys really die.
 * Walks the whole server: never on one that holds anything else.
 */
export function ageRedisKeys(client: RawRedis): (ms: number) => Promise<void> {
  const script =
    "for _, key in ipairs(redis.call('KEYS', '*')) do local left = redis.call('PTTL', key) " +
    "if left > 0 then redis.call('PEXPIRE', key, math.max(0, left - tonumber(ARGV[1]))) end end";
  return async (ms) => {
    await client.sendCommand(["EVAL", script, "0", String(ms)]);
  };
}

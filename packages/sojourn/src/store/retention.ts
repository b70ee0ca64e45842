/** How long a store keeps what is over. */

import { type Duration, parseDuration } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import { DEFAULTS, MAX_ENDED_KEPT, MAX_EVENTS_KEPT, MIN_ENDED_KEPT, MIN_EVENTS_KEPT } from "../options.ts";

export interface RetentionOptions {
  /**
   * How long it is known that a session has ended, why and when, so that `validate` and a page of devices can say so.
   * Default "1h", from "5m" to "30d". Each ended session takes about 200 bytes of Redis meanwhile, 120 of a file.
   */
  readonly endedKept?: Duration;
  /**
   * Events that are kept for consumers, the latest ones, about so many: what a consumer may fall behind before it is told
   * of a gap. Default 200000, from 1000 to 100000000. Each takes about 100 bytes.
   */
  readonly eventsKept?: number;
}

export interface Retention {
  /** How long a tombstone stays. */
  readonly endedMs: number;
  readonly eventsKept: number;
}

/** @throws ConfigError for what is out of bounds. */
export function checkedRetention(options: RetentionOptions): Retention {
  return { endedMs: checkedEndedKept(options), eventsKept: checkedEventsKept(options) };
}

/** Less, and what a network delivers late could bring a session back. */
function checkedEndedKept({ endedKept = DEFAULTS.endedKept }: RetentionOptions): number {
  const endedMs = parseDuration("endedKept", endedKept);
  const [least, most] = [MIN_ENDED_KEPT, MAX_ENDED_KEPT].map((bound) => parseDuration("endedKept", bound));
  if (endedMs >= Number(least) && endedMs <= Number(most)) return endedMs;
  throw new ConfigError(
    `Option endedKept must be from "${MIN_ENDED_KEPT}" to "${MAX_ENDED_KEPT}", not "${endedKept}".`,
  );
}

function checkedEventsKept({ eventsKept = DEFAULTS.eventsKept }: RetentionOptions): number {
  const isWithin = eventsKept >= MIN_EVENTS_KEPT && eventsKept <= MAX_EVENTS_KEPT;
  if (Number.isInteger(eventsKept) && isWithin) return eventsKept;
  throw new ConfigError(
    `Option eventsKept must be a whole number from ${MIN_EVENTS_KEPT} to ${MAX_EVENTS_KEPT}, not ${String(eventsKept)}.`,
  );
}

/** How long a store keeps what is over. */

import { type Duration, parseDuration } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import { DEFAULTS, MAX_ENDED_KEPT, MIN_ENDED_KEPT } from "../options.ts";

export interface RetentionOptions {
  /**
   * How long it is known that a session has ended, why and when, so that `validate` and a page of devices can say so.
   * Default "1h", from "5m" to "30d". Each ended session takes about 200 bytes of Redis meanwhile, 120 of a file.
   */
  readonly endedKept?: Duration;
}

export interface Retention {
  /** How long a tombstone stays. */
  readonly endedMs: number;
}

/** @throws ConfigError for a duration out of bounds: less, and what a network delivers late could bring a session back. */
export function checkedRetention({ endedKept = DEFAULTS.endedKept }: RetentionOptions): Retention {
  const endedMs = parseDuration("endedKept", endedKept);
  const [least, most] = [MIN_ENDED_KEPT, MAX_ENDED_KEPT].map((bound) => parseDuration("endedKept", bound));
  if (endedMs < Number(least) || endedMs > Number(most)) {
    throw new ConfigError(
      `Option endedKept must be from "${MIN_ENDED_KEPT}" to "${MAX_ENDED_KEPT}", not "${endedKept}".`,
    );
  }
  return { endedMs };
}

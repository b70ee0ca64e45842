/** What becomes of a request whose session cannot be read. */

import { inspect } from "node:util";
import { type Duration, parseDuration } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import type { NearCacheSize } from "../store/near-cache.ts";

export type OnUnavailable = "reject" | "stale" | "anonymous";

export interface UnavailableOptions {
  /**
   * What a request gets whose session cannot be read: `"reject"` a `StoreUnavailableError` (503); `"stale"` the last that
   * the near cache knows of it, `staleFor` old at most, to read and not to write, where it knows nothing the error;
   * `"anonymous"` nobody's page, of adapters only. Guards and `fresh: true` reject always. Adapters take the same option,
   * also for each request. Default "reject".
   */
  readonly onUnavailable?: OnUnavailable;
  /**
   * How old what `"stale"` answers may be, counted from when the store was asked: `"1s"` to `"10m"`. A revocation that this
   * process did not hear of goes unseen so long. Default "30s".
   */
  readonly staleFor?: Duration;
}

/** @internal */
export interface UnavailableRules {
  readonly mode: OnUnavailable;
  readonly staleMs: number;
}

/** @throws ConfigError @internal */
export function unavailableRules({ onUnavailable = "reject", staleFor }: UnavailableOptions): UnavailableRules {
  const staleMs = parseDuration("staleFor", staleFor ?? DEFAULTS.staleFor);
  // Ended sessions are remembered no longer.
  if (staleMs < 1_000 || staleMs > DEFAULTS.deniedMs) {
    throw new ConfigError(`Option staleFor must be from "1s" to "10m", not "${staleFor}".`);
  }
  if (!["reject", "stale", "anonymous"].includes(onUnavailable)) {
    throw new ConfigError(
      `Option onUnavailable must be "reject", "stale" or "anonymous", not ${inspect(onUnavailable)}.`,
    );
  }
  return { mode: onUnavailable, staleMs };
}

interface KeepingCore {
  readonly store: { readonly nearCache: NearCacheSize | null };
  readonly unavailable: UnavailableRules;
}

/** Has copies kept from now on for as long as they may be answered. @throws ConfigError without a near cache @internal */
export function keepStale({ store: { nearCache }, unavailable }: KeepingCore): void {
  if (nearCache === null) {
    throw new ConfigError(
      'onUnavailable: "stale" answers from the near cache: switch it on, as in redisStore(client, { nearCache: true }).',
    );
  }
  nearCache.staleMs = Math.max(nearCache.staleMs, unavailable.staleMs);
}

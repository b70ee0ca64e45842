/** What `redisStore` may be told. */

import type { Clock } from "../../clock.ts";
import type { NearCacheOptions } from "../../store/near-cache.ts";
import type { RetentionOptions } from "../../store/retention.ts";

export interface RedisStoreOptions extends RetentionOptions {
  /** Begins every key, and part of every token's MAC. 1–64 of `A-Z a-z 0-9 _ . -`. Default "sojourn". */
  readonly namespace?: string;
  /** Milliseconds until a call gives up, 1 to 60000. Default 250 for reads, 1000 for writes. */
  readonly deadline?: { readonly readMs?: number; readonly writeMs?: number };
  /**
   * Calls that may wait for Redis at a time, from 1,000; more fail at once. A read that waits keeps 1 to 2 kB
   * of memory, a write up to 8 kB. Default 10000.
   */
  readonly maxInFlight?: number;
  /**
   * Answers valid requests from this process's memory. Revocations and changes by other processes are heard within
   * milliseconds over a second connection, and in any case seen after the lease. Default false.
   */
  readonly nearCache?: boolean | NearCacheOptions;
  /**
   * Whether a process that runs in the background listens to the endings by others on a second connection although it has
   * no near cache, so that it refuses those sessions also when a failover loses their ending. Default true.
   */
  readonly hearEndings?: boolean;
  /**
   * Whether endings (`revoke`, `revokeUser`, logout, the cut-off of `revokeBefore`) are acknowledged only when `replicas`
   * replicas have them, for calls that do not say. Else `StoreUnavailableError` (reason `not_replicated`, outcome
   * `unknown`): the session has ended, and a failover may undo it. Default false.
   */
  readonly durable?: boolean;
  /**
   * How many replicas must have what is to be durable. Fewer than a primary has: a failover to another one may lose it.
   * Default 1.
   */
  readonly replicas?: number;
  readonly clock?: Clock;
}

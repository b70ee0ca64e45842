/** What callers say about endings, checked before anything is ended. */

import { isSessionId } from "../data/session-id.ts";
import type { RevokeBeforeInput, WriteCall } from "../store/store.ts";
import type { Policies } from "./policy.ts";

export interface Durability {
  /**
   * On Redis: answer only when a replica has it (`replicas` of the store's options), else throw a `StoreUnavailableError`
   * of outcome `unknown`: it has ended, and a failover may undo it. Default: as the store's option `durable` says.
   */
  readonly durable?: boolean;
}

export interface RevokeOptions extends Durability {
  /** For the tombstone, lists and events. Default "revoked". */
  readonly reason?: string;
  /** Who did it: a user or operator id. Tombstones and events keep it, also after `erase`. */
  readonly actor?: string;
}

export interface RevokeUserOptions extends RevokeOptions {
  /** Id of a session that stays: "sign out everywhere else". */
  readonly except?: string;
}

export interface RevokeBeforeOptions extends RevokeOptions {
  /** Sessions of this policy only. Default: of every policy. */
  readonly policy?: string;
  /**
   * A `Date`, or milliseconds since the epoch, compared with each session's `createdAt`. A time that is still to come
   * counts as now, on the store's clock: with one, clocks that differ leave nobody out.
   */
  readonly before: Date | number;
}

const MAX_REASON_BYTES = 256;

/** @throws TypeError @internal */
export function endingOf(operation: string, options: RevokeOptions): { reason: string; actor: string | null } {
  const { reason = "revoked", actor = null } = options;
  for (const [name, text] of Object.entries({ reason, actor })) {
    if (text === null) continue;
    if (typeof text !== "string" || !text.isWellFormed() || Buffer.byteLength(text) > MAX_REASON_BYTES) {
      throw new TypeError(`${operation}: ${name} must be a string of at most ${MAX_REASON_BYTES} bytes.`);
    }
  }
  return { reason, actor };
}

/** @throws TypeError @internal */
export function durablyOf(operation: string, { durable }: Durability): WriteCall | undefined {
  if (durable === undefined) return undefined;
  if (typeof durable !== "boolean") throw new TypeError(`${operation}: durable must be true or false.`);
  return { durable };
}

/** Anything but an id would silently protect nothing: a token handed in by mistake, for one. @throws TypeError @internal */
export function checkedException(except: unknown): string | null {
  if (except === undefined || except === null) return null;
  if (isSessionId(except)) return except;
  throw new TypeError("revokeUser: except must be the id of a session (session.id).");
}

/** @throws TypeError, ConfigError (no such policy: a misspelt one would end nothing) @internal */
export function cutOffOf(options: RevokeBeforeOptions, policies: Policies): RevokeBeforeInput {
  const { policy, before } = options;
  const time: unknown = before instanceof Date ? before.getTime() : before;
  if (typeof time !== "number" || !(time >= 0)) {
    throw new TypeError("revokeBefore: before must be a Date or a number of milliseconds since the epoch.");
  }
  return {
    policy: policy === undefined ? null : policies.named(policy).name,
    before: Math.ceil(time),
    keptMs: policies.longestAbsoluteMs,
    ...endingOf("revokeBefore", options),
  };
}

/** Forgetting a user: what a person may ask for, and what is left until when. */

import { ACTIVITY_KEPT_MS } from "../options.ts";
import type { Core } from "./core.ts";
import { checkedUserId } from "./new-session.ts";
import { durablyOf, endingOf, type RevokeOptions } from "./revocation.ts";

export interface Erasure {
  /** Live sessions that it ended. */
  readonly ended: number;
  /**
   * What is left. None of it holds the user's id, data, address or device: tombstones and events know sessions by
   * their ids, events the user by a keyed hash, and both the `actor` that the application named when it ended one.
   */
  readonly remains: {
    /** The last tombstone of the user's sessions is gone by then: milliseconds since the epoch. */
    readonly tombstonesUntil: number;
    /** Activities of sessions that ended so long ago that no event tells of them any more are gone by then. */
    readonly activitiesUntil: number;
    /** Events go as newer ones come (the store's option `eventsKept`). */
    readonly events: "until newer ones take their place";
  };
}

/** @throws TypeError, StoreUnavailableError @internal */
export async function erase(core: Core, userId: string, options: RevokeOptions): Promise<Erasure> {
  const userKey = (await core.placement()).userKey(checkedUserId("erase", userId));
  const { store, policies } = core;
  const ending = endingOf("erase", { reason: "erased", ...options });
  const input = { userKey, except: null, ...ending, epochKeptMs: policies.longestAbsoluteMs };
  const { ended } = await store.revokeUser(input, durablyOf("erase", options));
  const { tombstonesUntil } = await store.eraseUser(userKey);
  const activitiesUntil = store.now() + ACTIVITY_KEPT_MS;
  return { ended, remains: { tombstonesUntil, activitiesUntil, events: "until newer ones take their place" } };
}

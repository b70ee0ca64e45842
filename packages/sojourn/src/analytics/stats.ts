/** Numbers about sessions for a person: how many there are, how many began and ended, how long they lasted. */

import type { Store } from "../store/store.ts";

export interface SessionStats {
  /** Live sessions, exact. */
  readonly activeSessions: number;
  /** Users with at least one live session, exact. */
  readonly totalUsers: number;
  /**
   * Mean duration, from beginning to end, of the sessions that ended in the last 24 hours; null when none did. They are
   * counted by the hour: what ended up to an hour before that counts too. One that nobody saw end (its record died
   * before any reaper came) is left out, for its beginning is not known.
   */
  readonly averageDurationMs: number | null;
  /** Sessions that began since the namespace began. */
  readonly created: number;
  /** Sessions that ended since then, by themselves or before their time. */
  readonly ended: number;
  /** The same by reason: "expired", "logout", "login", "revoked" and your own; rare and long ones as "other". */
  readonly endedByReason: Readonly<Record<string, number>>;
}

/** @throws StoreUnavailableError */
export async function readStats(store: Store): Promise<SessionStats> {
  const [activeSessions, totalUsers, totals] = await Promise.all([store.count(), store.countUsers(), store.totals()]);
  const { created, recent } = totals;
  return {
    activeSessions,
    totalUsers,
    averageDurationMs: recent.ended === 0 ? null : recent.durationMs / recent.ended,
    created,
    ended: [...totals.ended.values()].reduce((sum, count) => sum + count, 0),
    endedByReason: Object.fromEntries(totals.ended),
  };
}

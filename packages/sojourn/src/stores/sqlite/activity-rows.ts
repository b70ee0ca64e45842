/** The activities of sessions, a row each. */

import type { ActivityInput, ActivityOutcome } from "../../store/store.ts";
import { gone, isLive } from "../../store/transitions.ts";
import { recordOf, tombstoneIn } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** Dead rows removed by each record, more than it adds: the table follows the living without a timer. */
const REMOVED_PER_RECORD = 8;

export function recordActivity(sql: Statements, input: ActivityInput, now: number): ActivityOutcome {
  const { id, entry, maxEntries, keptMs } = input;
  const record = recordOf(sql, id, now);
  const tombstone = record === null ? tombstoneIn(sql, id, now) : null;
  const isKnown = record === null ? input.afterEnding && tombstone !== null : isLive(record, now);
  if (!isKnown) return gone(tombstone);
  sql.removeOldActivities.run(now, REMOVED_PER_RECORD);
  if (sql.hasActivity.get(id, entry) === undefined) {
    sql.insertActivity.run(id, now + keptMs, entry);
    sql.trimActivities.run(id, maxEntries);
  }
  return { status: "recorded" };
}

export function listActivity(sql: Statements, id: string, now: number): string[] {
  return sql.activities.all(id, now).map((row) => String(row["entry"]));
}

/** The activities of sessions, a row each. */

import type { ActivityInput } from "../../store/store.ts";
import type { Statements } from "./statements.ts";

/** Dead rows removed by each record, more than it adds: the table follows the living without a timer. */
const REMOVED_PER_RECORD = 8;

export function recordActivity(sql: Statements, { id, entry, maxEntries, keptMs }: ActivityInput, now: number): void {
  sql.removeOldActivities.run(now, REMOVED_PER_RECORD);
  if (sql.hasActivity.get(id, entry) !== undefined) return;
  sql.insertActivity.run(id, now + keptMs, entry);
  sql.trimActivities.run(id, maxEntries);
}

export function listActivity(sql: Statements, id: string, now: number): string[] {
  return sql.activities.all(id, now).map((row) => String(row["entry"]));
}

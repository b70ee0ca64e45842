/** Totals in tables, written in the transaction of the change that they count. */

import { COUNTED_REASONS, countedReason, firstRecentHour, hourOf, Tally, type Totals } from "../../store/totals.ts";
import type { Tombstone } from "../../store/store.ts";
import type { Statements } from "./statements.ts";

const CREATED = "created";
const DURATION = "duration";
/** Begins the names of reasons. */
const REASON = "r:";

export function countCreated(sql: Statements): void {
  sql.addTotal.run(CREATED, 1);
}

export function countEnding(sql: Statements, { reason, createdAt, endedAt }: Tombstone): void {
  const name = REASON + countedReason(reason);
  const isNamed = sql.total.get(name) !== undefined || Number(sql.namedReasons.get()?.["n"] ?? 0) < COUNTED_REASONS;
  sql.addTotal.run(isNamed ? name : `${REASON}other`, 1);
  if (createdAt === 0) return;
  const durationMs = Math.max(0, endedAt - createdAt);
  sql.addTotal.run(DURATION, durationMs);
  sql.addHour.run(hourOf(endedAt), durationMs);
  sql.removeHours.run(firstRecentHour(endedAt));
}

export function readTotals(sql: Statements, now: number): Totals {
  const tally = new Tally();
  for (const row of sql.totals.all()) {
    const [name, value] = [String(row["name"]), Number(row["value"])];
    if (name === CREATED) tally.created = value;
    else if (name === DURATION) tally.durationMs = value;
    else tally.addEnded(name.slice(REASON.length), value);
  }
  for (const row of sql.hours.all()) {
    tally.addHour(Number(row["hour"]), Number(row["ended"]), Number(row["duration_ms"]));
  }
  return tally.totals(now);
}

/** Reaping and checking, a bounded number of rows in one transaction. */

import { expiresAtOf, HEADER_LENGTH, userHashOf } from "../../data/record.ts";
import type { StoredSession } from "../../store/store.ts";
import { EXPIRED } from "../../store/totals.ts";
import { tombstoneOf } from "../../store/transitions.ts";
import type { CheckInput, CheckOutcome, IndexDifference, ReapOutcome } from "../../store/upkeep.ts";
import { endSession, storedSession } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** Rows of one transaction: a few milliseconds. */
const AT_ONCE = 100;

/** Ends what is due, and removes tombstones, epochs and activities that are no longer kept. */
export function reapSome(sql: Statements, now: number): ReapOutcome {
  const due = sql.due.all(now, AT_ONCE).map(storedSession);
  let expired = 0;
  for (const { id, record } of due) expired += reapOne(sql, { id, record }, now);
  const removed = [sql.removeTombstones, sql.removeEpochs, sql.removeOldActivities].map(
    (statement) => statement.run(now, AT_ONCE).changes,
  );
  return { expired, more: due.length === AT_ONCE || removed.includes(AT_ONCE) };
}

/** The column is a hint, the record says when its session is over. */
function reapOne(sql: Statements, { id, record }: StoredSession, now: number): number {
  if (record.length >= HEADER_LENGTH && expiresAtOf(record) > now) {
    sql.update.run(expiresAtOf(record), record, id);
    return 0;
  }
  endSession(sql, id, tombstoneOf(record, { reason: EXPIRED, actor: null }, now));
  return 1;
}

export function checkSome(sql: Statements, { cursor, repair }: CheckInput): CheckOutcome {
  const rows = sql.page.all(cursor ?? "", AT_ONCE);
  const differences = rows.flatMap((row): IndexDifference[] => {
    const { id, record } = storedSession(row);
    if (record.length < HEADER_LENGTH) return [];
    const hash = userHashOf(record);
    const userKey = hash === null ? null : id.slice(0, 2) + hash;
    const found: IndexDifference[] = [];
    if (row["expires_at"] !== expiresAtOf(record)) found.push({ kind: "wrong_expiry", of: id });
    if (row["user_key"] !== userKey) found.push({ kind: "not_indexed", of: id });
    if (repair && found.length > 0) sql.insert.run(id, userKey, expiresAtOf(record), record);
    return found;
  });
  return { checked: rows.length, differences, cursor: rows.length === AT_ONCE ? String(rows.at(-1)?.["id"]) : null };
}

/** Rows of the sqlite engine in the contract's words. */

import { CutOffs } from "../../store/cut-offs.ts";
import { REAP_GRACE_MS, type ReadOutcome, type StoredSession, type Tombstone } from "../../store/store.ts";
import { endedEvent } from "../../store/event-facts.ts";
import type { Statements } from "./statements.ts";
import { countEnding } from "./totals.ts";

/** The record, until it is reaped; null when there is none. */
export function recordOf(sql: Statements, id: string, now: number): Buffer | null {
  const row = sql.read.get(id, now - REAP_GRACE_MS);
  return row === undefined ? null : asBuffer(row["record"]);
}

/** The record, unless a cut-off covers it: both in one statement, so that no process believes older cut-offs. */
export function foundIn(sql: Statements, id: string, now: number): ReadOutcome {
  const row = sql.read.get(id, now - REAP_GRACE_MS);
  if (row === undefined) return tombstoneIn(sql, id, now);
  const record = asBuffer(row["record"]);
  return cutOffsFrom(sql, row["cutOffs"]).endingOf(record) ?? record;
}

/** What each connection parsed last: it rarely changes. */
const parsed = new WeakMap<Statements, CutOffs>();

export function cutOffsOf(sql: Statements): CutOffs {
  return cutOffsFrom(sql, sql.fact.get("cutOffs")?.["value"]);
}

function cutOffsFrom(sql: Statements, value: unknown): CutOffs {
  if (value === null || value === undefined) return CutOffs.NONE;
  const cutOffs = CutOffs.parse(asBuffer(value).toString("utf8"), parsed.get(sql));
  parsed.set(sql, cutOffs);
  return cutOffs;
}

/** Why a session ended, as long as that is kept. */
export function tombstoneIn(sql: Statements, id: string, now: number): Tombstone | null {
  const row = sql.tombstone.get(id, now);
  if (row === undefined) return null;
  return {
    reason: String(row["reason"]),
    actor: row["actor"] === null ? null : String(row["actor"]),
    createdAt: Number(row["created_at"]),
    endedAt: Number(row["ended_at"]),
  };
}

/** To SQLite. */
const NO_LIMIT = -1;

export function epochOf(sql: Statements, userKey: string): number {
  return Number(sql.epoch.get(userKey)?.["epoch"] ?? 0);
}

/** Live sessions of a user, the latest to expire first. @param most absent: all */
export function latestOf(sql: Statements, userKey: string, now: number, most?: number): StoredSession[] {
  return sql.latestOfUser.all(userKey, now, most ?? NO_LIMIT).map(storedSession);
}

/** Live sessions of a user, the earliest to expire first. */
export function earliestOf(sql: Statements, userKey: string, now: number, most: number): StoredSession[] {
  return sql.earliestOfUser.all(userKey, now, most).map(storedSession);
}

export function endSession(sql: Statements, id: string, tombstone: Tombstone): void {
  const { reason, actor, createdAt, endedAt } = tombstone;
  const record = sql.record.get(id)?.["record"];
  sql.remove.run(id);
  sql.insertTombstone.run(id, reason, actor, createdAt, endedAt, endedAt + sql.endedMs);
  countEnding(sql, tombstone);
  if (record !== undefined) sql.events.write(endedEvent({ id, record: asBuffer(record) }, tombstone));
}

export function asBuffer(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw new TypeError("expected a blob");
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

export function storedSession(row: Record<string, unknown>): StoredSession {
  return { id: String(row["id"]), record: asBuffer(row["record"]) };
}

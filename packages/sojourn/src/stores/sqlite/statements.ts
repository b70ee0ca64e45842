/** Every SQL statement of the engine, prepared once per connection. */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { HEADER_LENGTH, OFFSET } from "../../data/record.ts";
import type { Retention } from "../../store/retention.ts";
import { EVENT_SQL, EventJournal } from "./event-journal.ts";

const SQL = {
  fact: "SELECT value FROM facts WHERE name = ?",
  insertFact: "INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)",
  setFact: "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)",
  removeFact: "DELETE FROM facts WHERE name = ?",
  read: "SELECT record, (SELECT value FROM facts WHERE name = 'cutOffs') AS cutOffs FROM sessions WHERE id = ? AND expires_at > ?",
  insert:
    "INSERT INTO sessions (id, user_key, expires_at, record) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET user_key = excluded.user_key, expires_at = excluded.expires_at, record = excluded.record",
  update: "UPDATE sessions SET expires_at = ?, record = ? WHERE id = ?",
  record: "SELECT record FROM sessions WHERE id = ?",
  remove: "DELETE FROM sessions WHERE id = ?",
  latestOfUser:
    "SELECT id, record FROM sessions WHERE user_key = ? AND expires_at > ? ORDER BY expires_at DESC LIMIT ?",
  earliestOfUser: "SELECT id, record FROM sessions WHERE user_key = ? AND expires_at > ? ORDER BY expires_at LIMIT ?",
  ofUserById: "SELECT id, record FROM sessions WHERE user_key = ? AND id = ?",
  ofUserBefore: `SELECT id, record FROM sessions WHERE user_key = ? AND expires_at > ? AND (length(record) < ${HEADER_LENGTH} OR substr(record, ${OFFSET.userEpoch + 1}, 6) < ?) LIMIT ?`,
  count: "SELECT COUNT(*) AS n FROM sessions WHERE expires_at > ?",
  countUsers: "SELECT COUNT(DISTINCT user_key) AS n FROM sessions WHERE expires_at > ? AND user_key IS NOT NULL",
  tombstone: "SELECT reason, actor, created_at, ended_at FROM tombstones WHERE id = ? AND kept_until > ?",
  insertTombstone:
    "INSERT OR REPLACE INTO tombstones (id, reason, actor, created_at, ended_at, kept_until) VALUES (?, ?, ?, ?, ?, ?)",
  anyDue:
    "SELECT 1 FROM (SELECT ? AS now) WHERE EXISTS (SELECT 1 FROM sessions WHERE expires_at <= now) OR EXISTS (SELECT 1 FROM tombstones WHERE kept_until <= now) OR EXISTS (SELECT 1 FROM user_epochs WHERE kept_until <= now) OR EXISTS (SELECT 1 FROM activities WHERE kept_until <= now)",
  due: "SELECT id, record FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
  removeTombstones:
    "DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE kept_until <= ? ORDER BY kept_until LIMIT ?)",
  removeEpochs:
    "DELETE FROM user_epochs WHERE user_key IN (SELECT user_key FROM user_epochs WHERE kept_until <= ? ORDER BY kept_until LIMIT ?)",
  page: "SELECT id, user_key, expires_at, record FROM sessions WHERE id > ? ORDER BY id LIMIT ?",
  livePage: "SELECT id, record FROM sessions WHERE id > ? AND expires_at > ? ORDER BY id LIMIT ?",
  removeEpoch: "DELETE FROM user_epochs WHERE user_key = ?",
  removeActivities: "DELETE FROM activities WHERE session_id = ?",
  epoch: "SELECT epoch FROM user_epochs WHERE user_key = ?",
  raiseEpoch:
    "INSERT INTO user_epochs (user_key, epoch, kept_until) VALUES (?, ?, ?) ON CONFLICT (user_key) DO UPDATE SET epoch = excluded.epoch, kept_until = excluded.kept_until",
  disable: "INSERT OR IGNORE INTO disabled_users (user_key) VALUES (?)",
  enable: "DELETE FROM disabled_users WHERE user_key = ?",
  isDisabled: "SELECT 1 FROM disabled_users WHERE user_key = ?",
  disabledUsers: "SELECT user_key FROM disabled_users",
  recordAside: "SELECT record FROM aside WHERE id = ?",
  aside: "SELECT id FROM aside WHERE id BETWEEN ? AND ?",
  putAside: "INSERT INTO aside (id, record) VALUES (?, ?)",
  removeAside: "DELETE FROM aside WHERE id = ?",
  insertAdmitted: "INSERT OR IGNORE INTO admitted (id) VALUES (?)",
  removeAdmitted: "DELETE FROM admitted WHERE id = ?",
  forgetAdmitted: "DELETE FROM admitted WHERE id IN (SELECT id FROM admitted LIMIT ?)",
  hasActivity: "SELECT 1 FROM activities WHERE session_id = ? AND entry = ?",
  insertActivity: "INSERT INTO activities (session_id, kept_until, entry) VALUES (?, ?, ?)",
  trimActivities:
    "DELETE FROM activities WHERE session_id = ?1 AND number <= (SELECT number FROM activities WHERE session_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
  removeOldActivities:
    "DELETE FROM activities WHERE number IN (SELECT number FROM activities WHERE kept_until <= ? ORDER BY kept_until LIMIT ?)",
  activities: "SELECT entry FROM activities WHERE session_id = ? AND kept_until > ? ORDER BY number DESC",
  total: "SELECT value FROM totals WHERE name = ?",
  totals: "SELECT name, value FROM totals",
  namedReasons: "SELECT COUNT(*) AS n FROM totals WHERE name GLOB 'r:*' AND name <> 'r:other'",
  addTotal:
    "INSERT INTO totals (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
  /** Another number after another connection has written. */
  version: "PRAGMA data_version",
  hours: "SELECT hour, ended, duration_ms FROM ended_hours ORDER BY hour",
  addHour:
    "INSERT INTO ended_hours (hour, ended, duration_ms) VALUES (?, 1, ?) ON CONFLICT (hour) DO UPDATE SET ended = ended + 1, duration_ms = duration_ms + excluded.duration_ms",
  removeHours: "DELETE FROM ended_hours WHERE hour < ?",
  value: "SELECT value, ends_at FROM stored_values WHERE id = ? AND ends_at > ?",
  setValue:
    "INSERT INTO stored_values (id, value, ends_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at",
  removeValue: "DELETE FROM stored_values WHERE id = ?",
  valueIds: "SELECT id FROM stored_values WHERE id BETWEEN ? AND ? AND ends_at > ? LIMIT ?",
  removeOldValues:
    "DELETE FROM stored_values WHERE id IN (SELECT id FROM stored_values WHERE ends_at <= ? ORDER BY ends_at LIMIT ?)",
  insertSample: "INSERT INTO samples (name, value) VALUES (?, ?)",
  keepSamples:
    "INSERT INTO sampled (name, kept_until) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET kept_until = excluded.kept_until",
  trimSamples:
    "DELETE FROM samples WHERE name = ?1 AND number <= (SELECT number FROM samples WHERE name = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
  removeOldSamples: "DELETE FROM sampled WHERE kept_until <= ?",
  samples: "SELECT value FROM samples JOIN sampled USING (name) WHERE name = ? AND kept_until > ? ORDER BY number DESC",
  addToMinute:
    "INSERT INTO minutes (at, name, count) VALUES (?, ?, ?) ON CONFLICT (at, name) DO UPDATE SET count = count + excluded.count",
  removeMinutes: "DELETE FROM minutes WHERE at < ?",
  minutes: "SELECT at, name, count FROM minutes WHERE at >= ?",
} as const;

type Prepared = { readonly [Name in keyof (typeof SQL & typeof EVENT_SQL)]: StatementSync };

export interface Statements extends Prepared, Retention {
  readonly events: EventJournal;
}

/** Hears of sessions whose rows are about to be changed or removed, within the transaction. */
export interface RowListener {
  changes(id: string): void;
  goes(id: string): void;
}

export function prepareStatements(database: DatabaseSync, retention: Retention, rows: RowListener): Statements {
  const entries = Object.entries({ ...SQL, ...EVENT_SQL }).map(([name, sql]) => [name, database.prepare(sql)]);
  const prepared = Object.fromEntries(entries) as Prepared;
  tellWhenRun(prepared.update, (id) => rows.changes(id));
  tellWhenRun(prepared.remove, (id) => rows.goes(id));
  return { ...prepared, ...retention, events: new EventJournal(prepared, retention.eventsKept) };
}

/** The id is the last argument of both. */
function tellWhenRun(statement: StatementSync, tell: (id: string) => void): void {
  const run = statement.run.bind(statement) as (...args: SQLInputValue[]) => ReturnType<StatementSync["run"]>;
  statement.run = (...args: unknown[]) => {
    tell(String(args.at(-1)));
    return run(...(args as SQLInputValue[]));
  };
}

/**
 * The schema of the sqlite engine, as steps. `PRAGMA user_version` counts those
 * done. A step that was released is never edited; add another.
 */

import type { DatabaseSync } from "node:sqlite";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
   CREATE TABLE sessions (
     id TEXT PRIMARY KEY,
     user_key TEXT,
     expires_at INTEGER NOT NULL,
     record BLOB NOT NULL
   ) STRICT;
   CREATE INDEX sessions_by_user ON sessions (user_key, expires_at) WHERE user_key IS NOT NULL;
   CREATE INDEX sessions_by_expiry ON sessions (expires_at);
   CREATE TABLE tombstones (
     id TEXT PRIMARY KEY,
     reason TEXT NOT NULL,
     actor TEXT,
     created_at INTEGER NOT NULL,
     ended_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE user_epochs (user_key TEXT PRIMARY KEY, epoch INTEGER NOT NULL, kept_until INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE ended_hours (hour INTEGER PRIMARY KEY, ended INTEGER NOT NULL, duration_ms INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE activities (
     number INTEGER PRIMARY KEY,
     session_id TEXT NOT NULL,
     kept_until INTEGER NOT NULL,
     entry TEXT NOT NULL
   ) STRICT;
   CREATE INDEX activities_by_session ON activities (session_id, number);
   CREATE INDEX activities_by_death ON activities (kept_until);`,
  `DROP TABLE tombstones;
   CREATE TABLE tombstones (
     id TEXT PRIMARY KEY,
     reason TEXT NOT NULL,
     actor TEXT,
     created_at INTEGER NOT NULL,
     ended_at INTEGER NOT NULL,
     kept_until INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX tombstones_by_death ON tombstones (kept_until);
   CREATE INDEX user_epochs_by_death ON user_epochs (kept_until);`,
  `CREATE TABLE sampled (name TEXT PRIMARY KEY, kept_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE samples (number INTEGER PRIMARY KEY, name TEXT NOT NULL, value REAL NOT NULL) STRICT;
   CREATE INDEX samples_by_name ON samples (name, number);
   CREATE TRIGGER samples_die AFTER DELETE ON sampled BEGIN DELETE FROM samples WHERE name = OLD.name; END;
   CREATE TABLE minutes (
     at INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (at, name)
   ) STRICT, WITHOUT ROWID;`,
  "CREATE TABLE disabled_users (user_key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
  `CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, packed BLOB NOT NULL) STRICT;
   CREATE TABLE event_groups (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) STRICT;
   CREATE TABLE event_deliveries (
     group_name TEXT NOT NULL,
     event_id INTEGER NOT NULL,
     consumer TEXT NOT NULL,
     delivered_at INTEGER NOT NULL,
     PRIMARY KEY (group_name, event_id)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE aside (id TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT;
   CREATE TABLE admitted (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE stored_values (id TEXT PRIMARY KEY, value BLOB NOT NULL, ends_at INTEGER NOT NULL) STRICT;
   CREATE INDEX stored_values_by_death ON stored_values (ends_at);`,
];

/** Brings the schema up to date. The caller holds the write lock, so that several processes may start at once. */
export function migrate(database: DatabaseSync): void {
  const row = database.prepare("PRAGMA user_version").get();
  const done = Number(row?.["user_version"] ?? 0);
  for (const step of MIGRATIONS.slice(done)) database.exec(step);
  if (done < MIGRATIONS.length) database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
}

/** Whether a newer version of this library wrote the file. */
export function isFromTheFuture(database: DatabaseSync): boolean {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0) > MIGRATIONS.length;
}

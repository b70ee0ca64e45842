/** Opening a store's file: its schema is made, or brought up to date, and its facts are read. */

import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../errors.ts";
import { SALT_BYTES } from "../../store/placement.ts";
import type { Retention } from "../../store/retention.ts";
import type { StoreFacts } from "../../store/store.ts";
import { isFromTheFuture, migrate } from "./migrations.ts";
import { asBuffer } from "./rows.ts";
import { prepareStatements, type RowListener, type Statements } from "./statements.ts";
import { isBusy, unavailable, WriteQueue } from "./write-queue.ts";

export interface StoreFile {
  /** Or ":memory:". */
  readonly path: string;
  readonly namespace: string;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly writeDeadlineMs: number;
  readonly rows: RowListener;
}

export interface OpenedFile {
  readonly database: DatabaseSync;
  readonly sql: Statements;
  readonly writes: WriteQueue;
  facts: StoreFacts;
}

/**
 * Several processes may start at once: whoever finds the file locked tries again, twice as long as
 * a write may wait, because the one that holds it may be making the schema.
 */
export async function openFile(file: StoreFile): Promise<OpenedFile> {
  const { path, clock, writeDeadlineMs } = file;
  const deadline = clock.monotonic() + 2 * writeDeadlineMs;
  for (;;) {
    try {
      return openOnce(file);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      if (!isBusy(error) || clock.monotonic() > deadline) {
        throw unavailable(`could not be opened (${path})`, "not_executed", error);
      }
      await sleep(5);
    }
  }
}

function openOnce({ path, namespace, retention, clock, writeDeadlineMs, rows }: StoreFile): OpenedFile {
  // Token hashes and session data are in this file: only its owner may read it.
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    // What is deleted is overwritten: ended sessions must not lie in free pages for years. The log is carried over
    // in small parts, for the event loop waits for it.
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 200;",
    );
    database.exec("BEGIN IMMEDIATE");
    if (isFromTheFuture(database)) throw new ConfigError(`${path} was written by a newer version of Sojourn.`);
    migrate(database);
    const sql = prepareStatements(database, retention, rows);
    const facts = readFacts(sql, path, namespace);
    database.exec("COMMIT");
    const writes = new WriteQueue({ database, monotonic: () => clock.monotonic(), deadlineMs: writeDeadlineMs });
    return { database, sql, writes, facts };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Made by whoever opens it first. */
function readFacts(sql: Statements, path: string, namespace: string): StoreFacts {
  sql.insertFact.run("salt", randomBytes(SALT_BYTES));
  sql.insertFact.run("namespace", Buffer.from(namespace));
  const known = asBuffer(sql.fact.get("namespace")?.["value"]).toString("utf8");
  if (known !== namespace) {
    throw new ConfigError(`${path} holds namespace "${known}", not "${namespace}": use another file.`);
  }
  return { salt: asBuffer(sql.fact.get("salt")?.["value"]) };
}

/**
 * Writes of one turn commit in one transaction, a savepoint each: one fsync for
 * all of them, and one that fails takes no other with it.
 *
 * SQLite has one writer. Waiting for another process's lock inside SQLite would
 * block the event loop, so the lock is tried without waiting and tried again
 * later, until the deadline of the oldest write.
 */

import type { DatabaseSync } from "node:sqlite";
import { StoreUnavailableError } from "../../errors.ts";

interface QueuedWrite {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** On the monotonic clock. */
  readonly deadline: number;
}

export interface WriteQueueOptions {
  readonly database: DatabaseSync;
  readonly monotonic: () => number;
  readonly deadlineMs: number;
}

const RETRY_MIN_MS = 1;
const RETRY_SPREAD_MS = 6;
/** Another process that waits for the lock tries again within this time. */
export const MAX_RETRY_DELAY_MS = RETRY_MIN_MS + RETRY_SPREAD_MS;
/** A long queue is committed in parts, so that the event loop is never held for long. */
const MAX_TURN_MS = 4;

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #waiting: QueuedWrite[] = [];
  #scheduled = false;
  #attempts = 0;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** Runs `write` inside a transaction; resolves after the commit that made it durable. */
  submit<T>(write: () => T): Promise<T> {
    const deadline = this.#options.monotonic() + this.#options.deadlineMs;
    const done = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ run: write, resolve, reject, deadline });
    });
    this.#schedule(0);
    return done as Promise<T>;
  }

  /** Rejects what is still waiting. */
  stop(reason: Error): void {
    for (const write of this.#waiting.splice(0)) write.reject(reason);
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.#flush();
    };
    if (delayMs === 0) setImmediate(flush);
    else setTimeout(flush, delayMs);
  }

  #flush(): void {
    this.#rejectOverdue();
    if (this.#waiting.length === 0) return;
    if (this.#begin()) this.#commitSome();
    if (this.#waiting.length > 0) this.#schedule(this.#attempts === 0 ? 0 : this.#retryDelay());
  }

  /** Spread by the number of tries and of waiting writes: no two processes keep step for long. */
  #retryDelay(): number {
    return RETRY_MIN_MS + ((this.#attempts * 7 + process.pid) % RETRY_SPREAD_MS);
  }

  #begin(): boolean {
    try {
      this.#options.database.exec("BEGIN IMMEDIATE");
      this.#attempts = 0;
      return true;
    } catch (error) {
      if (isBusy(error)) this.#attempts += 1;
      else this.stop(unavailable("could not begin a transaction", "not_executed", error));
      return false;
    }
  }

  /** Whatever is thrown rejects the writes that were taken: the queue goes on with the next. */
  #commitSome(): void {
    const { database } = this.#options;
    const taken: QueuedWrite[] = [];
    let committing = false;
    try {
      const settled = this.#runSome(taken);
      committing = true;
      database.exec("COMMIT");
      for (const settle of settled) settle();
    } catch (error) {
      rollBack(database);
      const reason = committing
        ? unavailable("could not commit", "unknown", error)
        : unavailable("rolled the transaction back", "not_executed", error);
      for (const write of taken) write.reject(reason);
    }
  }

  /** @throws whatever ended the whole transaction: nothing of it is kept then. */
  #runSome(taken: QueuedWrite[]): (() => void)[] {
    const { database, monotonic } = this.#options;
    const until = monotonic() + MAX_TURN_MS;
    const settled: (() => void)[] = [];
    do {
      const write = this.#waiting.shift();
      if (write === undefined) break;
      taken.push(write);
      settled.push(runInSavepoint(database, write));
    } while (monotonic() < until);
    return settled;
  }

  #rejectOverdue(): void {
    const now = this.#options.monotonic();
    if (!this.#waiting.some((write) => write.deadline < now)) return;
    const overdue = this.#waiting.filter((write) => write.deadline < now);
    this.#waiting = this.#waiting.filter((write) => write.deadline >= now);
    const reason = new StoreUnavailableError(
      "The write could not begin before its deadline: other writers held the file, or this process was busy.",
      {
        reason: "timeout",
        outcome: "not_executed",
      },
    );
    for (const write of overdue) write.reject(reason);
  }
}

function runInSavepoint(database: DatabaseSync, write: QueuedWrite): () => void {
  database.exec("SAVEPOINT one");
  try {
    const value = write.run();
    database.exec("RELEASE one");
    return () => write.resolve(value);
  } catch (error) {
    // A full disk, an I/O error or no memory end the whole transaction: there is no savepoint to go back to.
    if (!database.isTransaction) throw error;
    database.exec("ROLLBACK TO one");
    database.exec("RELEASE one");
    const reason = isSqliteError(error) ? unavailable("could not write", "not_executed", error) : error;
    return () => write.reject(reason);
  }
}

/** Never throws: a connection that cannot even roll back fails the next transaction by itself. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec("ROLLBACK");
  } catch {
    return;
  }
}

function isSqliteError(error: unknown): boolean {
  return typeof (error as { errcode?: unknown } | null)?.errcode === "number";
}

/** SQLITE_BUSY (5) and SQLITE_LOCKED (6), with their extended codes. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === "number" && ((code & 0xff) === 5 || (code & 0xff) === 6);
}

export function unavailable(what: string, outcome: "not_executed" | "unknown", cause: unknown): StoreUnavailableError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailableError(`The sqlite store ${what}: ${detail}`, { reason: "server", outcome, cause });
}

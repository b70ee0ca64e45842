/**
 * Ends many sessions in chunks, a turn of the write queue each, so that neither the event loop nor another writer waits
 * long: a mark first that new sessions are held against, then what is there, and the answer last.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { expiresAtOf, HEADER_LENGTH, OFFSET, withUserEpoch } from "../../data/record.ts";
import { cutOffReached, CutOffs, cutOffTime } from "../../store/cut-offs.ts";
import {
  REAP_GRACE_MS,
  type RevokeBeforeInput,
  type RevokeInput,
  type RevokeUserInput,
  type StoredSession,
  type WriteCall,
} from "../../store/store.ts";
import { isLive, tombstoneOf } from "../../store/transitions.ts";
import { cutOffsOf, endSession, epochOf, storedSession } from "./rows.ts";
import type { Statements } from "./statements.ts";
import { MAX_RETRY_DELAY_MS } from "./write-queue.ts";

/** Runs a step inside a transaction. */
export type Write = <T>(call: WriteCall | undefined, write: (sql: Statements, now: number) => T) => Promise<T>;

/** Sessions looked at in one turn. */
const CHUNK = 50;

/** Raises the epoch first, so that logins meanwhile stay. */
export async function revokeUser(write: Write, input: RevokeUserInput, call?: WriteCall): Promise<{ ended: number }> {
  const { userKey, except } = input;
  const epoch = await write(call, (sql, now) => {
    const previous = epochOf(sql, userKey);
    const raised = Math.max(previous + 1, now);
    sql.raiseEpoch.run(userKey, raised, now + input.epochKeptMs);
    const row = except === null ? undefined : sql.ofUserById.get(userKey, except);
    if (row !== undefined) keep(sql, storedSession(row), previous, raised);
    return raised;
  });
  const before = Buffer.alloc(6);
  before.writeUIntBE(epoch, 0, 6);
  return inTurns(write, (sql, now) => {
    const chunk = sql.ofUserBefore.all(userKey, now - REAP_GRACE_MS, before, CHUNK).map(storedSession);
    return { ended: endAll(sql, chunk, input, now), more: chunk.length === CHUNK };
  });
}

/** The exception, unless an operation before this one is about to end it. */
function keep(sql: Statements, { id, record }: StoredSession, previous: number, raised: number): void {
  if (record.length < HEADER_LENGTH || record.readUIntBE(OFFSET.userEpoch, 6) < previous) return;
  sql.update.run(expiresAtOf(record), withUserEpoch(record, raised), id);
}

/** Stores the cut-off first: from its commit on every process judges by it. */
export async function revokeBefore(
  write: Write,
  now: () => number,
  input: RevokeBeforeInput,
  call?: WriteCall,
): Promise<{ ended: number }> {
  const before = await write(call, (sql, at) => {
    const time = cutOffTime(input.before, at);
    const cutOffs = cutOffsOf(sql).with(input, at);
    sql.setFact.run("cutOffs", Buffer.from(cutOffs.text));
    return time;
  });
  let after = "";
  const outcome = await inTurns(write, (sql, at) => {
    const cutOff = CutOffs.NONE.with({ ...input, before }, at);
    const rows = sql.page.all(after, CHUNK);
    // What is over already is for the reaper.
    const chunk = rows
      .map(storedSession)
      .filter(({ record }) => isLive(record, at) && cutOff.endingOf(record) !== null);
    after = String(rows.at(-1)?.["id"] ?? after);
    return { ended: endAll(sql, chunk, input, at), more: rows.length === CHUNK };
  });
  await cutOffReached(before, now);
  return outcome;
}

/** A step a turn; between two of them whoever waits for the lock gets it. */
async function inTurns(
  write: Write,
  step: (sql: Statements, now: number) => { ended: number; more: boolean },
): Promise<{ ended: number }> {
  for (let ended = 0; ; await sleep(MAX_RETRY_DELAY_MS + 1)) {
    const turn = await write(undefined, step);
    ended += turn.ended;
    if (!turn.more) return { ended };
  }
}

/** Answers how many of them were live. */
function endAll(
  sql: Statements,
  sessions: readonly StoredSession[],
  ending: Pick<RevokeInput, "reason" | "actor">,
  now: number,
): number {
  for (const { id, record } of sessions) endSession(sql, id, tombstoneOf(record, ending, now));
  return sessions.filter(({ record }) => isLive(record, now)).length;
}

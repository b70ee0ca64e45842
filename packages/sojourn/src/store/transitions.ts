/**
 * The contract's steps on one record, as pure functions: what the engines that
 * run in this process (memory, sqlite) share. The Redis engine has the same in Lua.
 */

import { applyFieldChanges } from "../data/field-patch.ts";
import {
  expiresAtOf,
  HEADER_LENGTH,
  isConfirmed,
  OFFSET,
  revisionOf,
  withConfirmation,
  withLock,
  withMetadata,
  withoutStaleWrap,
  withTouch,
} from "../data/record.ts";
import { CorruptRecordError, UnsupportedRecordError, SessionRecord } from "../data/session-record.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { EventNote } from "./events.ts";
import { EXPIRED } from "./totals.ts";
import type {
  AmendInput,
  AmendOutcome,
  Gone,
  PatchInput,
  PatchOutcome,
  RevokeInput,
  Tombstone,
  TouchInput,
  TouchOutcome,
} from "./store.ts";

/** An outcome, and the record to store when it changed. */
export interface Step<Outcome> {
  readonly outcome: Outcome;
  readonly write: Buffer | null;
  /** What the change is called, if it makes an event. */
  readonly event?: EventNote | undefined;
}

export function gone(tombstone: Tombstone | null): Gone {
  return { status: "gone", tombstone };
}

export function isLive(record: Buffer, now: number): boolean {
  return record.length >= HEADER_LENGTH && now < expiresAtOf(record);
}

export function patchRecord(record: Buffer, input: PatchInput, now: number): Step<PatchOutcome> {
  if (!isLive(record, now)) return { outcome: gone(null), write: null };
  const previousRevision = revisionOf(record);
  if (input.expectedRevision !== undefined && input.expectedRevision !== previousRevision) {
    return { outcome: { status: "conflict", record }, write: null };
  }
  const result = readable(() => applyFieldChanges(record, input.changes, input.maxBytes, input.guard));
  if (result === null) return { outcome: gone(null), write: null };
  if (result.status === "guarded") return { outcome: { status: "conflict", record }, write: null };
  if (result.status !== "patched") return { outcome: result, write: null };
  const revision = revisionOf(result.record);
  return {
    outcome: { status: "patched", previousRevision, revision, increments: result.increments },
    write: withoutStaleWrap(result.record, now),
  };
}

/** Null for corrupt bytes, which are not written to: the next read ends the session. @throws StoreUnavailableError for a newer version's */
export function readRecord(bytes: Buffer): SessionRecord | null {
  return readable(() => new SessionRecord(bytes));
}

function readable<T>(change: () => T): T | null {
  try {
    return change();
  } catch (error) {
    if (error instanceof CorruptRecordError) return null;
    throw error instanceof UnsupportedRecordError ? unsupportedRecord() : error;
  }
}

export function unsupportedRecord(): StoreUnavailableError {
  return new StoreUnavailableError("The record was written by a newer version of Sojourn.", {
    reason: "unsupported_record",
    outcome: "not_executed",
  });
}

export function amendRecord(bytes: Buffer, input: AmendInput, now: number): Step<AmendOutcome> {
  if (!isLive(bytes, now)) return { outcome: gone(null), write: null };
  const record = readRecord(bytes);
  if (record === null) return { outcome: gone(null), write: null };
  const { expected, metadata, locked = record.locked } = input;
  const stored = record.metadataBytes();
  if (stored.equals(metadata) && record.locked === locked) {
    return { outcome: { status: "amended", record: bytes }, write: null };
  }
  if (!stored.equals(expected)) return { outcome: { status: "stale", record: bytes }, write: null };
  const amended = withLock(withMetadata(withoutStaleWrap(bytes, now), metadata), locked);
  return { outcome: { status: "amended", record: amended }, write: amended, event: input.event };
}

export function touchRecord(record: Buffer, input: TouchInput, now: number): Step<TouchOutcome> {
  if (!isLive(record, now)) return { outcome: gone(null), write: null };
  const lastSeenAt = record.readUIntBE(OFFSET.lastSeenAt, 6);
  const confirms = input.confirm && !isConfirmed(record);
  if (now - lastSeenAt < input.minIntervalMs && !confirms) {
    return { outcome: { status: "touched", lastSeenAt }, write: null };
  }
  const newest = Math.max(lastSeenAt, now);
  const touched = withTouch(withoutStaleWrap(record, now), newest, input.expiresAt);
  return {
    outcome: { status: "touched", lastSeenAt: newest },
    write: confirms ? withConfirmation(touched, input.confirmedIdleMs) : touched,
  };
}

/** What is left of a session that ends now, or ended by itself at its expiry. */
export function tombstoneOf(record: Buffer, ending: Pick<RevokeInput, "reason" | "actor">, now: number): Tombstone {
  const { reason, actor } = ending;
  // A corrupt record may be shorter than a header: it ends all the same.
  if (record.length < HEADER_LENGTH) return { reason, actor, createdAt: 0, endedAt: now };
  const createdAt = record.readUIntBE(OFFSET.createdAt, 6);
  const expiresAt = expiresAtOf(record);
  return expiresAt <= now
    ? { reason: EXPIRED, actor: null, createdAt, endedAt: expiresAt }
    : { reason, actor, createdAt, endedAt: now };
}

/** The ended record, when the caller's knowledge of its data is out of date. */
export function lateData(record: Buffer, knownRevision: number | undefined): Buffer | null {
  if (knownRevision === undefined || record.length < HEADER_LENGTH) return null;
  return revisionOf(record) === knownRevision ? null : record;
}

/** A write that arrives after its `notAfter` changes nothing. @throws StoreUnavailableError (late, not_executed) */
export function refuseLate(now: number, notAfter: number | undefined): void {
  if (notAfter !== undefined && now > notAfter) throw lateWrite();
}

export function lateWrite(): StoreUnavailableError {
  return new StoreUnavailableError("The write reached the store after its deadline and was refused there.", {
    reason: "late",
    outcome: "not_executed",
  });
}

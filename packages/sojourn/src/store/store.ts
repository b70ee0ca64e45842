/**
 * The store contract: what any store must do, as domain operations. Each is
 * atomic. Absence is an answer; a rejection (`StoreUnavailableError`) means that
 * the machinery failed. `testing/store-conformance.ts` has a case for each sentence here.
 *
 * Records are packed bytes (`data/record.ts`); ids and user keys say their
 * bucket (`session-id.ts`, `placement.ts`). Times are milliseconds of the
 * store's own clock, which `now()` answers.
 */

import type { MetricStore } from "./metric-store.ts";
import type { FieldGuard, StoredChange } from "../data/field-patch.ts";
import type { RecordCopy, SessionRecord } from "../data/session-record.ts";
import type { NearCacheSize } from "./near-cache.ts";
import type { Page, PageInput } from "./paging.ts";
import type { WriteCall } from "./write-call.ts";
import type { Finding } from "./diagnosis.ts";
import type { EndingListener } from "./ending-hints.ts";
import type { EventListener } from "./event-listeners.ts";
import type { ChangeType, ConsumerOptions, EventNote, EventReader } from "./events.ts";
import type { Totals } from "./totals.ts";
import type { Transfer } from "./transfer.ts";
import type { CheckInput, CheckOutcome, ReapInput, ReapOutcome } from "./upkeep.ts";
import type { ValueStore } from "./value-store.ts";

export type { WriteCall } from "./write-call.ts";

/** What stays of a session that has ended, for an hour unless the store's option `endedKept` says otherwise. No address, no user agent. */
export interface Tombstone {
  readonly reason: string;
  readonly actor: string | null;
  readonly createdAt: number;
  readonly endedAt: number;
}

/** A record, or why there is none any more, or nothing. */
export type ReadOutcome = Buffer | Tombstone | null;

/** The session was revoked (`tombstone`), is over, or never was. Nothing was written. */
export interface Gone {
  readonly status: "gone";
  readonly tombstone: Tombstone | null;
}

/** How many live sessions a user may have. */
export interface SessionLimit {
  /** With the new one. */
  readonly perUser: number;
  /** When there are so many: end the least recently seen of the others, or store nothing. */
  readonly onExceed: "evictOldest" | "reject";
  /**
   * A session whose token has not come back for so long since it began does not count, nor does one that began before
   * the user's epoch: it stays while there is room, and is the first to go.
   */
  readonly confirmGraceMs: number;
}

/** What `create` stores. */
export interface NewSession {
  readonly id: string;
  /** Null for an anonymous session. */
  readonly userKey: string | null;
  readonly record: Buffer;
  readonly limit?: SessionLimit;
  /** A session of the same bucket that is ended with the same step: the new one takes its place. */
  readonly replaces?: Pick<RevokeInput, "id" | "reason" | "actor">;
}

export type CreateOutcome =
  /** Stored, stamped with its user's epoch. A create sent again answers the same. */
  | { readonly status: "created"; readonly userEpoch: number }
  /** The user is disabled: nothing was stored, nothing ended. */
  | { readonly status: "disabled" }
  /** The limit is to reject and `count` sessions count: nothing was stored, nothing ended. */
  | { readonly status: "limited"; readonly count: number }
  /** The id was ended meanwhile, or the session began before a cut-off: a create must not bring it back. */
  | Gone;

export interface PatchInput {
  readonly id: string;
  /** Ciphertext of a `seal` is kept byte for byte, marked as encrypted; a `set` in its place makes the field plain again. */
  readonly changes: readonly StoredChange[];
  /** Refuse with `conflict` unless the stored revision is this one. */
  readonly expectedRevision?: number;
  /** Refuse with `conflict` unless this field is plain and has exactly this JSON text; for null, unless it is absent. */
  readonly guard?: FieldGuard;
  /** Bytes of all names and values together. Shrinking a session that is over it is allowed. */
  readonly maxBytes: number;
}

export type PatchOutcome =
  | {
      readonly status: "patched";
      readonly previousRevision: number;
      readonly revision: number;
      /** Results of the increments, in their order. */
      readonly increments: readonly number[];
    }
  | { readonly status: "conflict"; readonly record: Buffer }
  | { readonly status: "too_large"; readonly bytes: number }
  | { readonly status: "too_many_fields" }
  | { readonly status: "wrong_kind"; readonly name: string }
  | Gone;

export interface TouchInput {
  readonly id: string;
  /** Changes nothing when activity was stored less than so long ago. 0 always stores. */
  readonly minIntervalMs: number;
  /** Also note that the token came back, whatever the interval; where that is noted already it means nothing. */
  readonly confirm: boolean;
  /** The idle timeout from that confirmation on, unless that is shorter. Absent: as it was. */
  readonly confirmedIdleMs?: number;
  /** When it is to end unless it is used again, sooner or later than it was to: the time until then is its idle timeout from now on. */
  readonly expiresAt?: number;
}

export type TouchOutcome = { readonly status: "touched"; readonly lastSeenAt: number } | Gone;

export interface RotateInput {
  readonly id: string;
  /** Generation and hash of the token that is current to the caller's knowledge. */
  readonly generation: number;
  readonly tokenHash: Buffer;
  readonly successorHash: Buffer;
  readonly wrap: Buffer;
  readonly wrapKeyId: number;
  /** Hash of a pending successor to make a new one in place of; another one that is pending stays. Null: whichever is pending stays. */
  readonly replaces: Buffer | null;
}

/** What the caller takes the token or the metadata for is not so any more; the record says what is. */
export interface Stale {
  readonly status: "stale";
  readonly record: Buffer;
}

export type RotateOutcome = { readonly status: "pending"; readonly record: Buffer } | Stale | Gone;

export interface ConfirmInput {
  readonly id: string;
  /** Generation and hash of the successor that was presented. */
  readonly generation: number;
  readonly tokenHash: Buffer;
  /** How long its predecessor is honoured from now on. */
  readonly graceMs: number;
  /** Accept a successor of the next generation that the store does not know (lost in a failover). */
  readonly heal: boolean;
}

export type ConfirmOutcome = { readonly status: "confirmed"; readonly record: Buffer } | Stale | Gone;

export interface ElevateInput {
  readonly id: string;
  /** What is replaced: another generation, hash or metadata in the store is `stale`. */
  readonly expected: { readonly generation: number; readonly tokenHash: Buffer; readonly metadata: Buffer };
  readonly generation: number;
  readonly tokenHash: Buffer;
  readonly metadata: Buffer;
  readonly aal: number;
  /** What it is called in its event: "elevated" unless stated. */
  readonly event?: ChangeType;
  readonly absoluteMs: number;
}

export type ElevateOutcome = { readonly status: "elevated"; readonly record: Buffer } | Stale | Gone;

export interface AmendInput {
  readonly id: string;
  /** Metadata as the caller knows it: another in the store is `stale`. */
  readonly expected: Buffer;
  readonly metadata: Buffer;
  /** Lock or unlock the session. Absent: as it is. */
  readonly locked?: boolean;
  /** What this change is called in its event. Absent: it makes none. */
  readonly event?: EventNote;
}

export type AmendOutcome = { readonly status: "amended"; readonly record: Buffer } | Stale | Gone;

export interface RevokeInput {
  readonly id: string;
  readonly reason: string;
  readonly actor: string | null;
  /** End it only if a token of this generation is still older than the current one, not below the floor, and the grace is over. */
  readonly reusedGeneration?: number;
  /** Answer the last record unless its data revision is this one: how login carries data over without losing a late write. */
  readonly knownRevision?: number;
}

export interface RevokeOutcome {
  /** It is ended now and this call or an earlier one did it; false for an id nobody knows, and where `reusedGeneration` does not hold. */
  readonly ended: boolean;
  /** The record as it was when this call ended it, if `knownRevision` was given and differs. */
  readonly record: Buffer | null;
}

export interface DisableUserInput {
  readonly userKey: string;
  readonly disabled: boolean;
}

export interface RevokeUserInput {
  readonly userKey: string;
  /** A session of that user that stays, unless another call is ending all of them. */
  readonly except: string | null;
  readonly reason: string;
  readonly actor: string | null;
  /** How long the raised epoch must be remembered: the longest absolute timeout in use. */
  readonly epochKeptMs: number;
}

export interface RevokeBeforeInput {
  /** Null: sessions of every policy. */
  readonly policy: string | null;
  /** Sessions whose `createdAt` is earlier are ended. A time that is still to come counts as the store's now. */
  readonly before: number;
  readonly reason: string;
  readonly actor: string | null;
  /** How long the cut-off must be remembered: the longest absolute timeout in use. */
  readonly keptMs: number;
}

export interface StoredSession {
  readonly id: string;
  readonly record: Buffer;
}

export interface ListOptions {
  /** Most sessions of the answer, 1 or more. */
  readonly latest?: number;
}

export interface ActivityInput {
  readonly id: string;
  /** One activity as text; one that is in the list already is not added again. */
  readonly entry: string;
  /** Older ones than so many are dropped. */
  readonly maxEntries: number;
  /** How long the entry stays; an engine may keep it as long as the latest one of the session. */
  readonly keptMs: number;
  /** Also for a session that has ended, as long as the store remembers that it did. */
  readonly afterEnding: boolean;
}

export type ActivityOutcome = { readonly status: "recorded" } | Gone;

export interface StoreFacts {
  /** 32 bytes made once in this namespace and kept as long as the store keeps anything. */
  readonly salt: Buffer;
}

export interface Store {
  /** For messages: "memory", "sqlite", "redis". */
  readonly engine: string;
  readonly namespace: string;
  /** How many parts there are to reap and to check. */
  readonly parts: number;
  /** Numbers that all processes share. */
  readonly metrics: MetricStore;
  /** Sessions that move to another store, or from one. */
  readonly transfer: Transfer;
  /** Values of other libraries. */
  readonly values: ValueStore;
  /** How long a write may take before it gives up. */
  readonly writeDeadlineMs: number;
  /** How full the near cache is, at any time, and how long it keeps what is for `stale`; null without one. */
  readonly nearCache: NearCacheSize | null;

  /**
   * Opens what is needed and answers the facts. Cheap when nothing changed: ask again rather than keep
   * them, for a server that lost its memory may come back with another salt.
   */
  ready(): Promise<StoreFacts>;
  /**
   * The store's time. Exact to half a round trip after `ready()`, and after every call that is answered.
   * @param id whose server's clock is meant, where sessions are spread over several
   */
  now(id?: string): number;

  /**
   * Stores a new session; its user, expiry and times stand in the record. One from before a cut-off is `gone`. A limit is
   * kept in the same step, whoever else logs in: at no moment has the user more live sessions, once this is answered.
   * Sessions over a limit that is new or was lowered are ended in steps of a bounded size before the answer.
   */
  create(session: NewSession, call?: WriteCall): Promise<CreateOutcome>;
  /** The newest acknowledged state. A record past its expiry may still be answered: the caller judges by time. */
  read(id: string): Promise<ReadOutcome>;
  /**
   * The record as it was at some moment of the last lease, without I/O, if the store has a near cache and a copy at
   * hand and it has not expired; else null. Once a write through this store is acknowledged, it answers no state from
   * before it.
   * @param known the `copy` of a record that was answered before: only that record will do, it need not be looked for,
   * and from its `goodUntil` on it is not answered
   */
  near(id: string, known?: RecordCopy): SessionRecord | null;
  /**
   * For when `read` failed: the record as it was when it was last read, by a read that began no longer ago than that, if
   * the near cache has it still (`nearCache.staleMs`). Never of a session that has expired, nor that this store object
   * knows to have ended, nor in a state from before what it wrote or heard of.
   */
  stale(id: string, maxAgeMs: number): SessionRecord | null;
  /** Applies all changes or none. A write moves no deadline and never revives a session. */
  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome>;
  /** Stores activity: last seen, idle deadline, index scores. Never data, never backwards, never for a session that is over. */
  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome>;
  /** Makes a successor of the current token, or answers the one that is pending: every racer gets the same. */
  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome>;
  /** Makes a presented successor current. Sent again it answers the same. */
  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome>;
  /** A new token at once in place of current and pending ones, a new assurance level, new deadlines. Sent again it answers the same. */
  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome>;
  /** Other metadata, and locked or not; no deadline, token or data changes. Sent again it answers the same. */
  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome>;
  /**
   * Ends a session and leaves a tombstone. Nothing can write it back. One whose time was over ended by itself: its
   * tombstone says so ("expired", at its expiry), whoever ends it.
   */
  revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome>;
  /** From now on `create` refuses this user, or no longer does, for as long as nothing else is said. Sessions that are stored stay. */
  disableUser(input: DisableUserInput, call?: WriteCall): Promise<void>;
  /** Ends every session of the user that began before this call; later logins stay. */
  revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ readonly ended: number }>;
  /**
   * Ends every session, or every one of a policy, that began before a time: first a cut-off is stored, by which `read`
   * and `listUser` of every process judge within a second, then the records are ended in small steps. Acknowledged when
   * the last is; from then on no write to such a session succeeds, and none is created any more. A call that failed
   * half-way leaves the cut-off standing; called again it ends the rest. Sessions that begin after the answer stay.
   */
  revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ readonly ended: number }>;
  /**
   * After `revokeUser`: forgets what is kept of the user besides sessions. No record, list or activity names the user
   * any more, but activities of sessions that no event tells of; tombstones and events know sessions by their ids, and
   * events the user's hash. Answers when the last tombstone of today will be gone.
   */
  eraseUser(userKey: string): Promise<{ readonly tombstonesUntil: number }>;
  /** Adds to the activities of a session; never for one that is over or never was, but see `afterEnding`. */
  recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome>;
  /** Activities of a session, newest first, also when it has ended; none for an id that nobody knows. */
  listActivity(id: string): Promise<string[]>;
  /**
   * Ends sessions whose time is over, a bounded number a call, and forgets what is no longer kept. Each is ended once,
   * whoever reaps beside, and leaves the tombstone of a session that ended at its expiry; one touched in time stays.
   */
  reap(input: ReapInput): Promise<ReapOutcome>;
  /** The same for one session. True when this call ended it. */
  expire(id: string, call?: WriteCall): Promise<boolean>;
  /** Compares indexes with records, a bounded number a call. What changes meanwhile is met in one state or the other. */
  checkIndexes(input: CheckInput): Promise<CheckOutcome>;
  /**
   * Live sessions, a page at a time in an order of the engine's own. Whatever lives from the first page to the last is
   * on one of them; what is touched meanwhile may be on two, and what `revokeBefore` has still to end is there, too.
   * Rejects with a TypeError for a cursor that no page answered.
   */
  page(input: PageInput): Promise<Page>;
  /**
   * Live sessions of a user, in no order. With `latest`, so many at most, those that expire last: no other is looked at,
   * however many the user has, so that where some are covered by a cut-off there may be fewer.
   */
  listUser(userKey: string, options?: ListOptions): Promise<StoredSession[]>;
  /** Live sessions; while `revokeBefore` is under way also those that it has still to end. */
  count(): Promise<number>;
  /** Users with at least one live session. */
  countUsers(): Promise<number>;
  /**
   * What began and what ended since the namespace began, each counted once, by the very step that made it so. At least
   * 16 reasons are counted by their names, if of 48 bytes or less; the rest may count as "other".
   */
  totals(): Promise<Totals>;
  /**
   * Hints at sessions that end: those that end through this store at once, those of other processes within a second
   * while the store answers, and so sessions that those lock with an event. Answers how to stop.
   */
  onEnding(listener: EndingListener): () => void;
  /**
   * Calls the listener with each event that a call of this object caused, once that is acknowledged. What began, ended,
   * was confirmed, elevated, or amended with a note, makes an event in the step that does it; nothing else does. Answers
   * how to stop.
   */
  onEvent(listener: EventListener): () => void;
  /** A consumer of the events of all processes. A group begins with the oldest one that is kept. */
  readEvents(consumer: ConsumerOptions): EventReader;
  /**
   * What is found of the server and of how it is set, and what to do about it. Changes nothing. Where several servers
   * differ, a check is answered for each kind of answer. A server that does not answer is a finding; only a store that
   * was closed rejects (StoreClosedError).
   */
  diagnose(): Promise<Finding[]>;
  /** Begins what the engine does between calls, if anything, until it is closed. Nothing is sent before the first call. */
  startBackground?(): void;
  /** Idempotent. What was handed in (a client) stays open. */
  close(): Promise<void>;
}

/** How long a record stays after its expiry, for reaping to see it. */
export const REAP_GRACE_MS = 3_600_000;

export function isRecord(outcome: ReadOutcome): outcome is Buffer {
  return outcome instanceof Buffer;
}

/** Who must go for a new session of a user, as a pure function, for the engines that run in this process. */

import { HEADER_LENGTH, isConfirmed, OFFSET } from "../data/record.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { CreateOutcome, RevokeInput, SessionLimit, StoredSession } from "./store.ts";

/** How many of a user's sessions over the limit are ended in one step at most: a limit may be new, and the user have thousands. */
export const ENDED_AT_ONCE = 128;
/** How a session ends that had to make room for another one of its user. */
export const EVICTION: Pick<RevokeInput, "reason" | "actor"> = { reason: "evicted", actor: null };

export interface Crowd {
  /** Live sessions of the user, but for one that is replaced. */
  readonly sessions: readonly StoredSession[];
  readonly userEpoch: number;
  readonly now: number;
}

export type Limited = Extract<CreateOutcome, { status: "limited" }>;

export type Room = { readonly status: "room"; readonly victims: readonly StoredSession[] } | Limited;

/**
 * Of any part of a user's sessions those that must go, so that with a new one they keep the limit: whoever is not
 * among the last of some is not among the last of all.
 */
export function makeRoom({ sessions, userEpoch, now }: Crowd, limit: SessionLimit): Room {
  const ranked = sessions.map((session) => rankOf(session, userEpoch, now - limit.confirmGraceMs));
  const count = ranked.filter(({ counts }) => counts).length;
  if (limit.onExceed === "reject" && count >= limit.perUser) return { status: "limited", count };
  const excess = Math.max(0, sessions.length - (limit.perUser - 1));
  const victims = ranked.toSorted(firstToGo).slice(0, excess);
  return { status: "room", victims: victims.map(({ session }) => session) };
}

/** A new or lowered limit, and more sessions over it than could be ended within the write deadline. */
export function tooManySessions(): StoreUnavailableError {
  return new StoreUnavailableError(
    "The user had too many sessions over the limit to end them in time. Those that were ended stay so: try again.",
    { reason: "timeout", outcome: "not_executed" },
  );
}

interface Ranked {
  readonly session: StoredSession;
  readonly counts: boolean;
  readonly lastSeenAt: number;
  readonly createdAt: number;
}

function rankOf(session: StoredSession, userEpoch: number, awaitedSince: number): Ranked {
  const { record } = session;
  // A corrupt record may be shorter than a header: it does not count.
  if (record.length < HEADER_LENGTH) return { session, counts: false, lastSeenAt: 0, createdAt: 0 };
  const createdAt = record.readUIntBE(OFFSET.createdAt, 6);
  const ofThisEpoch = record.readUIntBE(OFFSET.userEpoch, 6) >= userEpoch;
  return {
    session,
    counts: ofThisEpoch && (isConfirmed(record) || createdAt > awaitedSince),
    lastSeenAt: record.readUIntBE(OFFSET.lastSeenAt, 6),
    createdAt,
  };
}

/** Those that do not count, then the least recently seen. */
function firstToGo(a: Ranked, b: Ranked): number {
  return (
    Number(a.counts) - Number(b.counts) ||
    a.lastSeenAt - b.lastSeenAt ||
    a.createdAt - b.createdAt ||
    (a.session.id < b.session.id ? -1 : 1)
  );
}

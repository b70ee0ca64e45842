/**
 * What a genuine token means for its session, and renewal in two phases.
 *
 * The record knows the current generation c with its hash, and perhaps one other
 * token. *Pending*: the other is the successor c+1, made but not yet seen; until
 * somebody presents it the current token stays good and yields that same
 * successor to everyone, so that a lost response logs nobody out. *Confirmed*:
 * the successor was presented and became current; the other is its predecessor,
 * good until `graceUntil` and yielding the current token, so that requests in
 * flight end well. `floor` is the generation of the last elevation: tokens
 * below it were superseded on purpose, and their use is no sign of theft.
 *
 * A browser keeps the Set-Cookie that arrives last, so no response may bring an
 * older token back after a newer one. Hence: an answer is sent within half the
 * grace or dropped (`adapters/outgoing-token.ts`), the network has the other half,
 * and no further token is made for one grace after the grace of the last one.
 *
 * Reuse of an older token after the grace is: whoever presents it, one of two
 * parties has a stolen copy, and the session ends (RFC 9700 §4.14.2).
 */

import type { SessionRecord } from "../data/session-record.ts";
import { equalBytes } from "../security/keyring.ts";
import type { VerifiedToken } from "../security/token.ts";

export type TokenStanding =
  /** Good; the successor is to be delivered if one is pending. */
  | "current"
  /** Good, and presented for the first time: to be confirmed. */
  | "successor"
  /** Good for the grace; the current token is to be delivered. */
  | "previous"
  /** One generation newer than the store knows: it lost a confirmation, as a failover may. */
  | "healable"
  /** Ends the session. */
  | "reused"
  /** Not good, and no sign of theft. */
  | "superseded"
  /** Genuine by its MAC and yet not of this record. */
  | "unknown";

export function standingOf(record: SessionRecord, token: VerifiedToken, now: number): TokenStanding {
  const { generation: c, rotation } = record;
  if (token.generation === c) return record.hasTokenHash(token.hash) ? "current" : "unknown";
  const isOther = rotation !== null && equalBytes(token.hash, rotation.otherHash);
  if (token.generation === c + 1) return rotation?.state === "pending" && isOther ? "successor" : "healable";
  if (token.generation > c) return "unknown";
  const inGrace = rotation !== null && now <= rotation.graceUntil;
  if (token.generation === c - 1 && rotation?.state === "confirmed" && isOther && inGrace) return "previous";
  if (token.generation < record.floor || inGrace) return "superseded";
  return "reused";
}

/** When the current token was made: by the last renewal, elevation or login. */
export function tokenMadeAt(record: SessionRecord): number {
  return Math.max(record.rotation?.since ?? 0, record.authenticatedAt);
}

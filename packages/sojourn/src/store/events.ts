/**
 * Events: what happened to sessions, written by the very step that made it happen. They hold no token, no data, no
 * address, and of a user only a keyed hash. Data writes and touches make none.
 */

/** What may happen to a session besides beginning and ending; each with the letter under which it is stored. */
export const CHANGES = {
  /** A renewed token was presented for the first time, and became the current one. */
  rotated: "r",
  /** The user proved again who they are: a new token at once, a new assurance level, no lock any more. */
  elevated: "l",
  /** The same, because the user changed their password. */
  password_changed: "p",
  /** Now owned by another server: the detail names it. */
  migrated: "m",
  /** Whoever has its token must prove who they are. The detail says why: "unused", or in what the client differed. */
  locked: "k",
  /** Marked by the application, or by the check of the client: the detail says why. */
  suspicious: "s",
  /** The session's user, or someone in their name, failed to prove who they are. */
  login_failed: "f",
} as const;

export type ChangeType = keyof typeof CHANGES;

/** For callers without types. */
export const EVENT_TYPES: readonly EventType[] = ["created", "ended", ...(Object.keys(CHANGES) as ChangeType[]), "gap"];

/** Every type of event: a closed list. */
export type EventType = "created" | "ended" | ChangeType | "gap";

interface Happened {
  /** Stable: delivered again, an event has the same id, and no other event ever has it. */
  readonly id: string;
  /** When it happened, in milliseconds since the epoch. */
  readonly at: number;
}

interface OfSession extends Happened {
  readonly sessionId: string;
  /** A keyed hash of the user's id, the same for all sessions of a user; null for an anonymous session, or if unknown. */
  readonly userHash: string | null;
  /** When the session began; null if unknown. */
  readonly sessionCreatedAt: number | null;
}

/** A session began. */
export interface CreatedEvent extends OfSession {
  readonly type: "created";
}

/** A session ended: each does so once. One whose time was over ended at its expiry, for the reason "expired". */
export interface EndedEvent extends OfSession {
  readonly type: "ended";
  /** "expired", "logout", "login", "evicted", "reused", "revoked" and what the application says. */
  readonly reason: string;
  readonly actor: string | null;
  /** How long it lasted, in milliseconds; null if unknown. */
  readonly durationMs: number | null;
}

/** Something about a session changed. */
export interface ChangeEvent extends OfSession {
  readonly type: ChangeType;
  readonly detail: string | null;
}

/** Events of a part of the store were trimmed before this group got them. */
export interface GapEvent extends Happened {
  readonly type: "gap";
  /** How many. */
  readonly lost: number;
}

export type SessionEvent = CreatedEvent | EndedEvent | ChangeEvent | GapEvent;

/** What a change that a write makes is called in its event. */
export interface EventNote {
  readonly type: ChangeType;
  /** At most 256 bytes of UTF-8; neither secrets nor addresses belong here. */
  readonly detail?: string;
}

export interface ConsumerOptions {
  /** Each group gets every event; within a group one consumer does. */
  readonly group: string;
  readonly consumer: string;
  /** What a consumer took and did not acknowledge for so long is given to another one. */
  readonly claimAfterMs: number;
}

/**
 * A consumer at work. Delivery is at least once, and in order for each session as long as it is the only one of its
 * group: of several, one may be done with an event before another is with an earlier one.
 */
export interface EventReader {
  /**
   * The next events for this consumer: those that it, or one that let them lie, took and did not acknowledge, then new
   * ones. Waits for them, at most so long; none when there are none, or when the reader was stopped.
   */
  take(waitMs: number): Promise<SessionEvent[]>;
  /** These will not be delivered to the group again. */
  acknowledge(events: readonly SessionEvent[]): Promise<void>;
  stop(): void;
}

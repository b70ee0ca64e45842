/**
 * Telling when a session ends or is locked: for what stays open longer than a
 * request, a WebSocket or an event stream.
 *
 * The store hints at endings and locks, also at those by other processes; whether a
 * session has ended says a read of it. A session that nobody ends is looked at when
 * its time is over, and again when activity has moved that. A read that fails is repeated.
 */

import type { Core } from "./core.ts";
import { StoreClosedError, TooManyWatchesError } from "../errors.ts";
import { isSessionId } from "../data/session-id.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { isRecord, type ReadOutcome } from "../store/store.ts";

/** How a session ended. */
export interface SessionEnd {
  readonly id: string;
  /**
   * As given to `revoke`, or "logout", "login", "expired", "evicted", "reused" …; "unknown" when the store does not know
   * any more. "locked": it is good again after `reauthenticate`, and to be watched anew then.
   */
  readonly reason: string;
  /** Milliseconds since the epoch, on the store's clock. */
  readonly at: number;
}

export type EndListener = (end: SessionEnd) => void;

interface Watched {
  readonly listeners: Set<EndListener>;
  /** When to look at it although nobody hinted at anything. */
  dueAt: number;
}

/** How late an expiry may be noticed. */
const TICK_MS = 500;
/** Sessions looked at at once. */
const CHUNK = 512;
const MAX_WATCHED = 100_000;

/** @internal */
export class Watching {
  readonly #core: Core;
  readonly #most: number;
  readonly #watched = new Map<string, Watched>();
  /** To be read. */
  readonly #pending = new Set<string>();
  #isReading = false;
  #stop: (() => void) | null = null;
  #isClosed = false;

  /** @param most sessions watched at once */
  constructor(core: Core, most = MAX_WATCHED) {
    this.#core = core;
    this.#most = most;
  }

  /** @throws TypeError, TooManyWatchesError, StoreClosedError */
  watch(id: string, onEnd: EndListener): () => void {
    if (this.#isClosed) throw new StoreClosedError();
    if (!isSessionId(id)) throw new TypeError("watch takes the id of a session (session.id).");
    if (typeof onEnd !== "function") throw new TypeError("watch takes a function to call when the session ends.");
    const watched = this.#watched.get(id) ?? { listeners: new Set<EndListener>(), dueAt: Number.POSITIVE_INFINITY };
    if (this.#watched.size >= this.#most && watched.listeners.size === 0) throw new TooManyWatchesError(this.#most);
    // The same function may be given twice, and each is to be stopped by itself.
    const listener: EndListener = (end) => onEnd(end);
    watched.listeners.add(listener);
    this.#watched.set(id, watched);
    this.#stop ??= this.#start();
    this.#look(id);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0 && this.#watched.get(id) === watched) this.#forget(id);
    };
  }

  /** Calls nobody. */
  close(): void {
    this.#isClosed = true;
    for (const id of this.#watched.keys()) this.#forget(id);
  }

  #start(): () => void {
    const stopHearing = this.#core.store.onEnding((id) => {
      if (id !== null) this.#look(id);
      else for (const each of this.#watched.keys()) this.#look(each);
    });
    const stopLocks = this.#core.store.onEvent((event) => {
      if (event.type === "locked") this.#look(event.sessionId);
    });
    const timer = setInterval(() => this.#tick(), TICK_MS).unref();
    return () => {
      stopHearing();
      stopLocks();
      clearInterval(timer);
    };
  }

  #tick(): void {
    const now = this.#core.store.now();
    for (const [id, { dueAt }] of this.#watched) if (now >= dueAt) this.#look(id);
  }

  #forget(id: string): void {
    this.#watched.delete(id);
    this.#pending.delete(id);
    if (this.#watched.size > 0) return;
    this.#stop?.();
    this.#stop = null;
  }

  #look(id: string): void {
    if (!this.#watched.has(id)) return;
    this.#pending.add(id);
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#readPending();
  }

  /** Not in the turn of the hint: a session that is hinted at while it is read is read again. */
  async #readPending(): Promise<void> {
    await Promise.resolve();
    while (this.#pending.size > 0) {
      const ids: string[] = [];
      for (const id of this.#pending) {
        if (ids.length === CHUNK) break;
        ids.push(id);
      }
      for (const id of ids) this.#pending.delete(id);
      await Promise.all(ids.map((id) => this.#read(id)));
    }
    // In the turn that found nothing more to read: a hint right after it must begin anew.
    this.#isReading = false;
  }

  async #read(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    try {
      const end = this.#endOf(id, await this.#core.store.read(id), watched);
      if (end !== null && this.#watched.get(id) === watched) this.#tell(watched, end);
    } catch {
      // The store does not answer, which others say; the next tick asks again.
      watched.dueAt = Number.NEGATIVE_INFINITY;
    }
  }

  #endOf(id: string, outcome: ReadOutcome, watched: Watched): SessionEnd | null {
    const now = this.#core.store.now();
    if (outcome === null) return { id, reason: "unknown", at: now };
    if (!isRecord(outcome)) return { id, reason: outcome.reason, at: outcome.endedAt };
    const record = this.#core.parse(id, outcome);
    if (record === null) return { id, reason: "corrupt", at: now };
    const { expiresAt } = record;
    const locksAt = record.locked ? now : this.#locksAt(id, record);
    watched.dueAt = Math.min(expiresAt, locksAt);
    if (now < watched.dueAt) return null;
    return now < expiresAt ? { id, reason: "locked", at: locksAt } : { id, reason: "expired", at: expiresAt };
  }

  /** When it will have gone unused for too long. */
  #locksAt(id: string, record: SessionRecord): number {
    const { policies } = this.#core;
    if (policies.shortestLockMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return record.lastSeenAt + policies.lockAfterMsOf(this.#core.metadataOf(id, record).policy);
  }

  #tell({ listeners }: Watched, end: SessionEnd): void {
    this.#forget(end.id);
    for (const listener of listeners) this.#core.tell("a function given to watch()", listener, end);
  }
}

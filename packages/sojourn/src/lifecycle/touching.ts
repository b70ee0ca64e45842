/**
 * Storing activity behind a validation, and noting once that a token came back
 * where something hangs on it: an anonymous session whose token never does ends
 * soon, a user's does not count for a limit.
 */

import type { SessionRecord } from "../data/session-record.ts";
import type { TouchInput } from "../store/store.ts";
import { SessionEndedError } from "../errors.ts";
import type { Core } from "./core.ts";

/** The part of a session that a touch needs. */
interface Touched {
  readonly id: string;
  readonly policy: string;
  readonly idleMs: number;
}

interface TouchedNow extends Touched {
  touchNoting(confirmation: Confirmation): Promise<void>;
}

/** What a touch notes besides the time. */
export type Confirmation = Pick<TouchInput, "confirm" | "confirmedIdleMs">;

const NOTHING: Confirmation = { confirm: false };

export class Touching {
  readonly #core: Core;
  /** Sessions whose touch is under way: one a process is enough. */
  readonly #underWay = new Set<string>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Not awaited: the request goes on, and a touch that fails is due again at the next. */
  whenDue(session: Touched, record: SessionRecord, now: number): void {
    const { store, policies } = this.#core;
    const unseenMs = now - record.lastSeenAt;
    const confirms = this.#mustConfirm(record);
    // Most requests end here, without decoding the metadata that names the policy.
    if (!confirms && unseenMs < policies.shortestTouchIntervalOf(session.idleMs)) return;
    const minIntervalMs = policies.touchIntervalOf(session.policy, session.idleMs);
    if ((!confirms && unseenMs < minIntervalMs) || this.#underWay.has(session.id)) return;
    this.#underWay.add(session.id);
    const touched = store.touch({ id: session.id, minIntervalMs, ...this.#confirmation(session, record) });
    this.#core.background(
      "storing activity",
      touched.finally(() => this.#underWay.delete(session.id)),
    );
  }

  /** No earlier time has a validation of it anything to store. */
  dueAt(record: SessionRecord): number {
    if (this.#mustConfirm(record)) return 0;
    return record.lastSeenAt + this.#core.policies.shortestTouchIntervalOf(record.idleMs);
  }

  /** Awaited. False when the session has ended. @throws StoreUnavailableError */
  async now(session: TouchedNow, record: SessionRecord): Promise<boolean> {
    try {
      await session.touchNoting(this.#confirmation(session, record));
      return true;
    } catch (error) {
      if (error instanceof SessionEndedError) return false;
      throw error;
    }
  }

  /** What a touch of a session whose token was just presented has to note. */
  #confirmation(session: Touched, record: SessionRecord): Confirmation {
    if (!this.#mustConfirm(record)) return NOTHING;
    if (!record.isAnonymous) return { confirm: true };
    return { confirm: true, confirmedIdleMs: this.#core.policies.idleMsOf(session.policy, session.idleMs) };
  }

  #mustConfirm(record: SessionRecord): boolean {
    return !record.confirmed && (record.isAnonymous || this.#core.limit !== null);
  }
}

/** Whether a token is good now, and what its client should be given in its place. */

import type { SessionRecord } from "../data/session-record.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { ClientSignals, Signal } from "../security/signals.ts";
import { secretOf, type VerifiedToken } from "../security/token.ts";
import { isRecord, type ReadOutcome, type Tombstone } from "../store/store.ts";
import { amend, type Amendment } from "./amendment.ts";
import { BindingCheck } from "./binding-check.ts";
import { EXPIRED } from "../store/totals.ts";
import type { Core } from "./core.ts";
import type { Invalid, InvalidReason } from "./invalid.ts";
import type { Presented, Renewal } from "./renewal.ts";
import { standingOf, type TokenStanding } from "./rotation.ts";

/** @internal */
export interface Good {
  readonly valid: true;
  readonly presented: Presented;
  readonly standing: TokenStanding;
  /** Present when the client must be given this token from now on. */
  readonly token?: string;
  /** What differs from the client that the session was begun on; none where nothing is compared. */
  readonly differing: readonly Signal[];
}

/** @internal */
export interface CheckOptions {
  /** What the request says of its client, to be compared if sessions are bound. */
  readonly signals?: ClientSignals;
  /** A locked session is as good as any: for what unlocks it. */
  readonly evenLocked?: boolean;
}

/** @internal */
export const MALFORMED: Invalid = Object.freeze({ valid: false, reason: "malformed", clearCookie: false });
const NOT_FOUND: Invalid = Object.freeze({ valid: false, reason: "not_found", clearCookie: true });
const LOCKED: Invalid = Object.freeze({ valid: false, reason: "locked", clearCookie: false });
const BINDING_MISMATCH: Invalid = Object.freeze({ valid: false, reason: "binding_mismatch", clearCookie: false });
const NONE: readonly Signal[] = Object.freeze([]);
const SUPERSEDED: Invalid = Object.freeze({ valid: false, reason: "superseded", clearCookie: false });

/** Standings of a token whose bearer may go on. */
const GOOD: ReadonlySet<TokenStanding> = new Set(["current", "successor", "previous", "healable"]);

/** @internal */
export class TokenCheck {
  readonly #core: Core;
  readonly #renewal: Renewal;
  readonly #binding: BindingCheck | null;

  constructor(core: Core, renewal: Renewal) {
    this.#core = core;
    this.#renewal = renewal;
    this.#binding = core.binding === null ? null : new BindingCheck(core, core.binding);
  }

  /** One read, and a script only where something is due. @throws StoreUnavailableError */
  async check(token: unknown, options: CheckOptions = {}): Promise<Good | Invalid> {
    const verified = this.#core.tokens.verify(token);
    if (verified === null || typeof token !== "string") return MALFORMED;
    return this.judge(token, verified, await this.#core.store.read(verified.id), options);
  }

  /** Of what the store answered. Most tokens are current with nothing due: those wait for nothing more. */
  judge(
    token: string,
    verified: VerifiedToken,
    outcome: ReadOutcome,
    { signals, evenLocked = false }: CheckOptions,
  ): Good | Invalid | Promise<Good | Invalid> {
    const at = this.#core.store.now(verified.id);
    const record = this.#live(verified.id, outcome, at);
    if ("valid" in record) return record;
    const standing = standingOf(record, verified, at);
    const presented = { token, verified, record, at };
    if (!evenLocked && GOOD.has(standing)) {
      if (record.locked) return LOCKED;
      if (this.#isUnused(verified.id, record, at)) return this.#locked(presented, signals);
    }
    if (this.#binding === null || signals === undefined || !GOOD.has(standing)) {
      return this.#judged(presented, standing, NONE);
    }
    return this.#compared(this.#binding, presented, standing, signals);
  }

  /** Longer than its policy's `lockAfter` allows; most checks end without decoding the metadata that names the policy. */
  #isUnused(id: string, record: SessionRecord, now: number): boolean {
    const { policies } = this.#core;
    const unusedMs = now - record.lastSeenAt;
    if (unusedMs < policies.shortestLockMs) return false;
    return unusedMs >= policies.lockAfterMsOf(this.#core.metadataOf(id, record).policy);
  }

  /** It is stored, so that no activity unlocks it; unless there was some just now. */
  async #locked({ token, verified, record }: Presented, signals: ClientSignals = {}): Promise<Good | Invalid> {
    const { id } = verified;
    const lock = (stored: SessionRecord): Amendment | null =>
      stored.locked || !this.#isUnused(id, stored, this.#core.store.now(id))
        ? null
        : { metadata: this.#core.metadataOf(id, stored), locked: true, event: { type: "locked", detail: "unused" } };
    await amend(this.#core, id, lock, record);
    return this.check(token, { signals });
  }

  async #compared(
    binding: BindingCheck,
    presented: Presented,
    standing: TokenStanding,
    signals: ClientSignals,
  ): Promise<Good | Invalid> {
    const presenter = { id: presented.verified.id, record: presented.record, signals };
    const differing = binding.differing(presenter);
    const done = differing.length === 0 ? "allowed" : await binding.act(presenter, differing);
    if (done === "revoked") return BINDING_MISMATCH;
    // Whatever this or another request made of it meanwhile.
    if (done === "locked") return this.check(presented.token);
    return this.#judged(presented, standing, differing);
  }

  /**
   * The answer from the store's near cache where "good, and nothing else to do" is all there is to say; null for
   * whatever has to be judged by the store's own record.
   */
  near(token: string, signals: ClientSignals, verified: VerifiedToken): Good | null {
    const record = this.#core.store.near(verified.id);
    if (record === null) return null;
    if (verified.generation !== record.generation || !record.hasTokenHash(verified.hash)) return null;
    const isPlain = verified.keyIndex === 0 && !record.locked && record.rotation?.state !== "pending";
    const at = this.#core.store.now(verified.id);
    if (!isPlain || this.#isUnused(verified.id, record, at)) return null;
    if (this.#binding !== null && this.#binding.differing({ id: verified.id, record, signals }).length > 0) return null;
    const presented = { token, verified, record, at };
    if (this.#renewal.isDue(presented)) return null;
    return { valid: true, presented, standing: "current", differing: NONE };
  }

  /**
   * The last that is known of the session of a token that was the current one, where the store cannot be asked: what
   * is due, a renewal of the token say, is left until it can. Null for whatever is not plainly good.
   */
  stale({ id, generation, hash }: VerifiedToken, signals: ClientSignals): SessionRecord | null {
    const { store, unavailable } = this.#core;
    const record = store.stale(id, unavailable.staleMs);
    if (record === null || generation !== record.generation || !record.hasTokenHash(hash)) return null;
    if (record.locked || this.#isUnused(id, record, store.now(id))) return null;
    return this.#binding !== null && this.#binding.differing({ id, record, signals }).length > 0 ? null : record;
  }

  /** Store time from which the current token of a record may be renewed, or its session locked for not being used. */
  dueAt(record: SessionRecord): number {
    return Math.min(record.lastSeenAt + this.#core.policies.shortestLockMs, this.#renewal.dueAt(record));
  }

  /** The record of a token that is good, without doing anything about it; null for any other. */
  async peek(verified: VerifiedToken): Promise<SessionRecord | null> {
    const outcome = await this.#core.store.read(verified.id);
    const now = this.#core.store.now(verified.id);
    const record = this.#live(verified.id, outcome, now);
    if ("valid" in record) return null;
    const standing = standingOf(record, verified, now);
    const isLocked = record.locked || this.#isUnused(verified.id, record, now);
    return GOOD.has(standing) && standing !== "healable" && !isLocked ? record : null;
  }

  #live(id: string, outcome: ReadOutcome, now: number): SessionRecord | Invalid {
    if (outcome === null) return NOT_FOUND;
    if (!isRecord(outcome)) return endedBy(outcome);
    const record = this.#core.parse(id, outcome);
    if (record === null) return NOT_FOUND;
    if (now < record.expiresAt) return record;
    this.#core.endExpired(id);
    return endedBy({ reason: EXPIRED, actor: null, createdAt: record.createdAt, endedAt: record.expiresAt });
  }

  #judged(
    presented: Presented,
    standing: TokenStanding,
    differing: readonly Signal[],
  ): Good | Invalid | Promise<Good | Invalid> {
    const good = { valid: true, presented, standing, differing } as const;
    // Who may be somebody else is given no other token than the one that they have.
    const withheld = differing.length > 0;
    switch (standing) {
      case "current":
        return withheld ? given(good, this.#reissued(presented)) : this.#current(good);
      case "successor":
        this.#core.background("confirming a token", this.#renewal.confirm(presented.verified, false));
        return given(good, this.#reissued(presented));
      case "previous":
        return given(good, withheld ? null : this.#renewal.deliver(presented));
      case "healable":
        return this.#healed(good);
      case "reused":
        return this.#reused(presented);
      case "superseded":
        return SUPERSEDED;
      case "unknown":
        return NOT_FOUND;
    }
  }

  /** With the pending successor, a new one when renewal is due, or the same token under the current key. */
  #current(good: Good): Good | Promise<Good> {
    const { presented } = good;
    const { rotation } = presented.record;
    const pending = rotation?.state === "pending" ? this.#renewal.deliver(presented) : null;
    if (pending !== null) {
      if (this.#renewal.isIgnored(presented.record)) this.#warnOfIgnored(presented);
      return given(good, pending);
    }
    if (this.#renewal.isDue(presented)) return this.#renewed(good);
    return given(good, this.#reissued(presented));
  }

  #warnOfIgnored({ verified }: Presented): void {
    const what = "its client goes on with a token that was renewed longer ago than rotation.every";
    this.#core.notices.warn("rotation_ignored", `session ${verified.id}: ${what}`);
  }

  async #renewed(good: Good): Promise<Good> {
    try {
      const renewed = await this.#renewal.renew(good.presented);
      if (renewed !== null) return given(good, renewed.token);
    } catch (error) {
      // The token is good all the same; the next request renews it.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
    return given(good, this.#reissued(good.presented));
  }

  /**
   * The same generation and secret under the current key, for a token that an older key signed (row P1). With
   * `rotation.every` it is renewed instead, for a response with the same token may arrive after one with a newer one.
   */
  #reissued({ token, verified }: Presented): string | null {
    if (verified.keyIndex === 0 || this.#core.rotation.everyMs !== null) return null;
    return this.#core.tokens.compose(verified.id, verified.generation, secretOf(token)).token;
  }

  /** The store lost a confirmation, as a failover may: the client has the newer token, and it is ours. */
  async #healed(good: Good): Promise<Good | Invalid> {
    const { verified } = good.presented;
    const record = await this.#renewal.confirm(verified, true);
    if (record === null) return NOT_FOUND;
    this.#core.notices.warn("healed", `session ${verified.id}: the store had lost a renewal of its token`);
    return { ...good, presented: { ...good.presented, record }, standing: "current" };
  }

  /** The store looks again, because another process may just have confirmed or elevated. */
  async #reused({ verified }: Presented): Promise<Invalid> {
    const { id, generation } = verified;
    const ending = { id, reason: "reused", actor: null, reusedGeneration: generation };
    const { ended } = await this.#core.store.revoke(ending);
    if (!ended) return SUPERSEDED;
    this.#core.notices.warn(
      "reused",
      `session ${id}: a token from before its renewal was presented again; it was ended`,
    );
    return { valid: false, reason: "reused", clearCookie: true };
  }
}

function given(good: Good, token: string | null): Good {
  return token === null ? good : { ...good, token };
}

function endedBy({ reason, endedAt }: Tombstone): Invalid {
  const known: InvalidReason = reason === "expired" || reason === "reused" ? reason : "revoked";
  return { valid: false, reason: known, clearCookie: true, ended: { reason, at: endedAt } };
}

/** Whether a token is good now, and what its client should be given in its place. */

import type { SessionRecord } from "../data/session-record.ts";
import { StoreUnavailableError } from "../errors.ts";
import { secretOf, type VerifiedToken } from "../security/token.ts";
import { isRecord, type Tombstone } from "../store/store.ts";
import type { Core } from "./core.ts";
import type { Presented, Renewal } from "./renewal.ts";
import { standingOf, type TokenStanding } from "./rotation.ts";

export type InvalidReason =
  | "malformed"
  | "not_found"
  | "expired"
  | "revoked"
  | "reused"
  | "superseded"
  | "locked"
  | "binding_mismatch";

export interface Invalid {
  readonly valid: false;
  readonly reason: InvalidReason;
  /** Whether the client's cookie should be removed. False where a misconfigured node would otherwise log everyone out. */
  readonly clearCookie: boolean;
  /** Why and when it was ended, while the store still knows. */
  readonly ended?: { readonly reason: string; readonly at: number };
}

/** @internal */
export interface Good {
  readonly valid: true;
  readonly presented: Presented;
  readonly standing: TokenStanding;
  /** Present when the client must be given this token from now on. */
  readonly token?: string;
}

const MALFORMED: Invalid = Object.freeze({ valid: false, reason: "malformed", clearCookie: false });
const NOT_FOUND: Invalid = Object.freeze({ valid: false, reason: "not_found", clearCookie: true });
const EXPIRED: Invalid = Object.freeze({ valid: false, reason: "expired", clearCookie: true });
const SUPERSEDED: Invalid = Object.freeze({ valid: false, reason: "superseded", clearCookie: false });

/** @internal */
export class TokenCheck {
  readonly #core: Core;
  readonly #renewal: Renewal;

  constructor(core: Core, renewal: Renewal) {
    this.#core = core;
    this.#renewal = renewal;
  }

  /** One read, and a script only where something is due. @throws StoreUnavailableError */
  async check(token: unknown): Promise<Good | Invalid> {
    const verified = this.#core.tokens.verify(token);
    if (verified === null || typeof token !== "string") return MALFORMED;
    const record = await this.#liveRecord(verified.id);
    if ("valid" in record) return record;
    const standing = standingOf(record, verified, this.#core.store.now());
    return this.#judged({ token, verified, record }, standing);
  }

  /** The record of a token that is good, without doing anything about it; null for any other. */
  async peek(verified: VerifiedToken): Promise<SessionRecord | null> {
    const record = await this.#liveRecord(verified.id);
    if ("valid" in record) return null;
    const standing = standingOf(record, verified, this.#core.store.now());
    return standing === "current" || standing === "successor" || standing === "previous" ? record : null;
  }

  async #liveRecord(id: string): Promise<SessionRecord | Invalid> {
    const outcome = await this.#core.store.read(id);
    if (outcome === null) return NOT_FOUND;
    if (!isRecord(outcome)) return endedBy(outcome);
    const record = this.#core.parse(id, outcome);
    if (record === null) return NOT_FOUND;
    return this.#core.store.now() >= record.expiresAt ? EXPIRED : record;
  }

  async #judged(presented: Presented, standing: TokenStanding): Promise<Good | Invalid> {
    switch (standing) {
      case "current":
        return this.#good(presented, standing, await this.#replacement(presented));
      case "successor":
        this.#core.background("confirming a token", this.#renewal.confirm(presented.verified, false));
        return this.#good(presented, standing, this.#reissued(presented));
      case "previous":
        return this.#good(presented, standing, this.#renewal.deliver(presented));
      case "healable":
        return this.#healed(presented);
      case "reused":
        return this.#reused(presented);
      case "superseded":
        return SUPERSEDED;
      case "unknown":
        return NOT_FOUND;
    }
  }

  #good(presented: Presented, standing: TokenStanding, token: string | null): Good {
    return token === null ? { valid: true, presented, standing } : { valid: true, presented, standing, token };
  }

  /** The pending successor, a new one when renewal is due, or the same token under the current key. */
  async #replacement(presented: Presented): Promise<string | null> {
    if (presented.record.rotation?.state === "pending") {
      return this.#renewal.deliver(presented) ?? this.#reissued(presented);
    }
    if (this.#renewal.isDue(presented.record)) {
      try {
        const renewed = await this.#renewal.renew(presented);
        if (renewed !== null) return renewed.token;
      } catch (error) {
        // The token is good all the same; the next request renews it.
        if (!(error instanceof StoreUnavailableError)) throw error;
      }
    }
    return this.#reissued(presented);
  }

  /** The same generation and secret under the current key, for a token that an older key signed (row P1). */
  #reissued({ token, verified }: Presented): string | null {
    if (verified.keyIndex === 0) return null;
    return this.#core.tokens.compose(verified.id, verified.generation, secretOf(token)).token;
  }

  /** The store lost a confirmation, as a failover may: the client has the newer token, and it is ours. */
  async #healed(presented: Presented): Promise<Good | Invalid> {
    const record = await this.#renewal.confirm(presented.verified, true);
    if (record === null) return NOT_FOUND;
    this.#core.notices.warn("healed", `session ${presented.verified.id}: the store had lost a renewal of its token`);
    return this.#good({ ...presented, record }, "current", null);
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

function endedBy({ reason, endedAt }: Tombstone): Invalid {
  const known: InvalidReason = reason === "expired" || reason === "reused" ? reason : "revoked";
  return { valid: false, reason: known, clearCookie: true, ended: { reason, at: endedAt } };
}

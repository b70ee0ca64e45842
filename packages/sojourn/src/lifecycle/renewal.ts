/** Making, delivering and confirming successors of tokens. The rules are in `rotation.ts`. */

import { randomBytes } from "node:crypto";
import type { SessionRecord } from "../data/session-record.ts";
import { equalBytes } from "../security/keyring.ts";
import { unwrapSecret, wrapSecret } from "../security/successor.ts";
import { MAX_GENERATION, secretOf, type VerifiedToken } from "../security/token.ts";
import type { Core } from "./core.ts";
import { tokenMadeAt } from "./rotation.ts";

/** A token that was presented, what it verified to, and the record it is good for. */
export interface Presented {
  readonly token: string;
  readonly verified: VerifiedToken;
  readonly record: SessionRecord;
  /** Store time at which it was. */
  readonly at: number;
}

export class Renewal {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Whether `rotation.every` asks for a new token now: by its age, or because an older key signed it. */
  isDue({ record, verified }: Presented): boolean {
    const { everyMs } = this.#core.rotation;
    if (everyMs === null || this.isSettling(record)) return false;
    return verified.keyIndex > 0 || this.#core.store.now() - tokenMadeAt(record) >= everyMs;
  }

  /** No earlier time is it due. */
  dueAt(record: SessionRecord): number {
    return tokenMadeAt(record) + (this.#core.rotation.everyMs ?? Number.POSITIVE_INFINITY);
  }

  /**
   * The grace of the last renewal runs, and as long again, in which the last responses that carry the current token
   * arrive: made any earlier, a further token could be put out of a jar by the one before it.
   */
  isSettling({ rotation }: SessionRecord): boolean {
    const { graceMs } = this.#core.rotation;
    return rotation?.state === "confirmed" && this.#core.store.now() <= rotation.graceUntil + graceMs;
  }

  /** A successor waits longer than renewals are apart, and the old token is still in use: its client does not take it. */
  isIgnored({ rotation }: SessionRecord): boolean {
    const { everyMs } = this.#core.rotation;
    return everyMs !== null && rotation?.state === "pending" && this.#core.store.now() - rotation.since > everyMs;
  }

  /** The token that stands in the rotation block for whoever presented this one; null when its wrap cannot be opened. */
  deliver({ token, verified, record }: Omit<Presented, "at">): string | null {
    const { rotation } = record;
    if (rotation === null) return null;
    const generation = verified.generation + 1;
    const successorHash = rotation.state === "pending" ? rotation.otherHash : record.tokenHash;
    const context = { oldSecret: secretOf(token), id: verified.id, generation, successorHash };
    const secret = unwrapSecret(this.#core.ring, { wrap: rotation.wrap, keyId: rotation.wrapKeyId }, context);
    const delivered = secret === null ? null : this.#core.tokens.compose(verified.id, generation, secret);
    // A wrap that was blanked, or is of another token, opens to nothing that the store knows.
    return delivered !== null && equalBytes(delivered.hash, successorHash) ? delivered.token : null;
  }

  /**
   * A successor of the current token: a new one, or the one that another racer made.
   * Null when the token is no longer current, or the session is over.
   * @throws StoreUnavailableError
   */
  async renew(presented: Presented): Promise<{ token: string; record: SessionRecord } | null> {
    const { token, verified, record } = presented;
    const generation = record.generation + 1;
    if (generation > MAX_GENERATION) return null;
    const newSecret = randomBytes(32);
    const { hash: successorHash } = this.#core.tokens.compose(verified.id, generation, newSecret);
    const context = { oldSecret: secretOf(token), id: verified.id, generation, successorHash };
    const { wrap, keyId } = wrapSecret(this.#core.ring, newSecret, context);
    const outcome = await this.#core.store.rotate({
      id: verified.id,
      generation: record.generation,
      tokenHash: verified.hash,
      successorHash,
      wrap,
      wrapKeyId: keyId,
      // A successor whose wrap cannot be opened any more is replaced: the one that was seen, not a racer's newer one.
      replaces: record.rotation?.state === "pending" ? record.rotation.otherHash : null,
    });
    if (outcome.status !== "pending") return null;
    const stored = this.#core.parse(verified.id, outcome.record);
    const successor = stored === null ? null : this.deliver({ token, verified, record: stored });
    return stored === null || successor === null ? null : { token: successor, record: stored };
  }

  /**
   * Makes a presented successor the current token. `heal` also accepts one that the store has lost.
   * Null when it is neither, or the session is over.
   */
  async confirm(verified: VerifiedToken, heal: boolean): Promise<SessionRecord | null> {
    const outcome = await this.#core.store.confirm({
      id: verified.id,
      generation: verified.generation,
      tokenHash: verified.hash,
      graceMs: this.#core.rotation.graceMs,
      heal,
    });
    return outcome.status === "confirmed" ? this.#core.parse(verified.id, outcome.record) : null;
  }
}

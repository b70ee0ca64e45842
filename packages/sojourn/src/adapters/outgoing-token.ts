/**
 * What a response does to its client's token.
 *
 * A new session's token must go out, and so must a removal after logout. What a
 * look at the client's token suggests (the token that renews it, or to forget it)
 * only holds for a while: a response that is held back longer could put an old
 * token into a jar that has a newer one by then. Nothing is lost with it, for the
 * next request is told the same.
 */

import type { Session } from "../lifecycle/session.ts";

/** The token to send, or that the client's is to be removed. */
export type TokenChange = { readonly token: string; readonly session: Session<never> } | "remove";

export class OutgoingToken {
  readonly #freshForMs: number;
  readonly #now: () => number;
  #decided: TokenChange | null = null;
  #suggested: { readonly change: TokenChange; readonly at: number } | null = null;

  constructor(freshForMs: number, now: () => number) {
    this.#freshForMs = freshForMs;
    this.#now = now;
  }

  decide(change: TokenChange): void {
    this.#decided = change;
    this.#suggested = null;
  }

  suggest(change: TokenChange): void {
    this.#suggested = { change, at: this.#now() };
  }

  current(): TokenChange | null {
    const suggested = this.#suggested;
    return suggested !== null && this.#now() - suggested.at <= this.#freshForMs ? suggested.change : this.#decided;
  }
}

/** `sessions.validate`: what every request goes through, so nothing here waits that need not. */

import type { DataObject } from "../data/draft.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { VerifiedToken } from "../security/token.ts";
import type { Core } from "./core.ts";
import type { ValidationResult } from "./observer.ts";
import { type ValidateOptions, type Validation, validationOf } from "./operations.ts";
import type { Session } from "./session.ts";
import { keepStale } from "./on-unavailable.ts";
import { MALFORMED, type TokenCheck } from "./token-check.ts";
import { Touching } from "./touching.ts";

export type GoodValidation<D extends object = DataObject> = Validation<D> & { readonly valid: true };

export class Validating<D extends object> {
  readonly #core: Core;
  readonly #check: TokenCheck;
  readonly #touching: Touching;
  readonly #session: (id: string, record: SessionRecord) => Session<D>;

  constructor(core: Core, check: TokenCheck, session: (id: string, record: SessionRecord) => Session<D>) {
    this.#core = core;
    this.#check = check;
    this.#touching = new Touching(core);
    this.#session = session;
  }

  async validate(token: unknown, options: ValidateOptions): Promise<Validation<D>> {
    const near = this.near(token, options);
    if (near !== null) return near;
    let result: ValidationResult = "unavailable";
    try {
      const verified = this.#core.tokens.verify(token);
      if (verified === null || typeof token !== "string") {
        result = MALFORMED.reason;
        return MALFORMED;
      }
      const outcome = await this.#core.store.read(verified.id);
      const judged = this.#check.judge(token, verified, outcome, { signals: options });
      const checked = judged instanceof Promise ? await judged : judged;
      if (!checked.valid) {
        result = checked.reason;
        return checked;
      }
      const { record, at } = checked.presented;
      const session = this.#session(verified.id, record);
      if (options.touch !== true) {
        if (options.touch !== false) this.#touching.whenDue(session, record, at);
      } else if (!(await this.#touching.now(session, record))) {
        const ended = await this.#check.check(token);
        if (!ended.valid) {
          result = ended.reason;
          return ended;
        }
      }
      result = "valid";
      return validationOf(session, checked);
    } finally {
      this.#core.observer.validated(result);
    }
  }

  /** The same, or the last that is known where the store cannot be asked. @throws StoreUnavailableError where that is nothing */
  async orStale(token: unknown, options: ValidateOptions): Promise<Validation<D>> {
    keepStale(this.#core);
    try {
      return await this.validate(token, options);
    } catch (error) {
      const stale = error instanceof StoreUnavailableError ? this.stale(token, options) : null;
      if (stale === null) throw error;
      return stale;
    }
  }

  /** For when the store cannot be asked; null when nothing is known that is young enough and plainly good. */
  stale(token: unknown, options: ValidateOptions): GoodValidation<D> | null {
    if (options.fresh === true || options.touch === true) return null;
    const verified = this.#core.tokens.verify(token);
    const record = verified === null ? null : this.#check.stale(verified, options);
    if (verified === null || record === null) return null;
    return { valid: true, session: this.#session(verified.id, record), stale: true };
  }

  /** The answer from the near cache, at once; null when the store must be asked. */
  near(token: unknown, options: ValidateOptions): GoodValidation<D> | null {
    const { store, tokens } = this.#core;
    if (store.nearCache === null || options.fresh === true || options.touch === true) return null;
    const verified = tokens.verify(token);
    if (verified === null || typeof token !== "string") return null;
    const { id, copy } = verified;
    // Good for the record of this copy, and for no other: another token of the session may be good for the next one.
    const known = copy?.goodFor === verified ? store.near(id, copy) : null;
    if (known !== null) return this.#near(this.#session(id, known));
    const checked = this.#check.near(token, options, verified);
    if (checked === null) return null;
    const { record, at } = checked.presented;
    const session = this.#session(id, record);
    if (options.touch !== false) this.#touching.whenDue(session, record, at);
    this.#remember(verified, record);
    return this.#near(session);
  }

  #near(session: Session<D>): GoodValidation<D> {
    this.#core.observer.validated("valid");
    return { valid: true, session, near: true };
  }

  /** The next request with this token finds all of it in one look, as long as its client need not be compared. */
  #remember(verified: VerifiedToken, record: SessionRecord): void {
    const { copy } = record;
    if (copy === null || this.#core.binding !== null) return;
    copy.goodFor = verified;
    copy.goodUntil = Math.min(record.expiresAt, this.#check.dueAt(record), this.#touching.dueAt(record));
    verified.copy = copy;
  }
}

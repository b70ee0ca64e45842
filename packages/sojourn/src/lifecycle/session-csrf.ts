/** `sessions.csrf`: tokens that forms and scripts of a page send back with unsafe requests. */

import type { DataObject } from "../data/draft.ts";
import { isSessionId } from "../data/session-id.ts";
import type { Core } from "./core.ts";
import { Session } from "./session.ts";

export class SessionCsrf<D extends object = DataObject> {
  readonly #core: Core;

  /** @internal */
  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * The session's token, masked anew at each call: 43 characters for a hidden field or the header `X-CSRF-Token`.
   * Good until the session ends or is elevated; a renewal of its token changes nothing.
   */
  token(session: Session<D>): string {
    if (session instanceof Session) return this.#core.csrf.issue(session);
    throw new TypeError("csrf.token takes a session; for req.session there is req.session.csrfToken.");
  }

  /**
   * Whether it is the session's token, compared in constant time. False for anything else, and for an id of no
   * live session. A session object is taken at its word: no I/O. @throws StoreUnavailableError
   */
  async verify(session: Session<D> | string, token: unknown): Promise<boolean> {
    if (session instanceof Session) return this.#core.csrf.verify(session, token);
    if (!isSessionId(session)) return false;
    const record = await this.#core.liveRecord(session);
    return record !== null && this.#core.csrf.verify({ id: session, floor: record.floor }, token);
  }
}

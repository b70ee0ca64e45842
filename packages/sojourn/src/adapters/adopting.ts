/** The cookie of the application that was here before, in one request and its response. */

import type { Adoption, OldSession } from "../lifecycle/adoption.ts";
import type { AdapterHost } from "../lifecycle/host.ts";
import type { Session } from "../lifecycle/session.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { expireCookie } from "../security/cookie.ts";
import type { RequestClient } from "./request-client.ts";
import { type HeaderSink, putCookie } from "./response-headers.ts";

interface Begun<D extends object> {
  readonly token: string;
  readonly session: Session<D>;
}

export class Adopting {
  readonly #adoption: Adoption;
  readonly #old: OldSession;
  /** The old cookie is to be removed. */
  #over = false;

  private constructor(adoption: Adoption, old: OldSession) {
    this.#adoption = adoption;
    this.#old = old;
  }

  /** Null for a request that brings no genuine old cookie, which costs no I/O. */
  static of({ adoption }: AdapterHost, cookies: string | undefined): Adopting | null {
    const old = adoption?.find(cookies) ?? null;
    return adoption === null || old === null ? null : new Adopting(adoption, old);
  }

  /** Whether that session is what the old one became. */
  isOf(id: string): boolean {
    return this.#adoption.isOf(this.#old, id);
  }

  /**
   * The session that the old one becomes, beside the one that there is; null when it becomes none.
   * @throws StoreUnavailableError
   */
  async session<D extends object>(
    sessions: Sessions<D>,
    client: RequestClient,
    beside: Session<D> | null,
  ): Promise<Begun<D> | null> {
    const binding = client.binding();
    const facts = { device: client.device(), ...(binding === undefined ? {} : { binding }) };
    const { token, over } = await this.#adoption.adopt(this.#old, facts, beside);
    this.#over ||= over;
    if (token === null) return null;
    const result = await sessions.validate(token, { ...client.signals(), touch: false, fresh: true });
    if (!result.valid) return null;
    await beside?.revoke("login");
    return { token, session: result.session };
  }

  /** @throws StoreUnavailableError */
  async end(): Promise<void> {
    await this.#adoption.end(this.#old);
    this.#over = true;
  }

  applyTo(headers: HeaderSink): void {
    if (!this.#over) return;
    for (const cookie of this.#adoption.cookies) {
      const line = expireCookie(cookie);
      putCookie(headers, line, line);
    }
  }
}

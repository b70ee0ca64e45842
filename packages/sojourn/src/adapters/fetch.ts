/** Servers that take a `Request` and answer a `Response` (Deno, Bun, Hono, service handlers, tests). */

import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { discard } from "./discard.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { FetchExchange, FetchRequest, type FetchRequestOptions, ourOwn, redirectTo } from "./fetch-exchange.ts";
import { type GuardOptions, guardsFor, type Requirement } from "./guards.ts";
import type { RequestSession } from "./request-session.ts";

export interface FetchOptions extends AdapterOptions, FetchRequestOptions<Request> {}

/** What `sojourn(sessions)` answers. */
export interface FetchAdapter<D extends object = DataObject> {
  /**
   * Reads the session of a request. A request to be refused is no error here: see `refused`.
   * @throws what is a bug, never a `SojournError`
   */
  open(request: Request): Promise<OpenedRequest<D>>;
}

/** What a guard takes. */
export interface GuardedRequest {
  /**
   * The answer, if there can be no other: 403 for an unsafe request from elsewhere, 503 while the store is down.
   * The session is out of reach then: reading it throws, writing it rejects.
   */
  readonly refused: Response | null;
}

/** Null lets the request through; else the response to send, ready as `commit` makes it. */
export type Guard = (opened: GuardedRequest) => Promise<Response | null>;

/** One request between `open` and `commit`. */
export interface OpenedRequest<D extends object = DataObject> extends GuardedRequest {
  readonly session: RequestSession<D>;
  /**
   * The response to send: with the session's cookie and caching headers, once session writes under way are
   * stored. If one failed, its error in place of it (503 while the store is down). If the request was
   * `refused`, that. Responses with immutable headers are copied. Once for each request.
   * @throws TypeError the second time; what a session write that is a bug threw
   */
  commit(response: Response): Promise<Response>;
}

/**
 * Sessions for handlers of `Request`.
 *
 * ```ts
 * const { open } = sojourn(sessions);
 * async function handle(request: Request): Promise<Response> {
 *   const s = await open(request);
 *   if (s.refused !== null) return s.refused;
 *   await s.session.increment("visits");
 *   return s.commit(new Response("hello"));
 * }
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject>(
  sessions: Sessions<D>,
  options: FetchOptions = {},
): FetchAdapter<D> {
  const rules = new ExchangeRules<D>(sessions, options);
  return {
    async open(request) {
      const view = new FetchRequest(request, request, options);
      return new Opened<D>(new FetchExchange<D>(rules, view)).begin();
    },
  };
}

export const {
  /**
   * Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads.
   *
   * ```ts
   * const refused = await requireUser()(s);
   * if (refused !== null) return refused;
   * ```
   */
  requireUser,
  /** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
  requireRole,
  /** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
  requirePermission,
  /**
   * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await s.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`s.session.csrfToken`); others get 403. A form is read from a copy: call it before the body is read.
   * The cross-site check of `open` protects forms without it: this is for sites that cannot rely on what browsers
   * say of origins. A form over 1 MB, as with files, must bring it in the header.
   */
  csrf,
} = guardsFor(guard);

function guard(_name: string, requirement: Requirement, options: GuardOptions): Guard {
  return (opened) => {
    if (opened instanceof Opened) return opened.guard(requirement, options);
    throw new TypeError("A guard takes what open(request) answered.");
  };
}

class Opened<D extends object> implements OpenedRequest<D> {
  readonly #exchange: FetchExchange<D>;
  #refused: Response | null = null;

  constructor(exchange: FetchExchange<D>) {
    this.#exchange = exchange;
  }

  get session(): RequestSession<D> {
    return this.#exchange.session;
  }
  get refused(): Response | null {
    return this.#refused;
  }

  async begin(): Promise<this> {
    const exchange = this.#exchange;
    const error = await exchange.begin();
    if (error === null) return this;
    exchange.begun = true;
    exchange.headersSent = true;
    exchange.exchange.refuseWith(error);
    this.#refused = exchange.withRules(exchange.answerTo(error));
    return this;
  }

  async guard(requirement: Requirement, options: GuardOptions): Promise<Response | null> {
    if (this.#refused !== null) return this.#refused;
    const verdict = await this.#exchange.verdict(requirement, options);
    if (verdict === null) return null;
    this.#refused = await this.commit(
      typeof verdict === "string" ? redirectTo(verdict) : this.#exchange.answerTo(verdict),
    );
    return this.#refused;
  }

  async commit(response: Response): Promise<Response> {
    if (this.#refused !== null) {
      discard(response);
      return this.#refused;
    }
    const exchange = this.#exchange;
    if (exchange.begun) throw new TypeError("commit() was called before: once for each request.");
    const failure = await exchange.settled();
    if (failure === null) return exchange.withRules(response);
    discard(response);
    return exchange.withRules(exchange.answerTo(ourOwn(failure.error)));
  }
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

/** Express 4 and 5: the middleware and its guards. */

import type { NextFunction, Request, RequestHandler, Response } from "express";
import { MiddlewareMissingError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { type AdapterOptions, Exchange, ExchangeRules } from "./exchange.ts";
import { fieldIn, type Guarded, type GuardOptions, guardsFor, type Requirement, verdictOf } from "./guards.ts";
import type { FailureAnswerer } from "./held-sends.ts";
import { NodeRequest } from "./node-request.ts";
import { NodeResponse } from "./node-response.ts";
import { putErrorHeaders } from "./response-headers.ts";
import type { RequestOptions } from "./views.ts";

export interface ExpressOptions extends AdapterOptions, RequestOptions<Request> {
  /** Where the session stands on the request. Default "session"; use "sojourn" beside express-session. */
  readonly property?: "session" | "sojourn";
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a
   * guard found no user (401): `"answer"` sends a small JSON body, `"next"` passes the error, with its
   * `status` and `headers`, to the application's error handler. Default "answer". The session of an
   * unsafe request from elsewhere can be read there (`await req.session.load()`), not written to, and no guard lets it by.
   */
  readonly onError?: "answer" | "next";
}

const VISIT = Symbol("sojourn visit");
type Visited = Request & { [VISIT]?: Visit };

/**
 * Sessions on `req.session`. Mount it after what needs no session (static files) and before the routes.
 *
 * ```ts
 * app.use(sojourn(sessions));
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject>(
  sessions: Sessions<D>,
  options: ExpressOptions = {},
): RequestHandler {
  const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
  const property = options.property ?? "session";
  return (req, res, next) => {
    const visit = new Visit(rules, options, req, res, next);
    const { exchange } = visit;
    (req as Visited)[VISIT] = visit;
    (req as unknown as Record<string, unknown>)[property] = exchange.session;
    const refusal = exchange.refusal();
    if (refusal !== null) {
      visit.answerFailure(refusal);
      return;
    }
    const loading = exchange.begun();
    if (loading === null) next();
    else {
      loading.then(
        () => next(),
        (error: unknown) => visit.answerFailure(error),
      );
    }
  };
}

export const {
  /** Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads. */
  requireUser,
  /** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
  requireRole,
  /** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
  requirePermission,
  /**
   * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await req.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`req.session.csrfToken`; needs the body parsed before it); others get 403. The cross-site check of the
   * middleware protects forms without it: this is for sites that cannot rely on what browsers say of origins.
   */
  csrf,
} = guardsFor(guard);

function guard(name: string, requirement: Requirement, options: GuardOptions): RequestHandler {
  return (req, res, next) => {
    const visit = (req as Visited)[VISIT];
    if (visit === undefined) throw new MiddlewareMissingError(name);
    verdictOf(requirement, visit, options)
      .then(
        (verdict) => {
          if (verdict === null) next();
          else if (typeof verdict === "string") res.redirect(303, verdict);
          else visit.answerFailure(verdict, next);
        },
        (error: unknown) => visit.answerFailure(error, next),
      )
      // Somebody else, such as a timeout, may have answered meanwhile.
      .catch(next);
  };
}

/** One request and its response. */
class Visit extends NodeRequest<Request> implements FailureAnswerer, Guarded {
  readonly exchange: Exchange<never>;
  readonly #res: Response;
  readonly #response: NodeResponse;
  readonly #onError: ExpressOptions["onError"];
  readonly #next: NextFunction;

  constructor(rules: ExchangeRules<never>, options: ExpressOptions, req: Request, res: Response, next: NextFunction) {
    super(req, req, options);
    this.#res = res;
    this.#onError = options.onError;
    this.#next = next;
    this.#response = new NodeResponse(res, this);
    this.exchange = new Exchange(rules, this, this.#response);
    this.#response.watch();
  }
  get secure(): boolean {
    return this.request.secure;
  }
  get host(): string | undefined {
    return hostOf(this.request);
  }
  get ip(): string | undefined {
    return this.request.ip;
  }
  formField(name: string): unknown {
    return fieldIn(this.request.body, name);
  }

  /** Only errors made on purpose are answered here; anything else is a bug and goes to the error handler. */
  answerFailure(error: unknown, next = this.#next): void {
    const res = this.#res;
    if (!(error instanceof SojournError) || this.#onError === "next" || res.headersSent) {
      next(error);
      return;
    }
    putErrorHeaders(this.#response, error);
    res.status(error.status).json(this.exchange.answerTo(error));
  }
}

/** Express 4 has only the name without the port; this is what `req.host` of Express 5 says. */
function hostOf(req: Request): string | undefined {
  const trusted = req.app.get("trust proxy fn") as (address: string | undefined, hop: number) => boolean;
  const forwarded = req.headers["x-forwarded-host"];
  if (typeof forwarded !== "string" || forwarded === "" || !trusted(req.socket.remoteAddress, 0))
    return req.headers.host;
  return forwarded.split(",", 1)[0]?.trimEnd();
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession, Transport } from "./request-session.ts";

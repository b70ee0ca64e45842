/** Express 4 and 5: the middleware and its guards. */

import type { RequestHandler } from "express";
import { MiddlewareMissingError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { expressSession, type ExpressSessionOptions } from "./compat/express-session.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { VISIT, Visit, type Visited, type VisitOptions } from "./express-visit.ts";
import { type GuardOptions, guardsFor, type Requirement, verdictOf } from "./guards.ts";

export interface ExpressOptions extends AdapterOptions, VisitOptions {
  /** Where the session stands on the request. Default "session"; use "sojourn" beside express-session. */
  readonly property?: "session" | "sojourn";
  readonly compat?: undefined;
}

/**
 * Sessions on `req.session`. Mount it after what needs no session (static files) and before the routes.
 *
 * ```ts
 * app.use(sojourn(sessions));
 * ```
 * With `compat: "express-session"` it is an object that handlers change, as they did with express-session: see
 * `ExpressSessionOptions`.
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject>(
  sessions: Sessions<D>,
  options: ExpressOptions | ExpressSessionOptions = {},
): RequestHandler {
  if (options.compat !== undefined) return expressSession(sessions as unknown as Sessions<never>, options);
  const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
  const property = options.property ?? "session";
  return (req, res, next) => {
    const visit = new Visit(rules, options, req, res, next);
    (req as Visited)[VISIT] = visit;
    (req as unknown as Record<string, unknown>)[property] = visit.session;
    if (!visit.isOpen) {
      next();
      return;
    }
    const { exchange } = visit;
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

export type { ExpressSessionOptions } from "./compat/express-session.ts";
export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

/** Express 4 and 5: the middleware and its guards. */

import type { NextFunction, Request, RequestHandler, Response } from "express";
import { MiddlewareMissingError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { type AdapterOptions, Exchange, ExchangeRules, type RequestView } from "./exchange.ts";
import {
  csrfTokenRequired,
  type FreshOptions,
  freshnessRequired,
  type GuardOptions,
  listed,
  redirectFor,
  type Requirement,
  userRequired,
} from "./guards.ts";
import { NodeResponse } from "./node-response.ts";

export interface ExpressOptions extends AdapterOptions {
  /** Where the session stands on the request. Default "session"; use "sojourn" beside express-session. */
  readonly property?: "session" | "sojourn";
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a
   * guard found no user (401): `"answer"` sends a small JSON body, `"next"` passes the error, with its
   * `status` and `headers`, to the application's error handler. Default "answer".
   */
  readonly onError?: "answer" | "next";
  /** What you tell clients apart by, for the option `binding` of createSessions. Default none. */
  readonly fingerprint?: (req: Request) => string | null | undefined;
  /** Whether a request keeps its session alive: answer false for what open pages ask by themselves. Default all do. */
  readonly countsAsActivity?: (req: Request) => boolean;
}

const EXCHANGE = Symbol("sojourn exchange");

interface Carried {
  readonly exchange: Exchange<never>;
  readonly onError: "answer" | "next";
}
type WithExchange = Request & { [EXCHANGE]?: Carried };

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
  const rules = new ExchangeRules<D>(sessions, options);
  const property = options.property ?? "session";
  const onError = options.onError ?? "answer";
  return (req, res, next) => {
    const response = new NodeResponse(res, (error) => fail(error, carried, res, next));
    const exchange = new Exchange<D>(rules, new ExpressRequest(req, options), response);
    const carried: Carried = { exchange: exchange as unknown as Exchange<never>, onError };
    (req as WithExchange)[EXCHANGE] = carried;
    (req as unknown as Record<string, unknown>)[property] = exchange.session;
    const refusal = exchange.refusal();
    if (refusal !== null) fail(refusal, carried, res, next);
    else if (!exchange.mustLoad) next();
    else {
      exchange.load().then(
        () => next(),
        (error: unknown) => fail(error, carried, res, next),
      );
    }
  };
}

/** Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads. */
export function requireUser(options: GuardOptions = {}): RequestHandler {
  return guard("requireUser()", userRequired, options);
}

/** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
export function requireRole(role: string): RequestHandler {
  return guard("requireRole()", listed("requireRole", "roles", role), {});
}

/** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
export function requirePermission(permission: string): RequestHandler {
  return guard("requirePermission()", listed("requirePermission", "permissions", permission), {});
}

/**
 * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
 * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await req.session.reauthenticate({ userId, aal })`.
 * @throws ConfigError, TypeError
 */
export function requireFresh(options: FreshOptions): RequestHandler {
  return guard("requireFresh()", freshnessRequired(options), options);
}

/**
 * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
 * `_csrf` (`req.session.csrfToken`; needs the body parsed before it); others get 403. The cross-site check of the
 * middleware protects forms without it: this is for sites that cannot rely on what browsers say of origins.
 */
export function csrf(): RequestHandler {
  return guard("csrf()", csrfTokenRequired, {});
}

function guard(name: string, requirement: Requirement, options: GuardOptions): RequestHandler {
  return (req, res, next) => {
    const carried = carriedBy(req, name);
    const { exchange } = carried;
    const formField = (field: string): unknown => (req.body as Record<string, unknown> | undefined)?.[field];
    requirement({ exchange, formField })
      .then(
        (refusal) => {
          const location = refusal === null ? null : redirectFor(refusal, exchange, options);
          if (refusal === null) next();
          else if (location !== null) res.redirect(303, location);
          else fail(refusal, carried, res, next);
        },
        (error: unknown) => fail(error, carried, res, next),
      )
      // Somebody else, such as a timeout, may have answered meanwhile.
      .catch(next);
  };
}

function carriedBy(req: Request, what: string): Carried {
  const carried = (req as WithExchange)[EXCHANGE];
  if (carried === undefined) throw new MiddlewareMissingError(what);
  return carried;
}

/** Only errors made on purpose are answered here; anything else is a bug and goes to the error handler. */
function fail(error: unknown, { exchange, onError }: Carried, res: Response, next: NextFunction): void {
  if (!(error instanceof SojournError) || onError === "next" || res.headersSent) {
    next(error);
    return;
  }
  const { headers = {} } = error as { headers?: Readonly<Record<string, string>> };
  for (const [name, value] of Object.entries(headers)) {
    if (name === "Vary") res.vary(value);
    else res.set(name, value);
  }
  res.status(error.status).set("Cache-Control", "no-store").json(exchange.answerTo(error));
}

class ExpressRequest implements RequestView {
  readonly #req: Request;
  readonly #options: ExpressOptions;

  constructor(req: Request, options: ExpressOptions) {
    this.#req = req;
    this.#options = options;
  }
  get method(): string {
    return this.#req.method;
  }
  get secure(): boolean {
    return this.#req.secure;
  }
  get host(): string | undefined {
    return hostOf(this.#req);
  }
  get ip(): string | undefined {
    return this.#req.ip;
  }
  get peer(): string | undefined {
    return this.#req.socket.remoteAddress;
  }
  get fingerprint(): string | null | undefined {
    const { fingerprint } = this.#options;
    return fingerprint === undefined ? undefined : (fingerprint(this.#req) ?? null);
  }
  get countsAsActivity(): boolean {
    return this.#options.countsAsActivity?.(this.#req) ?? true;
  }
  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    return typeof value === "string" ? value : undefined;
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

/** The middleware of Express with `compat: "express-session"`. */

import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { Sessions } from "../../lifecycle/sessions.ts";
import type { Exchange } from "../exchange.ts";
import type { ExchangeRules } from "../exchange-rules.ts";
import { VISIT, Visit, type Visited, type VisitOptions } from "../express-visit.ts";
import { type CompatOptions, CompatRules, type Fields } from "./rules.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { CompatStore } from "./session-store.ts";

/**
 * `req.session` as express-session has it: handlers change it, and what they changed is stored before the response
 * begins. What express-session's readme says holds, but for what is said here; passport, connect-flash, csrf-sync and
 * grant work as they are. The ids that it shows (`req.sessionID`) are public, and the cookie is no id.
 *
 * ```ts
 * app.use(sojourn(sessions, { compat: "express-session", userId: (session) => session.passport?.user }));
 * ```
 */
export interface ExpressSessionOptions extends CompatOptions<Request>, VisitOptions {
  readonly compat: "express-session";
  /** As in `ExpressOptions`, but the default is "next", as with express-session. */
  readonly onError?: "answer" | "next";
}

/** @throws TypeError, ConfigError @internal */
export function expressSession(sessions: Sessions<never>, options: ExpressSessionOptions): RequestHandler {
  const rules = new CompatRules<Request>(sessions, options);
  const store = new CompatStore(rules.sessions);
  const visitOptions: VisitOptions = { onError: "next", ...options };
  return (req, res, next) => {
    // Another one of its kind was here.
    if (((req as Keyed).session ?? null) !== null) {
      next();
      return;
    }
    try {
      begin({ rules, store, options: visitOptions, req, res, next });
    } catch (error) {
      next(error);
    }
  };
}

/** What this middleware puts on the request. */
type Keyed = Request & { session?: unknown; sessionID?: string };

interface Coming {
  readonly rules: CompatRules<Request>;
  readonly store: CompatStore;
  readonly options: VisitOptions;
  readonly req: Keyed;
  readonly res: Response;
  readonly next: NextFunction;
}

function begin({ rules, store, options, req, res, next }: Coming): void {
  const visit = new CompatVisit(rules, options, req, res, next);
  const cookie = rules.cookieOf(req, visit.secure);
  if (!pathOf(req).startsWith(cookie.path)) {
    next();
    return;
  }
  (req as Visited)[VISIT] = visit;
  const refusal = visit.exchange.refusal();
  if (refusal !== null) {
    visit.answerFailure(refusal);
    return;
  }
  const exchange = visit.exchange as unknown as Exchange<Fields>;
  const keeper = new SessionKeeper<Keyed>({ rules, exchange, request: req }, cookie);
  Object.assign(req, { sessionStore: store });
  const opening = keeper.open();
  holdFor(keeper, visit, res);
  if (opening === null) next();
  else {
    opening.then(
      () => next(),
      (error: unknown) => visit.answerFailure(error),
    );
  }
}

/** Also of a request that Express has not seen, and of one that was sent with a whole URL. */
function pathOf({ originalUrl, url }: { readonly originalUrl?: string; readonly url: string }): string {
  const asked = originalUrl ?? url;
  return asked.startsWith("/") ? asked : (URL.parse(asked)?.pathname ?? "/");
}

class CompatVisit extends Visit {
  readonly #rules: CompatRules<Request>;

  constructor(rules: CompatRules<Request>, options: VisitOptions, req: Request, res: Response, next: NextFunction) {
    super(rules as unknown as ExchangeRules<never>, options, req, res, next);
    this.#rules = rules;
  }
  override get secure(): boolean {
    return this.#rules.isSecure(this.request, super.secure);
  }
}

type End = (...args: unknown[]) => Response;

/** The response begins when the session is stored, and ends when what was changed since is. */
function holdFor(keeper: SessionKeeper<Keyed>, { exchange, response }: Visit, res: Response): void {
  response.onWrites({
    get mustWait() {
      void keeper.commit();
      return exchange.mustWait;
    },
    settled: () => exchange.settled(),
    applyTo: (headers) => exchange.applyTo(headers),
  });
  const methods = res as unknown as { end: End };
  const { end } = methods;
  let isEnding = false;
  methods.end = (...args) => {
    if (isEnding) return res;
    const storing = res.headersSent ? keeper.commit() : null;
    if (storing === null) return end.apply(res, args);
    isEnding = true;
    storing.catch((error: unknown) => keeper.report(error)).finally(() => end.apply(res, args));
    return res;
  };
}

/** Hono 4, on Node and wherever its applications are fetch handlers: the middleware and its guards. */

import type { Context, MiddlewareHandler } from "hono";
import { MiddlewareMissingError, type SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { discard } from "./discard.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { FetchExchange, FetchRequest, type FetchRequestOptions, ourOwn, redirectTo } from "./fetch-exchange.ts";
import { fieldIn, type GuardOptions, guardsFor, type Requirement } from "./guards.ts";
import type { RequestSession } from "./request-session.ts";

export interface HonoOptions extends AdapterOptions, FetchRequestOptions<Context> {
  /** The name of the variable: `c.var.session`, `c.get("session")`. Default "session". */
  readonly property?: "session" | "sojourn";
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a guard found no
   * user (401): `"answer"` sends a small JSON body, `"throw"` throws the error, with its `status` and `headers`, to
   * `app.onError`. Default "answer". The session of an unsafe request from elsewhere can be read there
   * (`await c.get("session").load()`), not written to, and no guard lets it by.
   */
  readonly onError?: "answer" | "throw";
}

/** The variable that the middleware sets, for `new Hono<SojournEnv<Data>>()`. */
export interface SojournEnv<D extends object = DataObject, Property extends "session" | "sojourn" = "session"> {
  Variables: Record<Property, RequestSession<D>>;
}

const VISIT = Symbol("sojourn visit");
type Visited = Context & { [VISIT]?: Visit };

/**
 * Sessions on `c.var.session`. Use it before the routes, and before middleware that reads a form.
 *
 * ```ts
 * app.use(sojourn(sessions));
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject, Property extends "session" | "sojourn" = "session">(
  sessions: Sessions<D>,
  options: HonoOptions & { readonly property?: Property } = {},
): MiddlewareHandler<SojournEnv<D, Property>> {
  const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
  const property = options.property ?? "session";
  return async (context, next) => {
    const c = context as unknown as Visited;
    const visit = new Visit(rules, options, c);
    c[VISIT] = visit;
    c.set(property, visit.exchange.session);
    const refusal = await visit.exchange.begin();
    if (refusal !== null) {
      visit.replaceBy(refusal);
      return;
    }
    await next();
    if (c.finalized) await visit.finish();
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
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await c.var.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`c.var.session.csrfToken`; read from a copy, up to 1 MB); others get 403. The cross-site check of the
   * middleware protects forms without it: this is for sites that cannot rely on what browsers say of origins.
   */
  csrf,
} = guardsFor(guard);

function guard(name: string, requirement: Requirement, options: GuardOptions): MiddlewareHandler {
  return async (c, next) => {
    const visit = (c as Visited)[VISIT];
    if (visit === undefined) throw new MiddlewareMissingError(name);
    const verdict = await visit.exchange.verdict(requirement, options);
    if (verdict === null) await next();
    else return typeof verdict === "string" ? redirectTo(verdict) : visit.answer(verdict);
    return undefined;
  };
}

/** One request and its response. */
class Visit {
  readonly exchange: FetchExchange<never>;
  readonly #c: Context;
  readonly #throws: boolean;

  constructor(rules: ExchangeRules<never>, options: HonoOptions, c: Context) {
    this.#c = c;
    this.#throws = options.onError === "throw";
    this.exchange = new FetchExchange<never>(rules, new HonoRequest(c, options));
  }

  answer(error: SojournError): Response {
    if (this.#throws) throw error;
    return this.exchange.answerTo(error);
  }

  /** Whatever was to be sent: nothing of it stays. What `app.onError` answers gets the headers that stand here. */
  replaceBy(error: unknown): void {
    this.#send(new Response(null));
    this.#send(this.answer(ourOwn(error)));
  }

  async finish(): Promise<void> {
    const { res } = this.#c;
    const failure = await this.exchange.settled();
    if (failure === null) this.#send(res);
    else {
      discard(res);
      this.replaceBy(failure.error);
    }
  }

  /** Hono puts the headers of the response before over those of the next, unless there is none. */
  #send(response: Response): void {
    this.#c.res = undefined;
    this.#c.res = this.exchange.withRules(response);
  }
}

class HonoRequest extends FetchRequest<Context> {
  constructor(c: Context, options: HonoOptions) {
    super(c.req.raw, c, options);
  }
  /** As the application tells; on Node the connection does. */
  override get ip(): string | undefined {
    const { incoming } = (this.request.env ?? {}) as NodeBindings;
    return super.ip ?? incoming?.socket?.remoteAddress;
  }
  /** What was read through Hono is kept there. */
  override async formField(name: string): Promise<unknown> {
    if (!this.raw.bodyUsed) return super.formField(name);
    return fieldIn(await this.request.req.parseBody().catch(() => null), name);
  }
}

/** What `@hono/node-server` hands over. */
interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

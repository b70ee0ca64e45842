/** Koa 3: the middleware and its guards. */

import type { DefaultContext, DefaultState, Middleware, ParameterizedContext } from "koa";
import { MiddlewareMissingError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { discard } from "./discard.ts";
import { Exchange } from "./exchange.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { fieldIn, type Guarded, type GuardOptions, guardsFor, type Requirement, verdictOf } from "./guards.ts";
import { type FailureAnswerer, forgetAnswer } from "./held-sends.ts";
import { NodeRequest } from "./node-request.ts";
import { NodeResponse } from "./node-response.ts";
import type { RequestSession } from "./request-session.ts";
import { putErrorHeaders } from "./response-headers.ts";
import type { RequestOptions } from "./views.ts";

export interface KoaOptions extends AdapterOptions, RequestOptions<KoaContext> {
  /** Where the session stands on the context. Default "session"; use "sojourn" beside koa-session. */
  readonly property?: "session" | "sojourn";
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a guard found no
   * user (401): `"answer"` sends a small JSON body, `"throw"` throws the error, with its `status` and `headers`, to the
   * middleware before. Default "answer". The session of an unsafe request from elsewhere can be read there
   * (`await ctx.session.load()`), not written to, and no guard lets it by.
   */
  readonly onError?: "answer" | "throw";
}

/** The context as Koa makes it. */
export type KoaContext = ParameterizedContext;

const VISIT = Symbol("sojourn visit");
type Visited = KoaContext & { [VISIT]?: Visit };

/**
 * Sessions on `ctx.session`. Use it after what needs no session (static files) and before the routes.
 *
 * ```ts
 * app.use(sojourn(sessions));
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject, Property extends "session" | "sojourn" = "session">(
  sessions: Sessions<D>,
  options: KoaOptions & { readonly property?: Property } = {},
): Middleware<DefaultState, DefaultContext & Readonly<Record<Property, RequestSession<D>>>> {
  const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
  const property = options.property ?? "session";
  return async (context, next) => {
    const ctx = context as KoaContext;
    const visit = new Visit(rules, options, ctx);
    (ctx as Visited)[VISIT] = visit;
    ctx[property] = visit.exchange.session;
    if (!(await visit.begin())) return;
    await next();
    await visit.finish();
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
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await ctx.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`ctx.session.csrfToken`; needs a body parser before it); others get 403. The cross-site check of the
   * middleware protects forms without it: this is for sites that cannot rely on what browsers say of origins.
   */
  csrf,
} = guardsFor(guard);

function guard(name: string, requirement: Requirement, options: GuardOptions): Middleware {
  return async (ctx, next) => {
    const visit = (ctx as Visited)[VISIT];
    if (visit === undefined) throw new MiddlewareMissingError(name);
    if (await visit.passes(requirement, options)) await next();
  };
}

/** One request and its response. */
class Visit extends NodeRequest<KoaContext> implements FailureAnswerer, Guarded {
  readonly exchange: Exchange<never>;
  readonly #response: NodeResponse;
  readonly #throws: boolean;

  constructor(rules: ExchangeRules<never>, options: KoaOptions, ctx: KoaContext) {
    super(ctx.req, ctx, options);
    this.#throws = options.onError === "throw";
    this.#response = new NodeResponse(ctx.res, this);
    this.exchange = new Exchange(rules, this, this.#response);
    this.#response.watch();
  }
  get secure(): boolean {
    return this.request.secure;
  }
  get host(): string | undefined {
    return this.request.host;
  }
  get ip(): string | undefined {
    return this.request.ip;
  }
  formField(name: string): unknown {
    return fieldIn((this.request.request as { body?: unknown }).body, name);
  }

  /** Whether the request may go on; else it has been answered. */
  async begin(): Promise<boolean> {
    try {
      const refusal = this.exchange.refusal();
      if (refusal !== null) return this.#fail(refusal);
      await this.exchange.begun();
      return true;
    } catch (error) {
      return this.#fail(error);
    }
  }

  async passes(requirement: Requirement, options: GuardOptions): Promise<boolean> {
    const verdict = await verdictOf(requirement, this, options).catch((error: unknown) => error);
    if (verdict === null) return true;
    if (typeof verdict !== "string") return this.#fail(verdict);
    this.request.status = 303;
    this.request.redirect(verdict);
    return false;
  }

  /** The answer waits here for writes under way, so that middleware before sees what is sent. */
  async finish(): Promise<void> {
    const ctx = this.request;
    if (ctx.respond === false || ctx.headerSent) return;
    if (this.exchange.mustWait) {
      const failure = await this.exchange.settled();
      if (failure !== null) this.#replace(failure.error);
    }
    if (this.#response.hasRules && !ctx.headerSent) this.exchange.applyTo(this.#response);
  }

  #replace(error: unknown): void {
    discard(this.request.body);
    forgetAnswer(this.request.res);
    this.#fail(error);
  }

  /** Answers an error, or throws it: always what is a bug. */
  #fail(error: unknown): false {
    if (!(error instanceof SojournError) || this.#throws) throw error;
    const ctx = this.request;
    putErrorHeaders(this.#response, error);
    ctx.status = error.status;
    ctx.body = this.exchange.answerTo(error);
    return false;
  }

  /** For a response that Koa has no hand in any more. */
  answerFailure(error: unknown): void {
    if (error instanceof SojournError && !this.#throws) this.#response.answer(error, this.exchange.answerTo(error));
    else this.request.onerror(error as Error);
  }
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

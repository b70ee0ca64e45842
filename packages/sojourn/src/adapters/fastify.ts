/** Fastify 5: the plugin and its guards. */

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { MiddlewareMissingError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { discard } from "./discard.ts";
import { type CompatOptions, type CompatRequest, CompatRules, type Fields } from "./compat/rules.ts";
import { SessionKeeper } from "./compat/session-keeper.ts";
import { FastifyCompatSession } from "./compat/session-object.ts";
import { Exchange } from "./exchange.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { fieldIn, type Guarded, type GuardOptions, guardsFor, type Requirement, verdictOf } from "./guards.ts";
import type { FailureAnswerer } from "./held-sends.ts";
import { NodeRequest } from "./node-request.ts";
import { JSON_TYPE, NodeResponse } from "./node-response.ts";
import { type HeaderSink, isOfTheBody, putErrorHeaders } from "./response-headers.ts";
import type { RequestOptions } from "./views.ts";

export interface FastifyOptions extends AdapterOptions, VisitOptions {
  /** Where the session stands on the request. Default "session"; use "sojourn" beside @fastify/session. */
  readonly property?: "session" | "sojourn";
  readonly compat?: undefined;
}

/**
 * `request.session` as `@fastify/session` has it: handlers change it, and what they changed is stored before the reply
 * goes out. `@fastify/passport` and `@fastify/csrf-protection` work as they are. After `reply.hijack()` call `save()`.
 */
export interface FastifySessionOptions extends CompatOptions<FastifyRequest>, VisitOptions {
  readonly compat: "@fastify/session" | "express-session";
  /** Name of the cookie, as `name`. Default "sessionId". */
  readonly cookieName?: string;
}

/** What concerns each request. */
interface VisitOptions extends RequestOptions<FastifyRequest> {
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a
   * guard found no user (401): `"answer"` sends a small JSON body, `"throw"` hands the error, with its
   * `status` and `headers`, to the application's error handler. Default "answer"; with `compat` "throw". The session of an
   * unsafe request from elsewhere can be read there (`await request.session.load()`), not written to, and no guard
   * lets it by.
   */
  readonly onError?: "answer" | "throw";
}

/** A hook: `{ preHandler: requireUser() }`, `app.addHook("preHandler", requireUser())`, also `onRequest`, `preValidation`. */
export type FastifyGuard = (request: object, reply: unknown, done: (error?: Error) => void) => void;

/**
 * Sessions on `request.session`, for where it is registered and all plugins below. Hooks that use them come after it.
 *
 * ```ts
 * app.register(sojourn(sessions));
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject>(
  sessions: Sessions<D>,
  options: FastifyOptions | FastifySessionOptions = {},
): FastifyPluginAsync {
  const site = siteOf<D>(sessions, options);
  const property = options.compat === undefined ? (options.property ?? "session") : "session";
  const plugin: FastifyPluginAsync = async (app) => {
    if (site.compat !== null) app.decorateRequest("session" as string, null);
    else {
      app.decorateRequest(property as string, {
        getter(this: FastifyRequest) {
          return (visitOn(this, site) ?? missing(`request.${property}`)).exchange.session;
        },
      });
    }
    app.addHook("onRequest", (request, reply, next) => {
      const visit = new Visit(site, request, reply);
      (request as Visited)[VISIT] = visit;
      visit.begin(next);
    });
    app.addHook("onSend", (request, _reply, payload, next) => {
      const visit = visitOn(request, site);
      visit?.commit();
      if (visit?.isOpen !== true) next();
      else if (visit.exchange.mustWait) return visit.settled(payload);
      else {
        visit.putHeaders();
        next();
      }
      return undefined;
    });
  };
  return Object.assign(plugin, FOR_FASTIFY);
}

/** What the package fastify-plugin would say: not encapsulated, a name to depend on, the versions that it is for. */
const FOR_FASTIFY = {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "sojourn",
  [Symbol.for("plugin-meta")]: { name: "sojourn", fastify: "5.x" },
};

export const {
  /** Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads. */
  requireUser,
  /** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
  requireRole,
  /** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
  requirePermission,
  /**
   * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await request.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`request.session.csrfToken`; as `preHandler`, when the body has been parsed); others get 403. The
   * cross-site check of the plugin protects forms without it: this is for sites that cannot rely on what browsers say
   * of origins.
   */
  csrf,
} = guardsFor(guard);

function guard(name: string, requirement: Requirement, options: GuardOptions): FastifyGuard {
  return (request, _reply, done) => {
    const visit = (request as Visited)[VISIT] ?? missing(name);
    verdictOf(requirement, visit, options).then(
      (verdict) => {
        if (verdict === null) done();
        else if (typeof verdict === "string") visit.redirect(verdict);
        else visit.fail(verdict, done);
      },
      (error: unknown) => visit.fail(error, done),
    );
  };
}

function missing(what: string): never {
  throw new MiddlewareMissingError(what);
}

/** What one `sojourn(sessions, options)` is made of. */
interface Site {
  readonly rules: ExchangeRules<never>;
  readonly options: VisitOptions;
  readonly compat: CompatRules<FastifyRequest> | null;
}

function siteOf<D extends object>(sessions: Sessions<D>, options: FastifyOptions | FastifySessionOptions): Site {
  if (options.compat === undefined) {
    const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
    return { rules, options, compat: null };
  }
  const { cookieName: name = "sessionId", cookie = { secure: true } } = options;
  const given = typeof cookie === "function" ? cookie : { secure: true, ...cookie };
  const compat = new CompatRules(sessions as unknown as Sessions<never>, { name, ...options, cookie: given });
  return { rules: compat as unknown as ExchangeRules<never>, options: { onError: "throw", ...options }, compat };
}

/** The visit of the plugin that was registered nearest to the route; guards go by it. */
const VISIT = Symbol("sojourn visit");
type Visited = object & { [VISIT]?: Visit };

function visitOn(request: object, site: Site): Visit | undefined {
  let visit = (request as Visited)[VISIT];
  while (visit !== undefined && visit.site !== site) visit = visit.outer;
  return visit;
}

type Kept = FastifyRequest & CompatRequest;

/** One request and its reply. Nothing is looked at before it must be: most requests of many sites have no session. */
class Visit extends NodeRequest<FastifyRequest> implements FailureAnswerer, Guarded {
  readonly site: Site;
  readonly outer: Visit | undefined;
  readonly #reply: FastifyReply;
  #response: NodeResponse | null = null;
  #exchange: Exchange<never> | null = null;
  #keeper: SessionKeeper<Kept> | null = null;

  constructor(site: Site, request: FastifyRequest, reply: FastifyReply) {
    super(request.raw, request, site.options);
    this.site = site;
    this.outer = (request as Visited)[VISIT];
    this.#reply = reply;
  }
  get secure(): boolean {
    const secure = this.request.protocol === "https";
    return this.site.compat?.isSecure(this.request.raw, secure) ?? secure;
  }
  get host(): string | undefined {
    return this.request.host;
  }
  get ip(): string | undefined {
    return this.request.ip;
  }
  formField(name: string): unknown {
    return fieldIn(this.request.body, name);
  }

  get isOpen(): boolean {
    return this.#exchange !== null;
  }
  get exchange(): Exchange<never> {
    this.#exchange ??= new Exchange(this.site.rules, this, this.response);
    return this.#exchange;
  }
  get response(): NodeResponse {
    this.#response ??= new NodeResponse(this.#reply.raw, this);
    return this.#response;
  }

  begin(done: (error?: Error) => void): void {
    const { compat } = this.site;
    if (compat === null && !this.site.rules.concerns(this)) {
      done();
      return;
    }
    const { exchange } = this;
    const refusal = exchange.refusal();
    if (refusal !== null) {
      this.fail(refusal, done);
      return;
    }
    const loading = compat === null ? exchange.begun() : this.#kept(compat);
    if (loading === null) done();
    else {
      loading.then(
        () => done(),
        (error: unknown) => this.fail(error, done),
      );
    }
  }

  #kept(rules: CompatRules<FastifyRequest>): Promise<void> | null {
    const { request } = this;
    const exchange = this.exchange as unknown as Exchange<Fields>;
    try {
      const cookie = rules.cookieOf(request, this.secure);
      if (!request.originalUrl.startsWith(cookie.path)) return null;
      this.#keeper = new SessionKeeper<Kept>({ rules, exchange, request }, cookie, FastifyCompatSession);
      return this.#keeper.open();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Has stored what the handler changed, in compatibility mode. */
  commit(): void {
    void this.#keeper?.commit();
  }

  redirect(location: string): void {
    this.#reply.redirect(location, 303);
  }

  /** Answers an error, or hands it on: always what is a bug. */
  fail(error: unknown, done: (error?: Error) => void): void {
    if (this.#isOurs(error)) this.#reply.send(this.#answerTo(error));
    else done(error as Error);
  }

  /** Waits for session writes under way. Answers what is to be sent in place of the payload, if one failed. */
  async settled(payload: unknown): Promise<unknown> {
    const failure = await this.exchange.settled();
    if (failure === null) {
      this.putHeaders();
      return undefined;
    }
    discard(payload);
    for (const name of Object.keys(this.#reply.getHeaders())) if (isOfTheBody(name)) this.#reply.removeHeader(name);
    this.#reply.code(200);
    if (!this.#isOurs(failure.error)) throw failure.error;
    const answer = this.#answerTo(failure.error);
    this.putHeaders();
    return answer;
  }

  /** They are put on again when they leave; here later hooks see them. */
  putHeaders(): void {
    if (this.response.hasRules) this.exchange.applyTo(new ReplyHeaders(this.#reply));
  }

  #isOurs(error: unknown): error is SojournError {
    return error instanceof SojournError && this.site.options.onError !== "throw";
  }

  /** As bytes: no serializer and no schema of the route is meant for it. */
  #answerTo(error: SojournError): Buffer {
    putErrorHeaders(new ReplyHeaders(this.#reply), error);
    this.#reply.code(error.status).type(JSON_TYPE);
    return Buffer.from(JSON.stringify(this.exchange.answerTo(error)));
  }

  /** For a response that Fastify has no hand in any more: hijacked, or sent through `reply.raw`. */
  answerFailure(error: unknown): void {
    const { raw, log } = this.#reply;
    if (!(error instanceof SojournError)) {
      log.error(error);
      raw.statusCode = 500;
      raw.end();
      return;
    }
    this.response.answer(error, this.exchange.answerTo(error));
  }
}

class ReplyHeaders implements HeaderSink {
  readonly #reply: FastifyReply;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
  }
  get(name: string): number | string | readonly string[] | undefined {
    return this.#reply.getHeader(name);
  }
  set(name: string, value: string | readonly string[]): void {
    // Fastify adds cookies to those that it has.
    if (name === "Set-Cookie") this.#reply.removeHeader(name);
    this.#reply.header(name, value);
  }
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

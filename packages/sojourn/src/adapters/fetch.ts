/** Servers that take a `Request` and answer a `Response` (Deno, Bun, Hono, service handlers, tests). */

import type { DataObject } from "../data/draft.ts";
import { SojournError } from "../errors.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { type AdapterOptions, Exchange, ExchangeRules } from "./exchange.ts";
import {
  csrfTokenRequired,
  type FreshOptions,
  freshnessRequired,
  type GuardOptions,
  listed,
  type Requirement,
  userRequired,
  verdictOf,
} from "./guards.ts";
import type { RequestSession } from "./request-session.ts";
import type { HeaderSink } from "./response-headers.ts";
import { type RequestOptions, type RequestView, type ResponseView, ToldRequest } from "./views.ts";

export interface FetchOptions extends AdapterOptions, RequestOptions<Request> {
  /**
   * The URL as the client sees it: decides whether cookies may be Secure and what "this site" is. Behind a
   * proxy that ends TLS, build it from the headers of that proxy. Default `request.url`.
   */
  readonly url?: (request: Request) => string | URL;
  /**
   * The client's address, for the device of a session; with `trustProxy` the connection's other end. Default
   * none: a `Request` does not tell.
   */
  readonly ip?: (request: Request) => string | undefined;
}

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
      const opened = new FetchExchange<D>(rules, new FetchRequest(request, options));
      await opened.begin();
      return opened;
    },
  };
}

/**
 * Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads.
 *
 * ```ts
 * const refused = await requireUser()(s);
 * if (refused !== null) return refused;
 * ```
 */
export function requireUser(options: GuardOptions = {}): Guard {
  return guard(userRequired, options);
}

/** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
export function requireRole(role: string): Guard {
  return guard(listed("requireRole", "roles", role), {});
}

/** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
export function requirePermission(permission: string): Guard {
  return guard(listed("requirePermission", "permissions", permission), {});
}

/**
 * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
 * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await s.session.reauthenticate({ userId, aal })`.
 * @throws ConfigError, TypeError
 */
export function requireFresh(options: FreshOptions): Guard {
  return guard(freshnessRequired(options), options);
}

/**
 * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
 * `_csrf` (`s.session.csrfToken`); others get 403. A form is read from a copy: call it before the body is read.
 * The cross-site check of `open` protects forms without it: this is for sites that cannot rely on what browsers
 * say of origins. A form over 1 MB, as with files, must bring it in the header.
 */
export function csrf(): Guard {
  return guard(csrfTokenRequired, {});
}

function guard(requirement: Requirement, options: GuardOptions): Guard {
  return (opened) => {
    if (opened instanceof FetchExchange) return opened.guard(requirement, options);
    throw new TypeError("A guard takes what open(request) answered.");
  };
}

class FetchExchange<D extends object> implements OpenedRequest<D>, ResponseView {
  readonly #exchange: Exchange<D>;
  readonly #request: FetchRequest;
  #touchesHeaders = false;
  #refused: Response | null = null;
  begun = false;
  headersSent = false;

  constructor(rules: ExchangeRules<D>, request: FetchRequest) {
    this.#request = request;
    this.#exchange = new Exchange<D>(rules, request, this);
  }

  get session(): RequestSession<D> {
    return this.#exchange.session;
  }
  get refused(): Response | null {
    return this.#refused;
  }

  onHeaders(): void {
    this.#touchesHeaders = true;
  }
  onWrites(): void {
    // Whatever was begun: commit() waits.
  }

  async begin(): Promise<void> {
    const refusal = this.#exchange.refusal();
    if (refusal !== null) this.#refuse(refusal);
    else {
      try {
        await this.#exchange.begun();
      } catch (error) {
        if (!(error instanceof SojournError)) throw error;
        this.#refuse(error);
      }
    }
  }

  async guard(requirement: Requirement, options: GuardOptions): Promise<Response | null> {
    if (this.#refused !== null) return this.#refused;
    const exchange = this.#exchange as unknown as Exchange<never>;
    const guarded = { exchange, formField: (name: string) => this.#request.formField(name) };
    const verdict = await verdictOf(requirement, guarded, options).catch((error: unknown) => {
      if (error instanceof SojournError) return error;
      throw error;
    });
    if (verdict === null) return null;
    const redirect = (Location: string): Response => new Response(null, { status: 303, headers: { Location } });
    this.#refused = await this.commit(typeof verdict === "string" ? redirect(verdict) : this.#answerTo(verdict));
    return this.#refused;
  }

  #refuse(error: SojournError): void {
    this.begun = true;
    this.headersSent = true;
    this.#exchange.refuseWith(error);
    this.#refused = this.#withRules(this.#answerTo(error));
  }

  async commit(response: Response): Promise<Response> {
    if (this.#refused !== null) {
      discard(response);
      return this.#refused;
    }
    if (this.begun) throw new TypeError("commit() was called before: once for each request.");
    this.begun = true;
    const failure = await this.#exchange.settled();
    if (failure === null) return this.#sent(response);
    discard(response);
    if (!(failure.error instanceof SojournError)) throw failure.error;
    return this.#sent(this.#answerTo(failure.error));
  }

  #sent(response: Response): Response {
    this.headersSent = true;
    return this.#withRules(response);
  }

  #answerTo(error: SojournError): Response {
    const { headers = {} } = error as { headers?: Readonly<Record<string, string>> };
    const all = { ...headers, "Cache-Control": "no-store" };
    return Response.json(this.#exchange.answerTo(error), { status: error.status, headers: all });
  }

  /**
   * Always a copy: one `Response` without body may be sent to many clients, and must not keep the cookie of one.
   * What cannot be copied (an upgrade, a network error) has no use for a cookie.
   */
  #withRules(response: Response): Response {
    const { status, statusText, body } = response;
    if (!this.#touchesHeaders || status < 200) return response;
    const headers = new Headers(response.headers);
    this.#exchange.applyTo(sinkOf(headers));
    return new Response(body, { status, statusText, headers });
  }
}

const FORM = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i;
/** Of a form that holds a token; a larger one is not read, for nobody says how large it will be. */
const MAX_FORM_BYTES = 1_048_576;

async function small(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<Blob | null> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = body?.getReader();
  for (let size = 0; ; ) {
    const chunk = (await reader?.read())?.value;
    if (chunk === undefined) return new Blob(chunks);
    size += chunk.byteLength;
    if (size > MAX_FORM_BYTES) {
      // Settles when the handler is done with the other half of the clone.
      reader?.cancel().catch(() => undefined);
      return null;
    }
    chunks.push(chunk);
  }
}

/** Frees what an answer that is not sent holds; of one that was cloned, once the clone is done with. */
function discard(response: Response): void {
  if (response.body !== null && !response.body.locked) response.body.cancel().catch(() => undefined);
}

function sinkOf(headers: Headers): HeaderSink {
  return {
    get: (name) => (name === "Set-Cookie" ? headers.getSetCookie() : (headers.get(name) ?? undefined)),
    set: (name, value) => {
      const values = typeof value === "string" ? [value] : value;
      headers.delete(name);
      for (const each of values) headers.append(name, each);
    },
  };
}

class FetchRequest extends ToldRequest<Request> implements RequestView {
  readonly #options: FetchOptions;
  #parsed: URL | null = null;

  constructor(request: Request, options: FetchOptions) {
    super(request, options);
    this.#options = options;
  }
  get method(): string {
    return this.request.method;
  }
  get secure(): boolean {
    return this.#url?.protocol === "https:";
  }
  get host(): string | undefined {
    return this.#url?.host;
  }
  get ip(): string | undefined {
    return this.#options.ip?.(this.request);
  }
  get peer(): string | undefined {
    return this.ip;
  }
  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined;
  }
  /** Null when no form was sent, it is too large, or its body was read before. */
  async formField(name: string): Promise<unknown> {
    const type = this.header("content-type") ?? "";
    if (this.request.bodyUsed || !FORM.test(type)) return null;
    try {
      const body = await small(this.request.clone().body);
      return (await new Response(body, { headers: { "Content-Type": type } }).formData()).get(name);
    } catch {
      return null;
    }
  }
  /** Null where the option made none of what a client may have sent. */
  get #url(): URL | null {
    this.#parsed ??= URL.parse(this.#options.url?.(this.request) ?? this.request.url);
    return this.#parsed;
  }
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession, Transport } from "./request-session.ts";

/** What adapters share that take a `Request` and answer a `Response`. */

import { SojournError } from "../errors.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeRules } from "./exchange-rules.ts";
import { type Guarded, type GuardOptions, type Requirement, verdictOf } from "./guards.ts";
import type { Failure } from "./pending-writes.ts";
import type { RequestSession } from "./request-session.ts";
import type { HeaderSink } from "./response-headers.ts";
import { type RequestOptions, type RequestView, type ResponseView, ToldRequest } from "./views.ts";

/** What the application tells of its requests. */
export interface FetchRequestOptions<R> extends RequestOptions<R> {
  /**
   * The URL as the client sees it: decides whether cookies may be Secure and what "this site" is. Behind a
   * proxy that ends TLS, build it from the headers of that proxy. Default the request's own.
   */
  readonly url?: (request: R) => string | URL;
  /**
   * The client's address, for the device of a session; with `trustProxy` the connection's other end. Default
   * none: a `Request` does not tell. `sojourn/hono` knows it on Node.
   */
  readonly ip?: (request: R) => string | undefined;
}

interface FormView extends RequestView {
  formField(name: string): Promise<unknown>;
}

/** One request and its response. @internal */
export class FetchExchange<D extends object> implements ResponseView, Guarded {
  readonly #opened: Exchange<D>;
  readonly #request: FormView;
  #touchesHeaders = false;
  begun = false;
  headersSent = false;

  constructor(rules: ExchangeRules<D>, request: FormView) {
    this.#request = request;
    this.#opened = new Exchange<D>(rules, request, this);
  }

  get exchange(): Exchange<never> {
    return this.#opened as unknown as Exchange<never>;
  }
  get session(): RequestSession<D> {
    return this.#opened.session;
  }
  formField(name: string): Promise<unknown> {
    return this.#request.formField(name);
  }

  onHeaders(): void {
    this.#touchesHeaders = true;
  }
  onWrites(): void {
    // Whatever was begun: the answer waits.
  }

  /** Reads the session. Answers what forbids to go on, or null. @throws what is a bug */
  async begin(): Promise<SojournError | null> {
    const refusal = this.#opened.refusal();
    if (refusal !== null) return refusal;
    const loading = this.#opened.begun();
    return loading === null ? null : loading.then(() => null, ourOwn);
  }

  /** What a guard says: null, the error to answer, or where the browser is sent. @throws what is a bug */
  verdict(requirement: Requirement, options: GuardOptions): Promise<null | string | SojournError> {
    return verdictOf(requirement, this, options).catch(ourOwn);
  }

  answerTo(error: SojournError): Response {
    const { headers = {} } = error as { headers?: Readonly<Record<string, string>> };
    const all = { ...headers, "Cache-Control": "no-store" };
    return Response.json(this.#opened.answerTo(error), { status: error.status, headers: all });
  }

  /** From here on the headers are made: waits for writes under way. Answers the failure to be answered instead, or null. */
  async settled(): Promise<Failure | null> {
    this.begun = true;
    const failure = await this.#opened.settled();
    this.headersSent = true;
    return failure;
  }

  /**
   * Always a copy: one `Response` without body may be sent to many clients, and must not keep the cookie of one.
   * What cannot be copied (an upgrade, a network error) has no use for a cookie.
   */
  withRules(response: Response): Response {
    const { status, statusText, body } = response;
    if (!this.#touchesHeaders || status < 200) return response;
    const headers = new Headers(response.headers);
    this.#opened.applyTo(sinkOf(headers));
    return new Response(body, { status, statusText, headers });
  }
}

/** @throws what is a bug @internal */
export function ourOwn(error: unknown): SojournError {
  if (error instanceof SojournError) return error;
  throw error;
}

/** @internal */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 303, headers: { Location: location } });
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

/** A `Request`, and what the application is asked about it: itself, or what a framework made of it. @internal */
export class FetchRequest<R> extends ToldRequest<R> implements RequestView {
  readonly raw: Request;
  readonly #options: FetchRequestOptions<R>;
  #parsed: URL | null = null;

  constructor(raw: Request, request: R, options: FetchRequestOptions<R>) {
    super(request, options);
    this.raw = raw;
    this.#options = options;
  }
  get method(): string {
    return this.raw.method;
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
    return this.raw.headers.get(name) ?? undefined;
  }
  /** Null when no form was sent, it is too large, or its body was read before. */
  async formField(name: string): Promise<unknown> {
    const type = this.header("content-type") ?? "";
    if (this.raw.bodyUsed || !FORM.test(type)) return null;
    try {
      const body = await small(this.raw.clone().body);
      return (await new Response(body, { headers: { "Content-Type": type } }).formData()).get(name);
    } catch {
      return null;
    }
  }
  /** Null where the option made none of what a client may have sent. */
  get #url(): URL | null {
    this.#parsed ??= URL.parse(this.#options.url?.(this.request) ?? this.raw.url);
    return this.#parsed;
  }
}

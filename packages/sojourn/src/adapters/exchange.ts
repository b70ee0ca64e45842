/**
 * One request and its response: the middle that all adapters share. An adapter
 * tells what came in, lets `begin()` decide, and before the headers go out has
 * `applyTo()` put cookie and caching rules on them.
 */

import { inspect } from "node:util";
import type { Device } from "../data/metadata.ts";
import { CrossSiteRequestError, type SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import { type AdapterHost, hostOf } from "../lifecycle/host.ts";
import type { Session } from "../lifecycle/session.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import {
  type CookieAttributes,
  developmentCookie,
  expireCookie,
  readCookie,
  serializeCookie,
} from "../security/cookie.ts";
import {
  checkOrigin,
  isSafeMethod,
  normalizeOrigins,
  type OriginPolicy,
  ownOriginOf,
} from "../security/origin-check.ts";
import { RequestSession, type SessionCarrier } from "./request-session.ts";

export interface AdapterOptions {
  /** Other origins that may send unsafe requests, exactly as browsers send them: `["https://app.example.com"]`. */
  readonly origins?: readonly string[];
  /** Whether pages of the same site but another origin (sibling subdomains) may send unsafe requests. Default false. */
  readonly allowSameSite?: boolean;
  /** `false` switches the cross-site check of unsafe requests off. Default true. */
  readonly originCheck?: boolean;
  /** `"eager"` reads the session before the handler; `"lazy"` at `await req.session.load()`. Default "eager". */
  readonly load?: "eager" | "lazy";
}

/** What an adapter tells of a request; read only when needed. */
export interface RequestView {
  readonly method: string;
  /** As the client sees it: behind a proxy the proxy's, if the framework trusts it. */
  readonly secure: boolean;
  readonly host: string | undefined;
  readonly ip: string | undefined;
  header(name: string): string | undefined;
}

/** Response headers, in Node's shapes. */
export interface HeaderSink {
  get(name: string): number | string | readonly string[] | undefined;
  set(name: string, value: string | readonly string[]): void;
}

/** Options and host of one `sojourn(sessions, options)`, made once. */
export class ExchangeRules<D extends object = DataObject> {
  readonly sessions: Sessions<D>;
  readonly host: AdapterHost;
  readonly load: "eager" | "lazy";
  readonly origins: OriginPolicy | null;
  readonly #development: CookieAttributes;

  /** @throws TypeError, ConfigError */
  constructor(sessions: Sessions<D>, options: AdapterOptions) {
    this.sessions = sessions;
    this.host = hostOf(sessions);
    this.load = options.load ?? "eager";
    const origins = normalizeOrigins(options.origins);
    this.origins = options.originCheck === false ? null : { origins, allowSameSite: options.allowSameSite ?? false };
    this.#development = developmentCookie(this.host.namespace, this.host.cookie.sameSite);
  }

  /** On a developer's plain http the cookie goes without Secure, under another name. */
  cookieFor(request: RequestView): CookieAttributes {
    return this.host.development && !request.secure ? this.#development : this.host.cookie;
  }
}

export class Exchange<D extends object = DataObject> implements SessionCarrier {
  readonly session: RequestSession<D>;
  readonly #rules: ExchangeRules<D>;
  readonly #request: RequestView;
  readonly #cookie: CookieAttributes;
  readonly #hasCookie: boolean;
  readonly #response: { readonly headersSent: boolean };
  #onHeaders: (() => void) | null;
  #token: string | null;
  #outgoing: "issue" | "remove" | null = null;
  #issuedFor: Session<never> | null = null;
  #loading: Promise<void> | null = null;
  /** What is sent depends on a session: no shared cache may keep it. */
  #personal = false;

  /** @param onHeaders called once, when the response's headers will need `applyTo`. */
  constructor(
    rules: ExchangeRules<D>,
    request: RequestView,
    response: { readonly headersSent: boolean },
    onHeaders: () => void,
  ) {
    this.#rules = rules;
    this.#request = request;
    this.#response = response;
    this.#onHeaders = onHeaders;
    this.#cookie = rules.cookieFor(request);
    const cookie = readCookie(request.header("cookie"), this.#cookie.name);
    this.#hasCookie = cookie.kind !== "absent";
    // Of two cookies nobody can say which the site set: neither is used (RFC 6265bis 8.6).
    this.#token = cookie.kind === "one" && rules.host.isGenuine(cookie.value) ? cookie.value : null;
    this.session = new RequestSession<D>(rules.sessions, this, this.#token === null);
    if (cookie.kind === "duplicate") {
      rules.host.notices.warn(
        "duplicate",
        `a request carried the cookie ${this.#cookie.name} twice and was treated as anonymous`,
      );
    }
  }

  /** Why the request must be refused, if it must: an unsafe method from elsewhere (rows H1–H3). */
  refusal(): SojournError | null {
    const { origins } = this.#rules;
    const request = this.#request;
    if (origins === null || isSafeMethod(request.method)) return null;
    const verdict = checkOrigin(
      {
        method: request.method,
        secFetchSite: request.header("sec-fetch-site"),
        origin: request.header("origin"),
        referer: request.header("referer"),
        ownOrigin: ownOriginOf(request.secure ? "https" : "http", request.host),
        hasSessionCookie: this.#hasCookie,
      },
      origins,
    );
    return verdict.allowed ? null : new CrossSiteRequestError(verdict.why);
  }

  get token(): string | null {
    return this.#token;
  }

  /** What a client is told of an error. What failed inside is for the log only (ASVS 16.5.1). */
  answerTo(error: SojournError): { error: string; message: string } {
    if (error.status < 500) return { error: error.code, message: error.message };
    this.#rules.host.notices.warn("unavailable", `a request was answered with ${error.status}: ${error.message}`);
    return { error: error.code, message: "The session cannot be read at the moment. Please try again." };
  }

  /** Whether something must be awaited before the handler runs. */
  get mustLoad(): boolean {
    return this.#token !== null && this.#rules.load === "eager";
  }

  /** Reads the session of the token, if one came. @throws StoreUnavailableError */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    if (this.#token === null) return;
    this.#personal = true;
    this.accessed();
    const result = await this.#rules.sessions.validate(this.#token);
    this.session.resolved(result.valid ? result.session : null);
    if (!result.valid) {
      if (result.clearCookie) this.removed();
    } else if (result.token !== undefined) {
      this.issued(result.token, result.session as unknown as Session<never>);
    }
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  device(): Device {
    const { ip } = this.#request;
    const userAgent = this.#request.header("user-agent");
    return { ...(ip === undefined ? {} : { ip }), ...(userAgent === undefined ? {} : { userAgent }) };
  }

  issued(token: string, session: Session<never>): void {
    this.#personal = true;
    this.accessed();
    this.#token = token;
    this.#outgoing = "issue";
    this.#issuedFor = session;
  }

  removed(): void {
    this.#personal = true;
    this.accessed();
    this.#outgoing = "remove";
    this.#issuedFor = null;
    this.#token = null;
  }

  accessed(): void {
    this.#onHeaders?.();
    this.#onHeaders = null;
  }

  /** Puts cookie and caching rules on the headers that are about to be sent. */
  applyTo(headers: HeaderSink): void {
    appendVary(headers, "Cookie");
    if (this.#personal) this.#forbidCaching(headers);
    const cookie = this.#setCookie();
    if (cookie !== null) headers.set("Set-Cookie", [...listOf(headers.get("Set-Cookie")), cookie]);
  }

  #forbidCaching(headers: HeaderSink): void {
    const current = String(headers.get("Cache-Control") ?? "");
    // Not `private="Set-Cookie"`, which lets caches keep the rest (RFC 9111 5.2.2.7).
    if (/(?:^|,)\s*(?:no-store|private)\s*(?:,|$)/i.test(current)) return;
    if (/\bpublic\b/i.test(current)) {
      this.#rules.host.notices.once(
        "public",
        "a response that depends on a session said Cache-Control: public; it was sent with no-store (ASVS 14.3.2)",
      );
    }
    headers.set("Cache-Control", "no-store");
  }

  /** Whoever prints a request must not print its token. */
  [inspect.custom](): string {
    return `Exchange ${inspect(this.session)}`;
  }

  #setCookie(): string | null {
    if (this.#outgoing === null) return null;
    if (this.#outgoing === "remove") return this.#hasCookie ? expireCookie(this.#cookie) : null;
    this.#warnAboutPlainHttp();
    const session = this.#issuedFor;
    if (session === null || this.#token === null) return null;
    const { host } = this.#rules;
    if (!host.isPersistent(session.policy)) return serializeCookie(this.#cookie, this.#token);
    const maxAgeSeconds = Math.max(0, Math.floor((session.absoluteExpiresAt - host.now()) / 1000));
    return serializeCookie({ ...this.#cookie, maxAgeSeconds }, this.#token);
  }

  #warnAboutPlainHttp(): void {
    if (this.#request.secure) return;
    const { notices } = this.#rules.host;
    if (this.#cookie.secure) {
      notices.once(
        "insecure",
        "a Secure session cookie was set on a plain http request: behind a TLS proxy tell the framework to trust it (Express: app.set('trust proxy', 1))",
      );
    } else {
      notices.once(
        "development",
        `development: on plain http the session cookie is ${this.#cookie.name}, without Secure`,
      );
    }
  }
}

function appendVary(headers: HeaderSink, field: string): void {
  const current = listOf(headers.get("Vary")).join(", ");
  const fields = current.split(",").map((each) => each.trim().toLowerCase());
  if (fields.includes("*") || fields.includes(field.toLowerCase())) return;
  headers.set("Vary", current === "" ? field : `${current}, ${field}`);
}

function listOf(value: number | string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly string[]) : [String(value)];
}

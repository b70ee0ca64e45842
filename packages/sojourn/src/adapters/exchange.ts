/**
 * One request and its response: the middle that all adapters share. An adapter
 * tells what came in, answers a `refusal()`, lets `load()` read the session, lets
 * the response wait while `mustWait`, and before the headers go out has
 * `applyTo()` put cookie and caching rules on them.
 */

import { inspect } from "node:util";
import { CrossSiteRequestError, type SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { AdapterHost } from "../lifecycle/host.ts";
import type { OnUnavailable } from "../lifecycle/on-unavailable.ts";
import type { Session } from "../lifecycle/session.ts";
import type { ValidateOptions } from "../lifecycle/operations.ts";
import { type CookieAttributes, expireCookie, readCookie } from "../security/cookie.ts";
import { checkOrigin, isSafeMethod, ownOriginOf } from "../security/origin-check.ts";
import { Adopting } from "./adopting.ts";
import { bearerToken } from "./bearer.ts";
import type { ExchangeRules } from "./exchange-rules.ts";
import { OutgoingToken, type TokenChange } from "./outgoing-token.ts";
import { type Failure, PendingWrites } from "./pending-writes.ts";
import { RequestClient } from "./request-client.ts";
import { appendVary, forbidCaching, type HeaderSink, putCookie } from "./response-headers.ts";
import { RequestSession } from "./request-session.ts";
import type { SessionCarrier, Transport } from "./session-carrier.ts";
import { cookieLine, type CookieWriter } from "./session-cookie.ts";
import type { HeadRules, RequestView, ResponseView } from "./views.ts";

const NOTHING_SAID: ValidateOptions = Object.freeze({});
/** Of the store itself; what becomes of a request that it does not answer is decided here. */
const OF_STORE: ValidateOptions = Object.freeze({ fresh: true, onUnavailable: "reject" });
const OF_ANY: ValidateOptions = Object.freeze({ onUnavailable: "reject" });
const LOADED = Promise.resolve();

/** @internal */
export class Exchange<D extends object = DataObject> implements SessionCarrier, HeadRules {
  readonly session: RequestSession<D>;
  readonly #rules: ExchangeRules<D>;
  readonly request: RequestView;
  #client: RequestClient | null = null;
  /** Writes the cookie in place of the usual. */
  cookies: CookieWriter | null = null;
  readonly #cookie: CookieAttributes;
  readonly #hasCookie: boolean;
  readonly #response: ResponseView;
  /** Null unless the request brings a session of the application that was here before. */
  readonly adopting: Adopting | null;
  #accessed = false;
  #writes: PendingWrites | null = null;
  #token: string | null;
  /** Where the token came in and where one goes out. */
  #transport: Transport = "cookie";
  #outgoing: OutgoingToken | null = null;
  #loading: Promise<void> | null = null;
  #refusal: SojournError | null = null;
  /** The token that was judged by a near cache. */
  #nearToken: string | null = null;
  /** The token that came in, if it was renewed before. */
  #previousToken: string | null = null;
  /** What is sent depends on a session: no shared cache may keep it. */
  #personal = false;
  /** What stands in the headers already. */
  #putCookie: string | null = null;

  /** @param session of a request that `rules.concerns` was false of, and that somebody looks at */
  constructor(
    rules: ExchangeRules<D>,
    request: RequestView,
    response: ResponseView,
    session: RequestSession<D> | null = null,
  ) {
    this.#rules = rules;
    this.request = request;
    this.#response = response;
    this.#cookie = rules.cookieFor(request);
    // Nothing had come: what others put into the headers since was judged by nobody.
    const cookies = session === null ? request.header("cookie") : undefined;
    const cookie = readCookie(cookies, this.#cookie.name);
    this.#hasCookie = cookie.kind !== "absent";
    // Of two cookies nobody can say which the site set: neither is used (RFC 6265bis 8.6).
    this.#token = cookie.kind === "one" && rules.host.sessionIdOf(cookie.value) !== null ? cookie.value : null;
    if (session === null && cookie.kind === "absent" && rules.host.bearer) this.#takeBearer();
    const isOurs = cookie.kind !== "duplicate" && this.#transport === "cookie";
    this.adopting = isOurs ? Adopting.of(rules.host, cookies) : null;
    this.session =
      session ?? new RequestSession<D>(rules.sessions, this, this.#token === null && this.adopting === null);
    if (cookie.kind === "duplicate") {
      rules.host.notices.warn(
        "duplicate",
        `a request carried the cookie ${this.#cookie.name} twice and was treated as anonymous`,
      );
    }
  }

  get exchange(): this {
    return this;
  }

  get client(): RequestClient {
    this.#client ??= new RequestClient(this.request, this.#rules.proxies, this.#rules.host.binds);
    return this.#client;
  }

  get #sent(): OutgoingToken {
    this.#outgoing ??= new OutgoingToken(this.#rules.host.freshTokenMs, this.#rules.host.now);
    return this.#outgoing;
  }

  /** Only without any cookie of the session's name: with one, a browser's rules hold (row H6). */
  #takeBearer(): void {
    const token = bearerToken(this.request.header("authorization"));
    if (token === null || this.#rules.host.sessionIdOf(token) === null) return;
    this.#token = token;
    this.#transport = "header";
  }

  /**
   * Why the request must be refused, if it must: an unsafe method from elsewhere (rows H1–H3). What runs all the same
   * cannot write to its session, and passes no guard.
   */
  refusal(): SojournError | null {
    this.#refusal = this.#crossSite();
    return this.#refusal;
  }

  #crossSite(): SojournError | null {
    const { origins } = this.#rules;
    const request = this.request;
    if (origins === null || isSafeMethod(request.method)) return null;
    // No page can make a browser send somebody else's bearer token: there is no authority to borrow (row H6).
    if (this.#transport === "header") return null;
    const verdict = checkOrigin(
      {
        method: request.method,
        secFetchSite: request.header("sec-fetch-site"),
        origin: request.header("origin"),
        referer: request.header("referer"),
        ownOrigin: ownOriginOf(request.secure ? "https" : "http", request.host),
        hasSessionCookie: this.#rules.demandsOrigin && (this.#hasCookie || this.adopting !== null),
      },
      origins,
    );
    return verdict.allowed ? null : new CrossSiteRequestError(verdict.why);
  }

  /** Puts the session out of reach where the handler may run all the same: reading or writing it rejects. */
  refuseWith(refusal: SojournError): void {
    this.#refusal = refusal;
    this.#loading = Promise.reject(refusal);
    this.#loading.catch(() => undefined);
  }

  get fields(): AdapterHost["fields"] {
    return this.#rules.host.fields;
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

  /** Reads the session if that is to be done before the handler runs. Null when there is nothing to wait for. */
  begun(): Promise<void> | null {
    if ((this.#token === null && this.adopting === null) || this.#rules.load === "lazy") return null;
    if (this.#token !== null && this.#isNear(this.#token)) return null;
    this.#loading = this.#read(OF_STORE);
    return this.#loading;
  }

  /** Most sessions of a busy site are in the near cache: a promise would cost more than looking there. */
  #isNear(token: string): boolean {
    const result = this.#rules.sessions.validateNear(token, this.#question());
    if (result === null || this.adopting?.isOf(result.session.id) === false) return false;
    this.#personal = true;
    this.accessed();
    this.#nearToken = token;
    this.#loading = LOADED;
    this.session.resolved(result.session);
    return true;
  }

  /** Reads the session of the token, if one came. @throws StoreUnavailableError */
  load(): Promise<void> {
    this.#loading ??= this.#read(OF_ANY);
    return this.#loading;
  }

  /** The session as the store has it now: no guard decides by a near cache. @throws StoreUnavailableError */
  async loadFresh(): Promise<RequestSession<D>> {
    if (this.#refusal !== null) throw this.#refusal;
    await this.session.loadKnown();
    if (this.#nearToken !== null && this.#nearToken === this.#token) await this.#load(OF_STORE);
    return this.session;
  }

  #read(options: ValidateOptions): Promise<void> {
    const mode = this.request.onUnavailable ?? this.#rules.host.onUnavailable;
    return mode === "reject" ? this.#load(options) : this.#loadOr(mode, options);
  }

  /** Where the request is to be served all the same, a store that is unavailable is no error. */
  async #loadOr(mode: OnUnavailable, options: ValidateOptions): Promise<void> {
    const { host, sessions } = this.#rules;
    const token = this.#token;
    if (mode === "stale") host.keepStale();
    try {
      await this.#load(options);
    } catch (error) {
      // A login or logout of this request that was not awaited was faster.
      if (this.#token !== token) return;
      const stale = mode === "stale" ? sessions.validateStale(token, this.#question()) : null;
      if (mode === "stale" && (stale === null || this.adopting?.isOf(stale.session.id) === false)) throw error;
      this.session.unread(error, host.notices, stale?.session ?? null);
    }
  }

  async #load(options: ValidateOptions): Promise<void> {
    const token = this.#token;
    if (token === null) {
      if (this.adopting !== null && !(await this.#adopted(this.adopting, null))) this.session.resolved(null);
      return;
    }
    this.#personal = true;
    this.accessed();
    const question = this.#question();
    const asked = question === NOTHING_SAID ? options : { ...question, ...options };
    const result = await this.#rules.sessions.validate(token, asked);
    // A login or logout of this request that was not awaited was faster.
    if (this.#token !== token) return;
    if (this.adopting !== null && (result.valid || result.clearCookie)) {
      if (await this.#adopted(this.adopting, result.valid ? result.session : null)) return;
    }
    this.#nearToken = result.valid && result.near === true ? token : null;
    this.#previousToken = result.valid && result.previous === true ? token : null;
    if (!result.valid && result.reason === "locked") await this.#lockedBy(token);
    else this.session.resolved(result.valid ? result.session : null);
    if (!result.valid) {
      if (!result.clearCookie) return;
      this.#token = null;
      this.#sent.suggest("remove");
    } else if (result.token !== undefined) {
      this.renewed(result.token, result.session as unknown as Session<never>);
    }
  }

  /**
   * Goes on with what the old session becomes, unless that is the session that there is. True when there is nothing
   * else to be done: it does, or a login or logout of this request was faster.
   */
  async #adopted(adopting: Adopting, beside: Session<D> | null): Promise<boolean> {
    if (beside !== null && adopting.isOf(beside.id)) return false;
    this.#personal = true;
    this.accessed();
    const before = this.#token;
    const begun = await adopting.session(this.#rules.sessions, this.client, beside);
    if (this.#token !== before) return true;
    if (begun === null) return false;
    this.issued(begun.token, begun.session as unknown as Session<never>);
    this.session.resolved(begun.session);
    return true;
  }

  /** What `validate` is to go by besides the token. */
  #question(): ValidateOptions {
    const signals = this.#rules.host.binds ? this.client.signals() : undefined;
    return this.request.countsAsActivity ? (signals ?? NOTHING_SAID) : { ...signals, touch: false };
  }

  /** The request goes by a token from before a renewal (row E4). */
  get isPrevious(): boolean {
    return this.#previousToken !== null && this.#previousToken === this.#token;
  }

  /** A form that unlocks the session needs its CSRF token. */
  async #lockedBy(token: string): Promise<void> {
    const id = this.#rules.host.sessionIdOf(token);
    const locked = id === null ? null : await this.#rules.sessions.get(id);
    if (this.#token === token) this.session.resolved(null, locked);
  }

  /** The store's time. */
  now(): number {
    return this.#rules.host.now();
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  /** Runs a write that the response waits for, unless the response has begun: then `late` is true. */
  writing<T>(work: (late: boolean) => Promise<T>): Promise<T> {
    this.accessed();
    const late = this.#response.begun;
    if (!late) this.#response.onWrites(this);
    this.#writes ??= new PendingWrites(this.#rules.host.notices);
    return this.#writes.track(this.#refusal === null ? work(late) : Promise.reject(this.#refusal), late);
  }

  get mustWait(): boolean {
    return this.#writes?.mustWait ?? false;
  }

  settled(): Promise<Failure | null> {
    return this.#writes?.settled() ?? Promise.resolve(null);
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** @throws TypeError for a transport that is not switched on */
  useTransport(transport: Transport): void {
    if (transport !== "cookie" && (transport !== "header" || !this.#rules.host.bearer)) {
      throw new TypeError(
        'login: transport must be "cookie", or "header" after createSessions({ transport: { header: "authorization" } }).',
      );
    }
    this.#transport = transport;
  }

  get issuedToken(): string | null {
    const change = this.#outgoing?.current() ?? null;
    return this.#transport === "cookie" || change === null || change === "remove" ? null : change.token;
  }

  issued(token: string, session: Session<never>): void {
    this.#personal = true;
    this.accessed();
    this.#token = token;
    this.#sent.decide({ token, session });
  }

  /** The token that came in stays what this request goes by: its successor counts once the client has presented it. */
  renewed(token: string, session: Session<never>): void {
    this.#personal = true;
    this.accessed();
    // What the jar held when it sent the request must not come back into it.
    if (token === this.#token && this.#transport === "cookie") return;
    this.#sent.suggest({ token, session });
  }

  /** The token that the store just called good goes out once more. */
  resent(token: string, session: Session<never>): void {
    this.#sent.suggest({ token, session });
  }

  removed(): void {
    this.#personal = true;
    this.accessed();
    this.#token = null;
    this.#sent.decide("remove");
  }

  accessed(): void {
    if (this.#accessed) return;
    this.#accessed = true;
    this.#response.onHeaders(this);
  }

  applyTo(headers: HeaderSink): void {
    appendVary(headers, "Cookie");
    if (this.#rules.host.bearer) appendVary(headers, "Authorization");
    if (this.#personal) forbidCaching(headers, this.#rules.host.notices);
    const change = this.#outgoing?.current() ?? null;
    const cookie = change === null ? null : this.#lineOf(change);
    putCookie(headers, cookie, this.#putCookie);
    this.#putCookie = cookie;
    this.adopting?.applyTo(headers);
  }

  #lineOf(change: TokenChange): string | null {
    const { cookies } = this;
    if (change !== "remove" && this.#transport === "cookie") {
      if (cookies !== null) return cookies.give(change.token);
      return cookieLine(change, this.#cookie, this.request.secure, this.#rules.host);
    }
    // With the header transport a cookie of the session that this one replaces is of no use any more.
    return this.#hasCookie ? (cookies?.take() ?? expireCookie(this.#cookie)) : null;
  }

  /** Whoever prints a request must not print its token. */
  [inspect.custom](): string {
    return `Exchange ${inspect(this.session)}`;
  }
}

/**
 * The session of one request in compatibility mode, in prose. It is read before
 * the handler, and `req.session` is a copy of it (*shown*). When the response
 * begins, or at `save()`, what differs from what was shown is written, field by
 * field in one call: requests that change other fields lose nothing, and to a
 * session that has ended meanwhile nothing is written. One that was not there
 * begins with the first write. One that the application gives another user is
 * *replaced*: a session of that user begins with its data, and it ends. Steps run
 * one after the other.
 */

import { HeadersSentError, SessionEndedError, SessionNotLoadedError, StepUpRequiredError } from "../../errors.ts";
import type { CreateResult, LoginInput } from "../../lifecycle/operations.ts";
import type { Session } from "../../lifecycle/session.ts";
import type { Exchange } from "../exchange.ts";
import { Turns } from "../turns.ts";
import type { CompatCookie } from "./cookie.ts";
import { CookieLife } from "./cookie-life.ts";
import { CompatCookieWriter } from "./cookie-writer.ts";
import { changesOf, COOKIE, cookieIn, fill, isSame, type Texts, textsOf, valuesOf } from "./field-texts.ts";
import type { CompatRequest, CompatRules, Fields } from "./rules.ts";
import { CompatSession, nameSession, type ObjectKeeper } from "./session-object.ts";

/** One request, as the adapter has it. @internal */
export interface KeptVisit<R> {
  readonly rules: CompatRules<R>;
  readonly exchange: Exchange<Fields>;
  readonly request: R;
}

/** What a session is to be. */
interface Wanted {
  readonly texts: Texts;
  readonly userId: string | null | undefined;
  readonly maxAge: number | null;
}

const NOTHING: Texts = new Map();

/** @internal */
export class SessionKeeper<R extends CompatRequest> implements ObjectKeeper {
  readonly #rules: CompatRules<R>;
  readonly #exchange: Exchange<Fields>;
  readonly #request: R;
  /** The same, for what stands on it. */
  readonly #on: CompatRequest;
  readonly #Shown: typeof CompatSession;
  /** What the options say of the cookie of a session that begins. */
  readonly #defaults: CompatCookie;
  /** What stored cookies are told apart from. */
  readonly #common: CompatCookie;
  readonly #life: CookieLife;
  #id: string;
  #object: CompatSession | null = null;
  /** What the application was shown, or had stored. */
  #texts: Texts = NOTHING;
  /** Who the user of that was, as the application says. */
  #userId: string | null | undefined;
  /** Begun by `regenerate`: stored though nothing stands in it. */
  #regenerated = false;
  /** It began with this request. */
  #begun = false;
  /** What was written is to give the cookie its life again. */
  #renewsCookie = false;
  /** What could not be stored: it is not tried again, so that whoever answers the failure is heard. */
  #failed: Texts | null = null;
  /** Nobody can say what is to be stored. */
  #hasGivenUp = false;
  readonly #turns = new Turns();

  constructor(visit: KeptVisit<R>, defaults: CompatCookie, Shown: typeof CompatSession = CompatSession) {
    const { rules, exchange, request } = visit;
    this.#rules = rules;
    this.#exchange = exchange;
    this.#request = request;
    this.#on = request;
    this.#Shown = Shown;
    this.#defaults = defaults;
    this.#common = rules.commonCookie(defaults);
    this.#life = new CookieLife(rules.host, this.#common);
    this.#id = rules.host.newAnonymousId();
    exchange.cookies = new CompatCookieWriter(rules, exchange.request, () => cookieIn(this.#current) ?? defaults);
    exchange.accessed();
  }

  /** Reads the session and puts it on the request. Null when there is nothing to wait for. */
  open(): Promise<void> | null {
    const loading = this.#exchange.begun();
    if (loading !== null || this.#life.isOver(this.#stored)) return this.#opened(loading);
    this.#show(this.#copy());
    return null;
  }

  async #opened(loading: Promise<void> | null): Promise<void> {
    await loading;
    // A near copy may not know of the latest activity.
    if (this.#life.isOver(this.#stored)) await this.#exchange.loadFresh();
    if (this.#life.isOver(this.#stored)) await this.#end("expired");
    this.#show(this.#copy());
  }

  /** What differs is stored, if anything is to be: when the response begins, and once more when it ends. */
  commit(): Promise<void> | null {
    const { session } = this.#on;
    if (session === undefined || session === null) return this.#unset();
    if (this.#hasGivenUp) return null;
    // While a step is under way nobody knows yet what will differ.
    if (this.#turns.taken !== null) return this.#finishing(null);
    try {
      const wanted = this.#wanted(this.#current);
      return this.#isWork(wanted) ? this.#finishing(wanted) : null;
    } catch (error) {
      this.#hasGivenUp = true;
      return this.#exchange.writing(() => Promise.reject(error));
    }
  }

  /** What could not be answered any more. */
  report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#rules.host.notices.warn("late", `what a request changed after its response began was not stored: ${message}`);
  }

  save(object: CompatSession): Promise<void> {
    return this.#exchange.writing(async (late) => {
      const wanted = this.#wanted(object);
      await this.#turns.take(async () => {
        if (object !== this.#object) throw new SessionEndedError(object.id, "regenerate");
        await this.#store(wanted, late);
      });
    });
  }

  reload(): Promise<void> {
    return this.#step(async () => {
      const stored = this.#stored;
      const now = stored === null ? null : await this.#rules.sessions.get(stored.id);
      if (now === null) throw new SessionNotLoadedError();
      this.#exchange.session.resolved(now);
      this.#show(this.#copy());
    });
  }

  destroy(object: CompatSession): Promise<void> {
    if (object !== this.#object) return Promise.resolve();
    Reflect.deleteProperty(this.#on, "session");
    return this.#step(() => this.#end("logout"));
  }

  regenerate(object: CompatSession, keep: readonly string[]): Promise<void> {
    return this.#step(async (late) => {
      if (late) throw new HeadersSentError("req.session.regenerate()");
      await this.#end("regenerate");
      this.#id = this.#rules.host.newAnonymousId();
      this.#regenerated = true;
      const next = this.#blank();
      for (const name of keep) next[name] = object[name];
      this.#show(next);
    });
  }

  /** Whether it differs from what was shown, or stored since. */
  isModified(object: CompatSession): boolean {
    return !isSame(this.#wanted(object).texts, this.#texts);
  }

  isSaved(object: CompatSession): boolean {
    return this.#stored !== null && object === this.#object && !this.isModified(object);
  }

  get #stored(): Session<Fields> | null {
    return this.#exchange.session.current;
  }

  /** What stands on the request; what the application put there itself counts as the fields of the session. */
  get #current(): CompatSession {
    const { session } = this.#on;
    if (session instanceof CompatSession) return session;
    return Object.assign(this.#new(this.#object?.cookie ?? this.#defaults), session);
  }

  /** A copy of the session for the application to change; an empty one when there is none. */
  #copy(): CompatSession {
    const stored = this.#stored;
    if (stored === null) return this.#blank();
    this.#id = stored.id;
    const object = this.#new(this.#life.cookieOf(stored));
    this.#texts = fill(object, stored.data);
    return object;
  }

  #blank(): CompatSession {
    this.#texts = NOTHING;
    return this.#new(this.#defaults.with({}, this.#rules.host.now()));
  }

  #new(cookie: CompatCookie): CompatSession {
    const object = new this.#Shown(this, this.#request, cookie);
    nameSession(object, this.#id);
    return object;
  }

  #show(object: CompatSession): void {
    this.#object = object;
    this.#on.session = object;
    this.#on.sessionID = this.#id;
    this.#userId = this.#rules.userOf(object, this.#request);
  }

  #wanted(object: CompatSession): Wanted {
    const cookie = cookieIn(object) ?? this.#defaults;
    const userId = this.#rules.userOf(object, this.#request);
    const texts = textsOf(object, this.#common);
    if (texts.has(COOKIE)) cookie.check(this.#rules.name);
    return { texts, userId, maxAge: cookie.originalMaxAge };
  }

  #isWork(wanted: Wanted): boolean {
    const stored = this.#stored;
    if (this.#failed !== null && isSame(wanted.texts, this.#failed)) return false;
    if (stored === null) return this.#begins(wanted);
    return (
      !isSame(wanted.texts, this.#texts) ||
      this.#isOther(stored, wanted) ||
      this.#isTouchDue(stored, wanted) ||
      this.#resends
    );
  }

  #begins({ texts }: Wanted): boolean {
    if ([...texts.keys()].some((name) => name !== COOKIE) || this.#regenerated) return true;
    const { locked, unavailable } = this.#exchange.session;
    return this.#rules.saveUninitialized && !locked && !unavailable;
  }

  /** Whether this request made it another user's, or is to last longer than it began to just now. */
  #isOther(stored: Session<Fields>, { userId, maxAge }: Wanted): boolean {
    // Who was the user before this request may have been signed out since: nothing begins anew for them.
    if (userId !== undefined && userId !== (this.#userId ?? null)) return userId !== stored.userId;
    return this.#begun && maxAge !== null && this.#rules.host.policies.lasting(stored.policy, maxAge) !== stored.policy;
  }

  #isTouchDue(stored: Session<Fields>, { maxAge }: Wanted): boolean {
    return this.#exchange.request.countsAsActivity && this.#life.isTouchDue(stored, maxAge);
  }

  get #resends(): boolean {
    return !this.#begun && (this.#rules.rolling || this.#renewsCookie);
  }

  #unset(): Promise<void> | null {
    if (this.#rules.unset === "keep" || this.#stored === null) return null;
    return this.#step(() => this.#end("logout"));
  }

  #finishing(wanted: Wanted | null): Promise<void> {
    return this.#step((late) => this.#finish(wanted, late));
  }

  async #finish(known: Wanted | null, late: boolean): Promise<void> {
    const wanted = known ?? this.#wanted(this.#current);
    if (!this.#isWork(wanted)) return;
    try {
      await this.#store(wanted, late);
      if (this.#stored === null && this.#begins(wanted)) await this.#begin(wanted, late);
      const stored = this.#stored;
      if (stored === null || this.#begun) return;
      if (this.#resends && !late) await this.#resend(this.#isTouchDue(stored, wanted));
      else if (this.#isTouchDue(stored, wanted)) await stored.touch();
    } catch (error) {
      if (!(error instanceof SessionEndedError)) throw error;
      this.#rules.host.notices.warn(
        "ended",
        `what a request changed in a session that ended was dropped: ${error.message}`,
      );
    }
  }

  async #store(wanted: Wanted, late: boolean): Promise<void> {
    const stored = this.#stored;
    try {
      if (stored === null) await this.#begin(wanted, late);
      else if (this.#isOther(stored, wanted)) await this.#replace(stored, wanted, late);
      else await this.#write(stored, wanted);
      this.#failed = null;
    } catch (error) {
      this.#failed = wanted.texts;
      throw error;
    }
  }

  async #write(stored: Session<Fields>, wanted: Wanted): Promise<void> {
    const { texts } = wanted;
    const changed = changesOf(texts, this.#texts);
    const removed = [...this.#texts.keys()].filter((name) => !texts.has(name));
    const results = await Promise.allSettled([
      ...changed.map(([name, text]) => stored.set(name, JSON.parse(text) as unknown)),
      ...removed.map((name) => stored.delete(name)),
    ]);
    for (const result of results) if (result.status === "rejected") throw result.reason;
    if (results.length > 0) {
      this.#renewsCookie ||= wanted.maxAge !== null || texts.get(COOKIE) !== this.#texts.get(COOKIE);
    }
    this.#texts = texts;
    this.#userId = wanted.userId;
  }

  async #begin(wanted: Wanted, late: boolean): Promise<void> {
    if (late) throw new HeadersSentError("A session that begins");
    const { sessions } = this.#rules;
    const { userId } = wanted;
    if (typeof userId === "string") {
      await this.#signIn(this.#login(userId, wanted), wanted);
      return;
    }
    // Its cookie would take the place of the locked one's, or of one that cannot be read.
    if ((await this.#exchange.session.loadKnown()).locked) throw new StepUpRequiredError();
    const policy = this.#rules.policyFor(userId, wanted.maxAge);
    this.#adopt(await sessions.createAs(this.#id, { policy, data: valuesOf(wanted.texts) }), wanted);
  }

  async #replace(stored: Session<Fields>, wanted: Wanted, late: boolean): Promise<void> {
    if (late) throw new HeadersSentError("A session of another user");
    const { userId = stored.userId, texts } = wanted;
    if (userId === null) {
      // The rest begins with the response, unless the application ends it before.
      await this.#end(stored.userId === null ? "replaced" : "logout");
      this.#rename(this.#rules.host.newAnonymousId());
      return;
    }
    // What other requests write to nobody's session meanwhile comes along.
    const own = stored.userId === null ? new Map(changesOf(texts, this.#texts)) : texts;
    const keep = [...texts.keys()].filter((name) => !own.has(name));
    await this.#signIn({ ...this.#login(userId, { ...wanted, texts: own }), keep }, wanted);
  }

  async #signIn(login: LoginInput<Fields>, wanted: Wanted): Promise<void> {
    const begun = await this.#rules.sessions.login(this.#exchange.token, login);
    await this.#exchange.adopting?.end();
    this.#adopt(begun, wanted);
  }

  #login(userId: string, { texts, maxAge }: Wanted): LoginInput<Fields> {
    const { client } = this.#exchange;
    const binding = client.binding();
    return {
      userId,
      policy: this.#rules.policyFor(userId, maxAge),
      data: valuesOf(texts),
      device: client.device(),
      ...(binding === undefined ? {} : { binding }),
    };
  }

  #adopt(begun: CreateResult<Fields>, wanted: Wanted): void {
    this.#exchange.issued(begun.token, begun.session as unknown as Session<never>);
    this.#exchange.session.resolved(begun.session);
    this.#begun = true;
    this.#regenerated = false;
    this.#texts = wanted.texts;
    this.#userId = wanted.userId;
    this.#rename(begun.session.id);
  }

  #rename(id: string): void {
    this.#id = id;
    this.#on.sessionID = id;
    if (this.#object !== null) nameSession(this.#object, id);
  }

  async #end(reason: string): Promise<void> {
    const stored = this.#stored;
    const { adopting } = this.#exchange;
    if (stored === null && adopting === null) return;
    await stored?.revoke(reason);
    await adopting?.end();
    this.#exchange.removed();
    this.#exchange.session.resolved(null);
    this.#begun = false;
    this.#texts = NOTHING;
  }

  /** The token once more, with a cookie of full life: only if it is still the one to have. */
  async #resend(touches: boolean): Promise<void> {
    const { token, request, client, transport } = this.#exchange;
    if (token === null || transport === "header") return;
    const touch = touches || !request.countsAsActivity ? { touch: touches } : {};
    const question = { ...client.signals(), ...touch, fresh: true };
    const result = await this.#rules.sessions.validate(token, question);
    if (!result.valid || result.previous === true) return;
    this.#exchange.resent(result.token ?? token, result.session as unknown as Session<never>);
  }

  /** A step that the response waits for. */
  #step(step: (late: boolean) => Promise<void>): Promise<void> {
    return this.#exchange.writing((late) => this.#turns.take(() => step(late)));
  }
}

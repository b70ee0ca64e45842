/**
 * `req.session`: the session of one request, in any framework.
 *
 * Anonymous until there is something to keep: the first write, or a login,
 * begins a session and sets the cookie. Methods that need the cookie reject
 * with `HeadersSentError` once the response has begun, before doing anything.
 *
 * A write need not be awaited: the response waits for it, and if it fails its
 * error is the answer (503 when the store is down). One that was awaited, or
 * whose failure was caught before the response began, is the handler's to answer.
 */

import { inspect } from "node:util";
import { HeadersSentError, StepUpRequiredError, StoreUnavailableError } from "../errors.ts";
import type { DataObject, FieldValue } from "../data/draft.ts";
import type { Notices } from "../lifecycle/notices.ts";
import { runOnDraft } from "../lifecycle/field-writer.ts";
import type { Counter, Draft, Session } from "../lifecycle/session.ts";
import type { CreateResult, LoginInput, ReauthenticateInput } from "../lifecycle/operations.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import type { Carried, SessionCarrier, Transport } from "./session-carrier.ts";
import { Turns } from "./turns.ts";

const NOTHING = Object.freeze({});

export interface RequestLoginInput<D extends object = DataObject> extends LoginInput<D> {
  /**
   * `"header"`: no cookie is set, and the handler gives `req.session.token` to the client. Needs the option
   * `transport` of createSessions. Default: how the request's own token came, `"cookie"` if it had none.
   */
  readonly transport?: Transport;
}

/** A write that begins an anonymous session when there is none. */
interface FirstWrite<D> {
  readonly name: string;
  /** Whether the response had begun. */
  readonly late: boolean;
  /** What to begin with; null when there is nothing to keep. */
  readonly data: () => Partial<D> | null;
}

export class RequestSession<D extends object = DataObject> {
  /** Only for the type checker, never there: typed data fits where untyped is taken, not the other way round. */
  declare readonly "~data"?: Readonly<D>;
  readonly #sessions: Sessions<D>;
  readonly #visit: Carried;
  #current: Session<D> | null = null;
  #loaded: boolean;
  #locked: Session<D> | null = null;
  /** Why the session is not known although its token came. */
  #unread: StoreUnavailableError | null = null;
  /**
   * Of logins, logouts and first writes: a write beside a login goes into the new session, and two first writes begin one
   * session, not two of which the browser keeps the later.
   */
  readonly #turns = new Turns();

  /** @internal */
  constructor(sessions: Sessions<D>, visit: Carried, loaded: boolean) {
    this.#sessions = sessions;
    this.#visit = visit;
    this.#loaded = loaded;
  }

  get #carrier(): SessionCarrier {
    return this.#visit.exchange;
  }

  /** Called by the exchange when it knows; null is anonymous. */
  resolved(session: Session<D> | null, locked: Session<D> | null = null): void {
    this.#current = session;
    this.#locked = locked;
    this.#unread = null;
    this.#loaded = true;
  }

  /** Called by the exchange when the session could not be read, and the request is served by a copy, or as nobody's. @throws any other error */
  unread(error: unknown, notices: Notices, copy: Session<D> | null): void {
    if (!(error instanceof StoreUnavailableError)) throw error;
    const [mode, how] = copy === null ? ["anonymous", "as nobody's"] : ["stale", "by a copy of its session"];
    notices.warn(mode, `a request was served ${how}: ${error.message}`);
    this.resolved(copy);
    this.#unread = error;
  }

  /** Whether there is a session, of a user or anonymous. */
  get active(): boolean {
    return this.#session !== null;
  }
  /** The token that came is of a session that is locked (`binding`, `lockAfter`): nobody's until `reauthenticate`. */
  get locked(): boolean {
    return this.#session === null && this.#locked !== null;
  }
  /**
   * With `onUnavailable: "anonymous"`: a session's token came and the store does not answer. Nobody knows whose it is;
   * what is shown to nobody may be shown. Everything that needs the session rejects with StoreUnavailableError.
   */
  get unavailable(): boolean {
    return this.#session === null && this.#unread !== null;
  }
  /**
   * With `onUnavailable: "stale"`: the store does not answer, and this is the session as it was last known, `staleFor` ago at
   * most; it may have ended since. To be shown: everything that asks or changes it rejects with StoreUnavailableError.
   */
  get stale(): boolean {
    return this.#session !== null && this.#unread !== null;
  }
  get id(): string | null {
    return this.#session?.id ?? null;
  }
  get userId(): string | null {
    return this.#session?.userId ?? null;
  }
  /** Frozen; `{}` while there is no session. */
  get data(): Readonly<Partial<D>> {
    return this.#session?.data ?? NOTHING;
  }
  /** The session itself, for everything else that it knows; null while there is none. */
  get current(): Session<D> | null {
    return this.#session;
  }

  get #session(): Session<D> | null {
    this.#carrier.accessed();
    if (!this.#loaded)
      throw new TypeError(
        'The session was not read: await req.session.load() first (load: "lazy", or the request was refused).',
      );
    return this.#current;
  }

  /** With `load: "lazy"`: reads the session now. @throws StoreUnavailableError */
  async load(): Promise<this> {
    this.#carrier.accessed();
    if (!this.#loaded) await this.#carrier.load();
    return this;
  }

  /** The same for what must not go by "nobody" where nobody knows. @throws StoreUnavailableError @internal */
  async loadKnown(): Promise<this> {
    await this.load();
    if (this.#unread !== null) throw this.#unread;
    return this;
  }

  /** The value in the store now; undefined without a session. @throws SessionEndedError */
  async get<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    return (await this.#settled())?.get(name);
  }

  /**
   * The token to give to the client, once this request has issued one for the header transport; else null.
   * Whoever has it is the user: put it in this answer, nowhere else.
   */
  get token(): string | null {
    this.#carrier.accessed();
    return this.#carrier.issuedToken;
  }

  /**
   * For the hidden field `_csrf` of a form, or a script that sends it as `X-CSRF-Token`: what the guard `csrf()`
   * asks for. Masked anew at each look. Null while there is no session; a locked one has one, for the form that unlocks it.
   */
  get csrfToken(): string | null {
    const session = this.#session ?? this.#locked;
    return session === null ? null : this.#sessions.csrf.token(session);
  }

  /** @internal */
  async isCsrfToken(token: unknown): Promise<boolean> {
    const session = this.#session ?? this.#locked;
    return session !== null && this.#sessions.csrf.verify(session, token);
  }

  /** Stores one field; begins an anonymous session when there is none. @throws what `session.set` throws, HeadersSentError */
  set<K extends keyof D & string>(name: K, value: FieldValue<D, K>): Promise<void> {
    return this.#carrier.writing(async (late) => {
      this.#carrier.fields.change({ kind: "set", name, value });
      const data = { [name]: value } as unknown as Partial<D>;
      await this.#inSession({ name: "set", late, data: () => data }, (session) => session.set(name, value));
    });
  }

  /** Removes one field; begins nothing. @throws SessionEndedError */
  delete(name: keyof D & string): Promise<void> {
    return this.#carrier.writing(async () => {
      this.#carrier.fields.change({ kind: "delete", name });
      const session = await this.#settled();
      if (session === null && this.#locked !== null) throw new StepUpRequiredError();
      await session?.delete(name);
    });
  }

  /** Adds to an integer and answers the sum; begins an anonymous session when there is none. */
  increment(name: Counter<D>, by = 1): Promise<number> {
    return this.#carrier.writing(async (late) => {
      this.#carrier.fields.change({ kind: "increment", name, by });
      const data = { [name]: by } as unknown as Partial<D>;
      const first = { name: "increment", late, data: () => data };
      return (await this.#inSession(first, (session) => session.increment(name, by))) ?? by;
    });
  }

  /** Changes data atomically; begins an anonymous session when there is none. See `session.update`. */
  update(change: (draft: Draft<D>) => void): Promise<Readonly<Partial<D>>> {
    const firstData = (): Partial<D> | null => {
      const data = runOnDraft({}, change as (draft: DataObject) => unknown);
      return Object.values(data).every((value) => value === undefined) ? null : (data as Partial<D>);
    };
    return this.#carrier.writing(async (late) => {
      await this.#inSession({ name: "update", late, data: firstData }, (session) => session.update(change));
      return this.data;
    });
  }

  /** Stores activity now; nothing without a session. */
  touch(): Promise<void> {
    return this.#carrier.writing(async () => {
      await (await this.#settled())?.touch();
    });
  }

  /**
   * Begins a session of a user in place of whatever was, and sets the cookie, or with the header transport
   * makes `token` available. Device and address are filled in.
   */
  login(input: RequestLoginInput<D>): Promise<Session<D>> {
    return this.#changing(async (late) => {
      this.#requireHeaders("login", late);
      const { transport = this.#carrier.transport, ...rest } = input;
      this.#carrier.useTransport(transport);
      const begun = this.#taken(await this.#sessions.login(this.#carrier.token, { ...rest, ...this.#client(rest) }));
      await this.#carrier.adopting?.end();
      return begun;
    });
  }

  /** Ends the session, if there is one, and removes the cookie. False when there was none. @throws StoreUnavailableError */
  logout(): Promise<boolean> {
    return this.#changing(async (late) => {
      const { token } = this.#carrier;
      if (token === null && this.#carrier.adopting === null) return false;
      this.#requireHeaders("logout", late);
      return this.#end(() => this.#sessions.logout(token));
    });
  }

  /** A new token for the same session, given to the client; the old one stays good for a while. Null without a good token. */
  rotate(): Promise<Session<D> | null> {
    return this.#withToken("rotate", async (token) => {
      const result = await this.#sessions.rotate(token, this.#carrier.client.signals());
      if (result === null) return null;
      this.#carrier.renewed(result.token, result.session as unknown as Session<never>);
      this.resolved(result.session);
      return result.session;
    });
  }

  /**
   * The user proved again who they are (step-up): a new token supersedes the old one at once. Another user gets a
   * session of their own. Null without a good token: then it takes a login.
   */
  reauthenticate(input: ReauthenticateInput): Promise<Session<D> | null> {
    // From here on the session is expected from the client that it is used on now.
    const client = this.#carrier.client.signals() === undefined ? {} : this.#client(input);
    return this.#withToken("reauthenticate", async (token) => {
      const result = await this.#sessions.reauthenticate(token, { ...input, ...client });
      return result === null ? null : this.#taken(result);
    });
  }

  /**
   * The user changed their password: signs them out everywhere else, and gives this session a new token; a copy of
   * the old one is superseded at once. Null without a session of a user. See `sessions.security.passwordChanged`.
   */
  async passwordChanged(): Promise<Session<D> | null> {
    const { userId } = await this.loadKnown();
    if (userId === null) return null;
    return this.#withToken("passwordChanged", async (keep) => {
      const kept = await this.#sessions.security.passwordChanged(userId, { keep });
      if (kept.token !== undefined) return this.#taken(kept);
      this.#carrier.removed();
      this.resolved(null);
      return null;
    });
  }

  /** Filled in from the request, but for what the application says itself. */
  #client(said: Pick<LoginInput, "device" | "binding">): Pick<LoginInput, "device" | "binding"> {
    const known = this.#carrier.client.binding();
    const binding = known === undefined ? said.binding : { ...known, ...said.binding };
    return {
      device: { ...this.#carrier.client.device(), ...said.device },
      ...(binding === undefined ? {} : { binding }),
    };
  }

  #withToken(operation: string, step: (token: string) => Promise<Session<D> | null>): Promise<Session<D> | null> {
    return this.#changing(async (late) => {
      const { token } = this.#carrier;
      if (token === null) return null;
      this.#requireHeaders(operation, late);
      return step(token);
    });
  }

  /** Ends the session of this request for a reason of the application's. */
  revoke(reason?: string): Promise<boolean> {
    return this.#carrier.writing(async (late) => {
      await this.loadKnown();
      return this.#turns.take(async () => {
        const session = this.#current ?? this.#locked;
        if (session === null) return false;
        this.#requireHeaders("revoke", late);
        return this.#end(() => session.revoke(reason));
      });
    });
  }

  async #inSession<T>(first: FirstWrite<D>, write: (session: Session<D>) => Promise<T>): Promise<T | null> {
    while (this.#turns.taken !== null) await this.#turns.taken;
    if (this.#current !== null && this.#unread === null) return write(this.#current);
    const begunBefore = await this.#turns.take(async () => {
      await this.loadKnown();
      if (this.#current !== null) return this.#current;
      // Another session's cookie would take the place of the locked one's.
      if (this.#locked !== null) throw new StepUpRequiredError();
      this.#requireHeaders(first.name, first.late);
      const data = first.data();
      if (data !== null) this.#taken(await this.#sessions.create({ data }));
      return null;
    });
    return begunBefore === null ? null : write(begunBefore);
  }

  /** The session, once nothing of this request is about to replace it. */
  async #settled(): Promise<Session<D> | null> {
    await this.loadKnown();
    while (this.#turns.taken !== null) await this.#turns.taken;
    return this.#current;
  }

  #changing<T>(step: (late: boolean) => Promise<T>): Promise<T> {
    return this.#carrier.writing((late) => this.#turns.take(() => step(late)));
  }

  async #end(end: () => Promise<boolean>): Promise<boolean> {
    const ended = await end();
    await this.#carrier.adopting?.end();
    this.#carrier.removed();
    this.resolved(null);
    return ended;
  }

  #taken(result: CreateResult<D>): Session<D> {
    this.#carrier.issued(result.token, result.session as unknown as Session<never>);
    this.resolved(result.session);
    return result.session;
  }

  #requireHeaders(operation: string, late: boolean): void {
    if (late || this.#carrier.headersSent) throw new HeadersSentError(`req.session.${operation}()`);
  }

  toJSON(): unknown {
    return this.#current?.toJSON() ?? null;
  }
  [inspect.custom](): string {
    return `RequestSession ${inspect(this.toJSON())}`;
  }
}

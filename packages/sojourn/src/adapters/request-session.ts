/**
 * `req.session`: the session of one request, in any framework.
 *
 * Anonymous until there is something to keep: the first write, or a login,
 * begins a session and sets the cookie. Methods that need the cookie reject
 * with `HeadersSentError` once the response has begun, before doing anything.
 */

import { inspect } from "node:util";
import { checkName, encodeValue } from "../data/codec.ts";
import type { Device } from "../data/metadata.ts";
import { HeadersSentError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import { runOnDraft } from "../lifecycle/field-writer.ts";
import type { Counter, Draft, Session } from "../lifecycle/session.ts";
import type { CreateResult, LoginInput, Sessions } from "../lifecycle/sessions.ts";

const NOTHING = Object.freeze({});

/** What the adapter's exchange does for the request's session. */
export interface SessionCarrier {
  readonly headersSent: boolean;
  /** The genuine token that came in or was issued since, if any. */
  readonly token: string | null;
  device(): Device;
  /** The client is to get this token with the response. */
  issued(token: string, session: Session<never>): void;
  /** The client's cookie is to be removed with the response. */
  removed(): void;
  /** The response depends on the session from now on. */
  accessed(): void;
  load(): Promise<void>;
}

/** The data to begin an anonymous session with; null when there is nothing to keep. */
type FirstData<D> = () => Partial<D> | null;

export class RequestSession<D extends object = DataObject> {
  readonly #sessions: Sessions<D>;
  readonly #carrier: SessionCarrier;
  #current: Session<D> | null = null;
  #loaded: boolean;
  /** A login, logout or first write under way. Settles, never rejects. */
  #changing: Promise<void> | null = null;

  constructor(sessions: Sessions<D>, carrier: SessionCarrier, loaded: boolean) {
    this.#sessions = sessions;
    this.#carrier = carrier;
    this.#loaded = loaded;
  }

  /** Called by the exchange when it knows; null is anonymous. */
  resolved(session: Session<D> | null): void {
    this.#current = session;
    this.#loaded = true;
  }

  /** Whether there is a session, of a user or anonymous. */
  get active(): boolean {
    return this.#session !== null;
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

  /** The value in the store now; undefined without a session. @throws SessionEndedError */
  async get<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    return (await this.#settled())?.get(name);
  }

  /** Stores one field; begins an anonymous session when there is none. @throws what `session.set` throws, HeadersSentError */
  async set<K extends keyof D & string>(name: K, value: D[K]): Promise<void> {
    checkName(name);
    encodeValue(name, value);
    await this.#inSession(
      "set",
      () => ({ [name]: value }) as unknown as Partial<D>,
      (session) => session.set(name, value),
    );
  }

  /** Removes one field; begins nothing. @throws SessionEndedError */
  async delete(name: keyof D & string): Promise<void> {
    checkName(name);
    await (await this.#settled())?.delete(name);
  }

  /** Adds to an integer and answers the sum; begins an anonymous session when there is none. */
  async increment(name: Counter<D>, by = 1): Promise<number> {
    checkName(name);
    if (!Number.isSafeInteger(by)) throw new TypeError(`increment: by must be a safe integer, not ${String(by)}.`);
    const data = { [name]: by } as unknown as Partial<D>;
    const sum = await this.#inSession(
      "increment",
      () => data,
      (session) => session.increment(name, by),
    );
    return sum ?? by;
  }

  /** Changes data atomically; begins an anonymous session when there is none. See `session.update`. */
  async update(change: (draft: Draft<D>) => void): Promise<Readonly<Partial<D>>> {
    const first = (): Partial<D> | null => {
      const data = runOnDraft({}, change as (draft: DataObject) => unknown);
      return Object.values(data).every((value) => value === undefined) ? null : (data as Partial<D>);
    };
    await this.#inSession("update", first, (session) => session.update(change));
    return this.data;
  }

  /** Stores activity now; nothing without a session. */
  async touch(): Promise<void> {
    await (await this.#settled())?.touch();
  }

  /** Begins a session of a user in place of whatever was, and sets the cookie. Device and address are filled in. */
  login(input: LoginInput<D>): Promise<Session<D>> {
    return this.#alone(async () => {
      this.#requireHeaders("login");
      const device = { ...this.#carrier.device(), ...input.device };
      return this.#adopt(await this.#sessions.login(this.#carrier.token, { ...input, device }));
    });
  }

  /** Ends the session, if there is one, and removes the cookie. False when there was none. @throws StoreUnavailableError */
  logout(): Promise<boolean> {
    return this.#alone(async () => {
      const { token } = this.#carrier;
      if (token === null) return false;
      return this.#end("logout", () => this.#sessions.logout(token));
    });
  }

  /** Ends the session of this request for a reason of the application's. */
  async revoke(reason?: string): Promise<boolean> {
    await this.load();
    return this.#alone(async () => {
      const session = this.#current;
      return session === null ? false : this.#end("revoke", () => session.revoke(reason));
    });
  }

  async #inSession<T>(
    operation: string,
    firstData: FirstData<D>,
    write: (session: Session<D>) => Promise<T>,
  ): Promise<T | null> {
    while (this.#changing !== null) await this.#changing;
    if (this.#current !== null) return write(this.#current);
    const begunBefore = await this.#alone(async () => {
      await this.load();
      if (this.#current !== null) return this.#current;
      this.#requireHeaders(operation);
      const data = firstData();
      // The function may have sent the response.
      this.#requireHeaders(operation);
      if (data !== null) this.#adopt(await this.#sessions.create({ data }));
      return null;
    });
    return begunBefore === null ? null : write(begunBefore);
  }

  /** The session, once nothing of this request is about to replace it. */
  async #settled(): Promise<Session<D> | null> {
    await this.load();
    while (this.#changing !== null) await this.#changing;
    return this.#current;
  }

  /**
   * Which session this request has changes one step at a time: a write beside a login goes into the
   * new session, and two first writes begin one session, not two of which the browser keeps the later.
   */
  async #alone<T>(step: () => Promise<T>): Promise<T> {
    while (this.#changing !== null) await this.#changing;
    const result = step();
    const done = (): void => {
      this.#changing = null;
    };
    this.#changing = result.then(done, done);
    return result;
  }

  async #end(operation: string, end: () => Promise<boolean>): Promise<boolean> {
    this.#requireHeaders(operation);
    const ended = await end();
    this.#carrier.removed();
    this.resolved(null);
    return ended;
  }

  #adopt(result: CreateResult<D>): Session<D> {
    this.#carrier.issued(result.token, result.session as unknown as Session<never>);
    this.resolved(result.session);
    return result.session;
  }

  #requireHeaders(operation: string): void {
    if (this.#carrier.headersSent) throw new HeadersSentError(`req.session.${operation}()`);
  }

  toJSON(): unknown {
    return this.#current?.toJSON() ?? null;
  }
  [inspect.custom](): string {
    return `RequestSession ${inspect(this.toJSON())}`;
  }
}

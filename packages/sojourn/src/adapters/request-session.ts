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
import type { DataObject } from "../lifecycle/field-writer.ts";
import type { Counter, Session } from "../lifecycle/session.ts";
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
type FirstData<D> = () => Partial<D> | Promise<Partial<D> | null>;

export class RequestSession<D extends object = DataObject> {
  readonly #sessions: Sessions<D>;
  readonly #carrier: SessionCarrier;
  #current: Session<D> | null = null;
  #loaded: boolean;
  #beginning: Promise<Session<D> | null> | null = null;

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
    return this.#session?.data ?? (NOTHING as Readonly<Partial<D>>);
  }
  /** The session itself, for everything else that it knows; null while there is none. */
  get current(): Session<D> | null {
    return this.#session;
  }

  get #session(): Session<D> | null {
    this.#carrier.accessed();
    if (!this.#loaded) throw new TypeError('With load: "lazy", await req.session.load() before reading the session.');
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
    await this.load();
    return this.#current?.get(name);
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
    await this.load();
    await this.#current?.delete(name);
  }

  /** Adds to an integer and answers the sum; begins an anonymous session when there is none. */
  async increment(name: Counter<D>, by = 1): Promise<number> {
    const data = { [name]: by } as unknown as Partial<D>;
    const sum = await this.#inSession("increment", () => data, (session) => session.increment(name, by));
    return sum ?? by;
  }

  /** Changes data atomically; begins an anonymous session when there is none. See `session.update`. */
  async update(change: (draft: Partial<D>) => unknown): Promise<Readonly<Partial<D>>> {
    const first = async (): Promise<Partial<D> | null> => {
      const draft: Partial<D> = {};
      const returned = await change(draft);
      const data = typeof returned === "object" && returned !== null ? (returned as Partial<D>) : draft;
      return Object.keys(data).length === 0 ? null : data;
    };
    await this.#inSession("update", first, (session) => session.update(change));
    return this.data;
  }

  /** Stores activity now; nothing without a session. */
  async touch(): Promise<void> {
    await this.load();
    await this.#current?.touch();
  }

  /** Begins a session of a user in place of whatever was, and sets the cookie. Device and address are filled in. */
  async login(input: LoginInput<D>): Promise<Session<D>> {
    this.#requireHeaders("login");
    const device = { ...this.#carrier.device(), ...input.device };
    return this.#adopt(await this.#sessions.login(this.#carrier.token, { ...input, device }));
  }

  /** Ends the session, if there is one, and removes the cookie. False when there was none. @throws StoreUnavailableError */
  async logout(): Promise<boolean> {
    const { token } = this.#carrier;
    if (token === null) return false;
    this.#requireHeaders("logout");
    const ended = await this.#sessions.logout(token);
    this.#carrier.removed();
    this.resolved(null);
    return ended;
  }

  async #inSession<T>(
    operation: string,
    firstData: FirstData<D>,
    write: (session: Session<D>) => Promise<T>,
  ): Promise<T | null> {
    await this.load();
    // Another write of this request may be beginning the session: this one then goes into it.
    while (this.#current === null && this.#beginning !== null) await this.#beginning;
    if (this.#current !== null) return write(this.#current);
    this.#requireHeaders(operation);
    this.#beginning = this.#begin(firstData);
    try {
      await this.#beginning;
      return null;
    } finally {
      this.#beginning = null;
    }
  }

  async #begin(firstData: FirstData<D>): Promise<Session<D> | null> {
    const data = await firstData();
    return data === null ? null : this.#adopt(await this.#sessions.create({ data }));
  }

  #adopt(result: CreateResult<D>): Session<D> {
    this.#carrier.issued(result.token, result.session as unknown as Session<never>);
    this.resolved(result.session);
    return result.session;
  }

  #requireHeaders(operation: string): void {
    if (this.#carrier.headersSent) throw new HeadersSentError(`req.session.${operation}()`);
  }

  /** Ends the session of this request for a reason of the application's. */
  async revoke(reason?: string): Promise<boolean> {
    await this.load();
    const session = this.#current;
    if (session === null) return false;
    this.#requireHeaders("revoke");
    const ended = await session.revoke(reason);
    this.#carrier.removed();
    this.resolved(null);
    return ended;
  }

  toJSON(): unknown {
    return this.#current?.toJSON() ?? null;
  }
  [inspect.custom](): string {
    return `RequestSession ${inspect(this.toJSON())}`;
  }
}


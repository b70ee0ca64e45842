/**
 * A store for express-session 1.19 and @fastify/session 11: `new SojournStore({ sessions })`.
 *
 * What a request writes is compared with what that request loaded, and only the fields that differ are sent. Which
 * load an object came from is known of the object itself (express-session has its objects made here, in
 * `createSession`), else of an object within it, else of the asynchronous context that the load was answered in
 * (@fastify/session copies what it is given). Of any other object what is stored at the moment is taken for what it
 * was made from: it replaces that.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { ConfigError, StoreUnavailableError } from "../errors.ts";
import { hostOf } from "../lifecycle/host.ts";
import type { NamedSessions, NamedSnapshot, Texts } from "../lifecycle/named-sessions.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { ExpressCookie, ExpressSession, type SessionRequest } from "./express-session-objects.ts";

export type { ExpressCookie, ExpressSession, SessionRequest } from "./express-session-objects.ts";

export interface SojournStoreOptions {
  /** Without `schema` and `version`. */
  readonly sessions: Sessions;
  /**
   * Lifetimes: `idle` of sessions whose cookie says none, `absolute` of all, `touchInterval` of what is touched. Default
   * "express-session", which is idle 24 h, absolute 400 d unless `policies` has it otherwise.
   */
  readonly policy?: string;
}

/** A session as `get` answers it: plain data, nobody else's. */
export type SessionJson = Record<string, unknown>;

type Callback<T> = (error: unknown, answer?: T) => void;

/** A snapshot and whose it is. */
interface Loaded {
  readonly sid: string;
  readonly snapshot: NamedSnapshot;
}

/** What connect-redis takes, and what there is in its place. */
const REFUSED: Readonly<Record<string, string>> = {
  client: "sessions are where createSessions({ store: redisStore(client) }) keeps them",
  prefix: "names are told apart by the store's namespace, redisStore(client, { namespace })",
  ttl: "a cookie without a lifetime has its policy's, createSessions({ policies: { shop: { idle: '24h' } } }) and policy: 'shop'",
  serializer: "fields are stored as JSON, each of its own",
  disableTouch: "activity is stored once in the policy's touchInterval",
  disableTTL: "every session ends, at the latest with its policy's absolute timeout",
  scanCount: "lists walk indexes, without SCAN",
};

const RETRY_MS = 1_000;
/** What no other call would meet. */
const OF_ONE_CALL = new Set(["late", "unsupported_record", "overload"]);

/**
 * Every method takes a callback and answers a promise; with a callback, errors go to it alone. A session that has ended
 * stays so: writing it is no error and changes nothing.
 *
 * ```ts
 * app.use(session({ store: new SojournStore({ sessions }), secret, resave: false, saveUninitialized: false }));
 * ```
 */
export class SojournStore extends EventEmitter {
  /** Set by express-session: makes the session of a request anew. */
  declare generate?: (req: SessionRequest) => void;
  readonly #named: NamedSessions;
  /** Sessions and objects within them → what they were loaded as. */
  readonly #loaded = new WeakMap<object, Loaded>();
  readonly #loading = new AsyncLocalStorage<Loaded>();
  #retry: NodeJS.Timeout | null = null;

  /** @throws TypeError, ConfigError */
  constructor({ sessions, policy, ...others }: SojournStoreOptions) {
    super();
    refuse(others);
    this.#named = hostOf(sessions).named(policy);
  }

  /** A fresh object each time; null when there is none, or its time is over. @throws StoreUnavailableError */
  get<S extends object = SessionJson>(sid: string, callback?: Callback<S | null>): Promise<S | null> {
    let loaded: Loaded | null = null;
    const work = this.#asked(async () => {
      const snapshot = await this.#named.read(sid);
      if (snapshot === null) return null;
      loaded = { sid, snapshot };
      const session = sessionOf(snapshot);
      this.#bind(session, loaded);
      return session as S;
    });
    // express-session hands its objects to createSession, where they are bound.
    const answer = (error: unknown, session?: S | null): void => {
      if (loaded === null || this.generate !== undefined) callback?.(error, session);
      else this.#loading.run(loaded, () => callback?.(error, session));
    };
    return answered(work, callback && answer);
  }

  /**
   * Stores what is new in the session. One whose cookie is over is destroyed.
   * @throws TypeError, DataTooLargeError, TooManyFieldsError, InvalidNameError, StoreUnavailableError
   */
  set(sid: string, session: object, callback?: Callback<void>): Promise<void> {
    return answered(
      this.#asked(async () => {
        const texts = textsOf(session);
        const expiresAt = expiryOf(session, this.#named.now());
        if (expiresAt !== null && expiresAt <= this.#named.now()) return this.destroy(sid);
        await this.#write(sid, session, { expiresAt, change: () => texts });
      }),
      callback,
    );
  }

  /** Notes that the session is used; stored once in a while, or when its lifetime is another. @throws StoreUnavailableError */
  touch(sid: string, session: object, callback?: Callback<void>): Promise<void> {
    return answered(
      this.#asked(async () => {
        const cookie = textsOf({ cookie: (session as SessionJson)["cookie"] });
        const expiresAt = expiryOf(session, this.#named.now());
        if (expiresAt !== null && expiresAt <= this.#named.now()) return this.destroy(sid);
        const change = (before: Texts | null): Texts | null => before && new Map([...before, ...cookie]);
        await this.#write(sid, session, { expiresAt, change });
      }),
      callback,
    );
  }

  /** No matter if there is none. @throws StoreUnavailableError */
  destroy(sid: string, callback?: Callback<void>): Promise<void> {
    const work = this.#asked(async () => void (await this.#named.end(sid, "destroyed")));
    return answered(work, callback);
  }

  /** All sessions of this store, each with its `id`, by pages of the index. @throws StoreUnavailableError */
  all<S extends object = SessionJson>(callback?: Callback<S[]>): Promise<S[]> {
    const work = this.#each(({ name, ...snapshot }) => ({ ...sessionOf(snapshot), id: name }) as object as S);
    return answered(work, callback);
  }

  /** How many there are. Looks at every session of the namespace. @throws StoreUnavailableError */
  length(callback?: Callback<number>): Promise<number> {
    return answered(
      this.#each(() => null).then((all) => all.length),
      callback,
    );
  }

  /** The ids of all sessions. @throws StoreUnavailableError */
  ids(callback?: Callback<string[]>): Promise<string[]> {
    return answered(
      this.#each(({ name }) => name),
      callback,
    );
  }

  /** Ends all sessions of this store, and no others. @throws StoreUnavailableError */
  clear(callback?: Callback<void>): Promise<void> {
    return answered(
      this.#asked(() => this.#named.endAll("destroyed")),
      callback,
    );
  }

  /** Ends the session of a request and gives it a new one. @throws StoreUnavailableError, and the request has a new one all the same */
  regenerate(req: SessionRequest, callback?: Callback<void>): Promise<void> {
    const work = new Promise<void>((resolve, reject) => {
      void this.destroy(req.sessionID, (error) => {
        // As express-session has it: also when the old one could not be ended.
        this.generate?.(req);
        if (error) reject(error);
        else resolve();
      });
    });
    return answered(work, callback);
  }

  /** The session of an id, as express-session has it in a request; undefined when there is none. */
  load<S extends object = SessionJson>(
    sid: string,
    callback?: Callback<(ExpressSession & S) | undefined>,
  ): Promise<(ExpressSession & S) | undefined> {
    const work = this.get<S>(sid).then((session) =>
      session === null ? undefined : this.createSession({ sessionID: sid, sessionStore: this }, session),
    );
    return answered(work, callback);
  }

  /** Makes `req.session` of what `get` answered. @throws TypeError for data without a cookie, as express-session's own */
  createSession<S extends object>(req: SessionRequest, data: S): ExpressSession & S {
    const plain = data as SessionJson;
    const loaded = this.#loaded.get(data);
    plain["cookie"] = ExpressCookie.from(plain["cookie"]);
    const session = new ExpressSession(req, plain) as ExpressSession & S;
    if (loaded !== undefined) this.#loaded.set(session, loaded);
    req.session = session;
    return session;
  }

  async #write(
    sid: string,
    session: object,
    write: { readonly expiresAt: number | null; change(before: Texts | null): Texts | null },
  ): Promise<void> {
    const context = this.#loading.getStore();
    const known = (): NamedSnapshot | null => this.#loadedAs(sid, session, context)?.snapshot ?? null;
    const snapshot = await this.#named.write(sid, { ...write, known });
    if (snapshot !== null) this.#loaded.set(session, { sid, snapshot });
  }

  #loadedAs(sid: string, session: object, context: Loaded | undefined): Loaded | undefined {
    const within = Object.values(session).map((value: unknown) =>
      isObject(value) ? this.#loaded.get(value) : undefined,
    );
    return [this.#loaded.get(session), ...within, context].find((loaded) => loaded?.sid === sid);
  }

  #bind(session: object, loaded: Loaded): void {
    this.#loaded.set(session, loaded);
    for (const value of Object.values(session)) if (isObject(value)) this.#loaded.set(value, loaded);
  }

  #each<T>(answer: (each: NamedSnapshot & { readonly name: string }) => T): Promise<T[]> {
    return this.#asked(async () => {
      const answers: T[] = [];
      for await (const { id: _, ...each } of this.#named.all()) answers.push(answer(each));
      return answers;
    });
  }

  /** Tells express-session whether the store answers. */
  async #asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreUnavailableError && !OF_ONE_CALL.has(error.reason)) this.#lost();
      throw error;
    }
  }

  /** From here on express-session asks nothing more until it hears `connect`. */
  #lost(): void {
    if (this.#retry !== null) return;
    this.#askLater();
    this.emit("disconnect");
  }

  #askLater(): void {
    const found = (): void => {
      this.#retry = null;
      this.emit("connect");
    };
    const again = (error: unknown): void => {
      if (error instanceof StoreUnavailableError) this.#askLater();
    };
    this.#retry = setTimeout(() => void this.#named.read("").then(found, again), RETRY_MS).unref();
  }
}

function refuse(options: Readonly<Record<string, unknown>>): void {
  for (const [name, why] of Object.entries(REFUSED)) {
    if (options[name] !== undefined) throw new ConfigError(`Option ${name} is not one of SojournStore: ${why}.`);
  }
}

/** With a callback, whatever it throws is the process's to see, as if it had been called by a timer. */
function answered<T>(work: Promise<T>, callback: Callback<T> | undefined): Promise<T> {
  if (callback === undefined) return work;
  return work.then(
    (answer) => {
      queueMicrotask(() => callback(null, answer));
      return answer;
    },
    (error: unknown) => {
      queueMicrotask(() => callback(error));
      return undefined as T;
    },
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** What JSON makes of a session, by field: as express-session's own store has it. */
function textsOf(session: unknown): Map<string, string> {
  if (!isObject(session)) throw new TypeError("A session must be an object.");
  const plain = JSON.parse(JSON.stringify(session)) as SessionJson;
  return new Map(
    Object.entries(plain).map(([name, value]) => [
      name,
      JSON.stringify(name === "cookie" ? storedCookie(value) : value),
    ]),
  );
}

/** Without times, which move with every request: they are the session's. `originalExpires` is what @fastify/session read. */
function storedCookie(cookie: unknown): unknown {
  if (!isObject(cookie)) return cookie;
  const { originalExpires: _, ...stored } = cookie as SessionJson;
  return stored["expires"] ? { ...stored, expires: true } : stored;
}

function sessionOf({ texts, saidUntil }: NamedSnapshot): SessionJson {
  const session = Object.fromEntries([...texts].map(([name, text]) => [name, JSON.parse(text) as unknown]));
  const cookie = session["cookie"] as SessionJson | undefined;
  if (cookie?.["expires"] === true) cookie["expires"] = new Date(saidUntil).toISOString();
  return session;
}

/** When the cookie says that the session is over; null when it says nothing. */
function expiryOf(session: object, now: number): number | null {
  const { expires, maxAge } = ((session as SessionJson)["cookie"] ?? {}) as SessionJson;
  const ends = expires ? new Date(expires as Date).getTime() : typeof maxAge === "number" ? now + maxAge : Number.NaN;
  return Number.isFinite(ends) ? ends : null;
}

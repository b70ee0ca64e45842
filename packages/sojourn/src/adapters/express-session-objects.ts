/** The session and cookie objects that express-session 1.19 puts into a request, as its own are documented: a store makes them of what it read. */

import { systemClock } from "../clock.ts";
import { SessionNotLoadedError } from "../errors.ts";

/** What of a request is used here. */
export interface SessionRequest {
  sessionID: string;
  session?: unknown;
  sessionStore?: object | undefined;
}

/** What of a store a session calls. */
interface SessionStore {
  get(sid: string, callback: (error: unknown, session?: object | null) => void): unknown;
  set(sid: string, session: object, callback: (error: unknown) => void): unknown;
  destroy(sid: string, callback?: (error: unknown) => void): unknown;
  regenerate(req: SessionRequest, callback?: (error: unknown) => void): unknown;
  createSession(req: SessionRequest, data: object): unknown;
}

type Expires = Date | null | false | undefined;

export class ExpressCookie {
  path: string | undefined = "/";
  httpOnly: boolean | undefined = true;
  originalMaxAge: number | null = null;
  declare domain: string | undefined;
  declare secure: boolean | "auto" | undefined;
  declare sameSite: boolean | "lax" | "strict" | "none" | undefined;
  declare priority: "low" | "medium" | "high" | undefined;
  declare partitioned: boolean | undefined;
  #expires: Expires = null;

  /** Of stored attributes, where `expires` is a text. */
  static from(stored: unknown): ExpressCookie {
    const given = stored as Record<string, unknown>;
    const cookie = new ExpressCookie();
    const expires = given["expires"];
    const { expires: _expires, originalMaxAge, data: _, ...attributes } = given;
    Object.assign(cookie, attributes);
    if (expires !== undefined) cookie.#expires = typeof expires === "string" ? new Date(expires) : (expires as Expires);
    if (originalMaxAge !== undefined) cookie.originalMaxAge = originalMaxAge as number | null;
    return cookie;
  }

  get expires(): Expires {
    return this.#expires;
  }
  set expires(expires: Expires) {
    this.#expires = expires;
    this.originalMaxAge = this.maxAge ?? null;
  }

  /** Milliseconds that are left, or what `expires` is if that is no date. */
  get maxAge(): number | undefined {
    const { expires } = this;
    return expires instanceof Date ? expires.getTime() - systemClock.now() : (expires as undefined);
  }
  set maxAge(ms: number | Date | null | undefined) {
    if (typeof ms !== "number" && ms && !(ms instanceof Date)) throw new TypeError("maxAge must be a number or Date");
    this.expires = typeof ms === "number" ? new Date(systemClock.now() + ms) : ms;
  }

  /** What a Set-Cookie header is made of. */
  get data(): object {
    const { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  }

  toJSON(): object {
    return this.data;
  }
}

export class ExpressSession {
  declare readonly id: string;
  declare readonly req: SessionRequest;
  declare cookie: ExpressCookie;

  constructor(req: SessionRequest, data: Readonly<Record<string, unknown>>) {
    Object.defineProperty(this, "req", { value: req });
    Object.defineProperty(this, "id", { value: req.sessionID });
    for (const [name, value] of Object.entries(data)) if (!(name in this)) Object.assign(this, { [name]: value });
  }

  touch(): this {
    return this.resetMaxAge();
  }

  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }

  save(callback: (error?: unknown) => void = () => undefined): this {
    storeOf(this.req).set(this.id, this, callback);
    return this;
  }

  /** `req.session` is another object then, of the same session. */
  reload(callback: (error?: unknown) => void): this {
    const { req } = this;
    const store = storeOf(req);
    store.get(this.id, (error, session) => {
      if (error) return callback(error);
      if (!session) return callback(new SessionNotLoadedError());
      store.createSession(req, session);
      callback();
    });
    return this;
  }

  destroy(callback?: (error?: unknown) => void): this {
    delete this.req.session;
    storeOf(this.req).destroy(this.id, callback);
    return this;
  }

  regenerate(callback?: (error?: unknown) => void): this {
    storeOf(this.req).regenerate(this.req, callback);
    return this;
  }
}

function storeOf(req: SessionRequest): SessionStore {
  return req.sessionStore as SessionStore;
}

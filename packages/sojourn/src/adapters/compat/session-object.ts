/**
 * `req.session` as applications of express-session know it: a plain object that
 * they change, with a few methods. It is stored when the response begins.
 */

import type { CompatCookie } from "./cookie.ts";

export type Callback = (error?: unknown) => void;

/** What the methods do. @internal */
export interface ObjectKeeper {
  save(object: CompatSession): Promise<void>;
  reload(object: CompatSession): Promise<void>;
  destroy(object: CompatSession): Promise<void>;
  regenerate(object: CompatSession, keep: readonly string[]): Promise<void>;
  isModified(object: CompatSession): boolean;
  isSaved(object: CompatSession): boolean;
}

/** Methods take a callback, or answer a promise. What the application sets on it must be fit for JSON. */
export class CompatSession {
  [name: string]: unknown;
  /** Settings of the session's cookie. */
  declare cookie: CompatCookie;
  declare readonly req: unknown;
  /** The public id, no credential: another one after `regenerate`, and once the session is a user's. */
  declare readonly id: string;
  readonly #keeper: ObjectKeeper;

  /** @internal */
  constructor(keeper: ObjectKeeper, req: unknown, cookie: CompatCookie) {
    this.#keeper = keeper;
    Object.defineProperty(this, "req", { value: req });
    this.cookie = cookie;
  }

  protected static keeperOf(session: CompatSession): ObjectKeeper {
    return session.#keeper;
  }

  /** Ends the session and begins another, empty but for the named fields, as `req.session`. */
  regenerate(callback: Callback): this;
  regenerate(keep: readonly string[] | undefined, callback: Callback): this;
  regenerate(keep?: readonly string[]): Promise<void>;
  regenerate(first?: Callback | readonly string[], second?: Callback): this | Promise<void> {
    const [keep, callback] = typeof first === "function" ? [[], first] : [first ?? [], second];
    return answered(this, this.#keeper.regenerate(this, keep), callback);
  }

  /** Ends the session; there is no `req.session` any more. */
  destroy(callback: Callback): this;
  destroy(): Promise<void>;
  destroy(callback?: Callback): this | Promise<void> {
    return answered(this, this.#keeper.destroy(this), callback);
  }

  /** Reads the session again, as `req.session`. What was changed and not saved is lost. */
  reload(callback: Callback): this;
  reload(): Promise<void>;
  reload(callback?: Callback): this | Promise<void> {
    return answered(this, this.#keeper.reload(this), callback);
  }

  /** Stores what was changed. Happens by itself when the response begins. */
  save(callback: Callback): this;
  save(): Promise<void>;
  save(callback?: Callback): this | Promise<void> {
    return answered(this, this.#keeper.save(this), callback);
  }

  /** Gives the cookie its whole life again. Happens by itself when the response begins. */
  touch(): this {
    return this.resetMaxAge();
  }
  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }
}

/** Says which session it is. @internal */
export function nameSession(object: CompatSession, id: string): void {
  Object.defineProperty(object, "id", { value: id, configurable: true });
}

function answered<T>(session: T, work: Promise<void>, callback: Callback | undefined): T | Promise<void> {
  if (callback === undefined) return work;
  // What a callback throws is a bug of the application's, not a failure of the session's.
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
  return session;
}

/** With what `@fastify/session` has besides. */
export class FastifyCompatSession extends CompatSession {
  get(name: string): unknown {
    return this[name];
  }
  set(name: string, value: unknown): void {
    this[name] = value;
  }
  get sessionId(): string {
    return this.id;
  }
  /** Whether it differs from what the request was shown, or stored since. */
  isModified(): boolean {
    return CompatSession.keeperOf(this).isModified(this);
  }
  /** Whether it is in the store as it is here. */
  isSaved(): boolean {
    return CompatSession.keeperOf(this).isSaved(this);
  }
  /** Changes settings of the session's cookie. */
  options(settings: Readonly<Record<string, unknown>>): void {
    Object.assign(this.cookie, settings);
  }
}

/** `req.session.cookie` as express-session has it: settings of one session's cookie that the application may change. */

import { ConfigError } from "../../errors.ts";
import { expireCookie, resolveCookieAttributes } from "../../security/cookie.ts";

export interface CompatCookieOptions {
  readonly domain?: string | undefined;
  readonly expires?: Date | null | undefined;
  /** `false` is refused: the cookie is the credential, and no script has any business with it. */
  readonly httpOnly?: boolean | undefined;
  /** Milliseconds; null is a cookie that ends with the browser. The session ends when it is not used for so long. */
  readonly maxAge?: number | null | undefined;
  readonly partitioned?: boolean | undefined;
  readonly path?: string | undefined;
  readonly priority?: "low" | "medium" | "high" | undefined;
  readonly sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  readonly secure?: boolean | "auto" | undefined;
}

/** Settings that a session may have otherwise than the options say. */
const OWN = ["originalMaxAge", "domain", "path", "secure", "sameSite", "partitioned", "priority"] as const;
type Own = (typeof OWN)[number];

export class CompatCookie {
  path = "/";
  domain: string | undefined;
  secure: boolean | "auto" | undefined;
  sameSite: CompatCookieOptions["sameSite"];
  partitioned: boolean | undefined;
  priority: CompatCookieOptions["priority"];
  /** Milliseconds that the cookie was given; null: until the browser ends. */
  originalMaxAge: number | null = null;
  readonly #now: () => number;
  #expires: Date | false | null = null;

  /** Of `expires` and `maxAge` the last one counts. @throws ConfigError, TypeError */
  constructor(options: CompatCookieOptions, now: () => number) {
    this.#now = now;
    if (typeof options !== "object") throw new TypeError("argument options must be a object");
    for (const [name, value] of Object.entries(options)) {
      if (name !== "data" && value !== undefined) Object.assign(this, { [name]: value });
    }
  }

  get httpOnly(): boolean {
    return true;
  }
  /** @throws ConfigError for false */
  set httpOnly(value: boolean) {
    if (value) return;
    throw new ConfigError(
      "cookie.httpOnly: false is refused: the cookie is the credential, and a script that reads it can take the session elsewhere. Give pages what they need to know by a route of their own.",
    );
  }

  get expires(): Date | false | null {
    return this.#expires;
  }
  set expires(date: Date | false | null) {
    this.#expires = date;
    this.originalMaxAge = this.maxAge;
  }

  /** Milliseconds that are left; null without an end. */
  get maxAge(): number | null {
    return this.#expires instanceof Date ? this.#expires.getTime() - this.#now() : null;
  }
  /** A Date is one that express-session takes, too. */
  set maxAge(ms: number | Date | null) {
    if (ms instanceof Date) {
      this.expires = ms;
      return;
    }
    if (ms !== null && ms !== undefined && typeof ms !== "number") {
      throw new TypeError("maxAge must be a number or Date");
    }
    this.#expires = typeof ms === "number" ? new Date(this.#now() + ms) : null;
    this.originalMaxAge = ms ?? null;
  }

  get data(): Record<string, unknown> {
    const { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  }
  toJSON(): Record<string, unknown> {
    return this.data;
  }

  /** The same settings, with what a session has otherwise. `usedAt`: since when it was not used. */
  with(changes: Readonly<Record<string, unknown>>, usedAt: number): CompatCookie {
    const cookie = new CompatCookie({}, this.#now);
    for (const name of OWN) Object.assign(cookie, { [name]: name in changes ? changes[name] : this[name] });
    const { originalMaxAge } = cookie;
    cookie.#expires = originalMaxAge === null ? null : new Date(usedAt + originalMaxAge);
    return cookie;
  }

  /** What is otherwise than the options say; null if nothing is. */
  changesFrom(options: CompatCookie): Partial<Record<Own, unknown>> | null {
    const changed = OWN.filter((name) => (this[name] ?? null) !== (options[name] ?? null));
    return changed.length === 0 ? null : Object.fromEntries(changed.map((name) => [name, this[name] ?? null]));
  }

  /** The Set-Cookie line. @throws ConfigError for what cannot stand in one */
  serialize(name: string, value: string): string {
    const { domain, path, priority, sameSite } = this;
    this.check(name);
    const expires = this.#expires instanceof Date ? `; Expires=${this.#expires.toUTCString()}` : "";
    return [
      `${name}=${value}`,
      domain ? `; Domain=${domain}` : "",
      `; Path=${path}`,
      expires,
      "; HttpOnly",
      this.secure ? "; Secure" : "",
      this.partitioned ? "; Partitioned" : "",
      priority ? `; Priority=${capitalised(priority)}` : "",
      sameSite ? `; SameSite=${sameSite === true ? "Strict" : capitalised(sameSite)}` : "",
    ].join("");
  }

  /** The line that takes the cookie away. */
  expired(name: string): string {
    return expireCookie(this.check(name));
  }

  /** @throws ConfigError for what cannot stand in a Set-Cookie line */
  check(name: string): ReturnType<typeof resolveCookieAttributes> {
    const { domain, path } = this;
    if (!SAME_SITE.includes(this.sameSite ?? false)) throw wrong("sameSite", this.sameSite);
    if (!PRIORITY.includes(this.priority ?? "medium")) throw wrong("priority", this.priority);
    if (this.#expires instanceof Date && Number.isNaN(this.#expires.getTime())) throw wrong("expires", "Invalid Date");
    return resolveCookieAttributes({ name, path, secure: Boolean(this.secure), ...(domain ? { domain } : {}) });
  }
}

const SAME_SITE: readonly unknown[] = [true, false, "lax", "strict", "none", "auto"];
const PRIORITY: readonly unknown[] = ["low", "medium", "high"];

function wrong(name: string, value: unknown): ConfigError {
  return new ConfigError(`cookie.${name} cannot be ${JSON.stringify(value)}.`);
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

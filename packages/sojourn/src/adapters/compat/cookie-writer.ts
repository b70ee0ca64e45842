/** Gives a response the cookie that its session has. */

import type { CookieWriter } from "../session-cookie.ts";
import type { RequestView } from "../views.ts";
import type { CompatCookie } from "./cookie.ts";
import type { CompatRules } from "./rules.ts";

/** @internal */
export class CompatCookieWriter implements CookieWriter {
  readonly #rules: Pick<CompatRules, "name" | "host">;
  readonly #request: RequestView;
  /** As the application has it when the headers leave. */
  readonly #cookie: () => CompatCookie;

  constructor(rules: Pick<CompatRules, "name" | "host">, request: RequestView, cookie: () => CompatCookie) {
    this.#rules = rules;
    this.#request = request;
    this.#cookie = cookie;
  }

  give(token: string): string | null {
    const cookie = this.#cookie();
    if (Boolean(cookie.secure) !== this.#request.secure) {
      const { notices } = this.#rules.host;
      if (cookie.secure) {
        notices.once(
          "insecure",
          "a session cookie with secure: true was not set on a plain http request: behind a TLS proxy tell the framework to trust it (Express: app.set('trust proxy', 1); Fastify: the option trustProxy)",
        );
        return null;
      }
      notices.once(
        "insecure",
        'the session cookie goes without Secure over https: set cookie: { secure: true }, or "auto"',
      );
    }
    cookie.maxAge = cookie.originalMaxAge;
    return this.#line((name) => cookie.serialize(name, token));
  }

  take(): string | null {
    return this.#line((name) => this.#cookie().expired(name));
  }

  /** Null for what the application set after the session was stored, or ended: nobody waits for an answer any more. */
  #line(write: (name: string) => string): string | null {
    try {
      return write(this.#rules.name);
    } catch (error) {
      this.#rules.host.notices.warn("cookie", `a session cookie could not be written: ${(error as Error).message}`);
      return null;
    }
  }
}

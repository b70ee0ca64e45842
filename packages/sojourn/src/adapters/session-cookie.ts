/** The line that gives a token to the client. */

import type { AdapterHost } from "../lifecycle/host.ts";
import { type CookieAttributes, serializeCookie } from "../security/cookie.ts";
import type { TokenChange } from "./outgoing-token.ts";

/** Writes the Set-Cookie lines of one request. @internal */
export interface CookieWriter {
  /** Gives the client its token; null where the cookie must not go out. */
  give(token: string): string | null;
  /** Takes the cookie away; null: as the options have it. */
  take(): string | null;
}

export function cookieLine(
  { token, session }: Exclude<TokenChange, "remove">,
  cookie: CookieAttributes,
  isHttps: boolean,
  host: AdapterHost,
): string {
  if (!isHttps) warnAboutPlainHttp(cookie, host);
  if (!host.isPersistent(session.policy)) return serializeCookie(cookie, token);
  const maxAgeSeconds = Math.max(0, Math.floor((session.absoluteExpiresAt - host.now()) / 1000));
  return serializeCookie({ ...cookie, maxAgeSeconds }, token);
}

function warnAboutPlainHttp({ name, secure }: CookieAttributes, { notices }: AdapterHost): void {
  if (secure) {
    notices.once(
      "insecure",
      "a Secure session cookie was set on a plain http request: behind a TLS proxy tell the framework to trust it (Express: app.set('trust proxy', 1); Fastify: the option trustProxy; Koa: proxy: true), or sojourn/hono, /node and /fetch with the option url",
    );
  } else {
    notices.once("development", `development: on plain http the session cookie is ${name}, without Secure`);
  }
}

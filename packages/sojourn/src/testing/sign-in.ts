/** Requests of a test as a user who is signed in, without the login page. */

import { hostOf } from "../lifecycle/host.ts";
import type { CreateResult, LoginInput } from "../lifecycle/operations.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { type CookieAttributes, developmentCookie } from "../security/cookie.ts";

/** As `browserContext.addCookies([…])` of Playwright takes it. */
export interface BrowserCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
}

export interface SignedIn<D extends object> extends CreateResult<D> {
  /** The header of a plain http request: `.set("Cookie", cookie)` of supertest, `headers: { cookie }` of inject and fetch. */
  readonly cookie: string;
  /** The cookie as the browser of a test would have it at that address. */
  browserCookie(url: string): BrowserCookie;
}

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/**
 * Begins a session of a user, as `sessions.login` does, and answers the cookie that the middleware would have set.
 *
 * ```ts
 * const { cookie } = await signIn(sessions, { userId: "ada", data: { roles: ["admin"] } });
 * await request(app).get("/admin").set("Cookie", cookie).expect(200);
 * ```
 * @throws TypeError for anything but what `createSessions` answered, and what `sessions.login` throws
 */
export async function signIn<D extends object>(sessions: Sessions<D>, input: LoginInput<D>): Promise<SignedIn<D>> {
  const host = hostOf(sessions);
  const cookieAt = (secure: boolean): CookieAttributes =>
    host.development && !secure ? developmentCookie(host.namespace, host.cookie.sameSite) : host.cookie;
  const created = await sessions.login(null, input);
  return {
    ...created,
    cookie: `${cookieAt(false).name}=${created.token}`,
    browserCookie: (url) => {
      const { protocol, hostname: domain } = new URL(url);
      const { name, path, secure, sameSite } = cookieAt(protocol === "https:");
      return { name, value: created.token, domain, path, httpOnly: true, secure, sameSite: SAME_SITE[sameSite] };
    },
  };
}

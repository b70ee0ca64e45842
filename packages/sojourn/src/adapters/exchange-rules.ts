/** What holds for every request of one `sojourn(sessions, options)`. */

import { ConfigError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import { type AdapterHost, hostOf } from "../lifecycle/host.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { AddressList } from "../security/address.ts";
import { type CookieAttributes, developmentCookie } from "../security/cookie.ts";
import { isSafeMethod, normalizeOrigins, type OriginPolicy } from "../security/origin-check.ts";
import type { RequestView } from "./views.ts";

export interface AdapterOptions {
  /** Other origins that may send unsafe requests, exactly as browsers send them: `["https://app.example.com"]`. */
  readonly origins?: readonly string[];
  /** Whether pages of the same site but another origin (sibling subdomains) may send unsafe requests. Default false. */
  readonly allowSameSite?: boolean;
  /** `false` switches the cross-site check of unsafe requests off. Default true. */
  readonly originCheck?: boolean;
  /** `"eager"` reads the session before the handler; `"lazy"` at `await req.session.load()`. Default "eager". */
  readonly load?: "eager" | "lazy";
  /**
   * Addresses and blocks of your proxies, as in `["10.0.0.0/8", "::1"]`: the client's address is then the
   * right-most in X-Forwarded-For that is none of them. Default: the header is not looked at.
   */
  readonly trustProxy?: readonly string[];
}

/** Options and host of one `sojourn(sessions, options)`, made once. @internal */
export class ExchangeRules<D extends object = DataObject> {
  readonly sessions: Sessions<D>;
  readonly host: AdapterHost;
  readonly load: "eager" | "lazy";
  readonly origins: OriginPolicy | null;
  readonly proxies: AddressList | null;
  /** Whether an unsafe request with a session cookie must say where it comes from. */
  readonly demandsOrigin: boolean = true;
  readonly #development: CookieAttributes;

  /** @throws TypeError, ConfigError */
  constructor(sessions: Sessions<D>, options: AdapterOptions & { readonly onUnavailable?: unknown }) {
    this.sessions = sessions;
    this.host = hostOf(sessions);
    if (options.onUnavailable === "stale") this.host.keepStale();
    this.load = options.load ?? "eager";
    this.proxies = options.trustProxy === undefined ? null : new AddressList("trustProxy", options.trustProxy);
    const origins = normalizeOrigins(options.origins);
    this.origins = options.originCheck === false ? null : { origins, allowSameSite: options.allowSameSite ?? false };
    this.#development = developmentCookie(this.host.namespace, this.host.cookie.sameSite);
    if (this.origins === null && this.host.cookie.sameSite === "none") {
      throw new ConfigError(
        'originCheck: false cannot stand beside cookie: { sameSite: "none" }: any site could act as your users. Name the sites that may in origins.',
      );
    }
  }

  /** False when nothing of a session came and nothing is to be refused: no exchange is needed until somebody looks. */
  concerns(request: RequestView): boolean {
    if (request.header("cookie") !== undefined) return true;
    if (this.origins !== null && !isSafeMethod(request.method)) return true;
    return this.host.bearer && request.header("authorization") !== undefined;
  }

  /** On a developer's plain http the cookie goes without Secure, under another name. */
  cookieFor(request: RequestView): CookieAttributes {
    return this.host.development && !request.secure ? this.#development : this.host.cookie;
  }
}

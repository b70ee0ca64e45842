/**
 * The cross-site request check for unsafe methods: Fetch Metadata first, then
 * Origin, then Referer. Framework-neutral and pure; the adapters fill the input.
 *
 * There is no content type, body or override header in the input on purpose:
 * a verdict that depends on them can be steered by the attacking page (rows H3, H6).
 */
import { ConfigError } from "../errors.ts";

/** What of a request decides. Header values as they came; a header that was not sent is `undefined`. */
export interface OriginCheckInput {
  /** The method of the request line; never that of an override header or form field. */
  readonly method: string;
  readonly secFetchSite: string | undefined;
  readonly origin: string | undefined;
  readonly referer: string | undefined;
  /** What the request was sent to, as {@link ownOriginOf} answers; `null` when unknown, which then matches nothing. */
  readonly ownOrigin: string | null;
  /** Whether any cookie of the session's name came, valid or not. */
  readonly hasSessionCookie: boolean;
}

/** Which foreign origins may send unsafe requests. */
export interface OriginPolicy {
  /** Exact origins besides the own one, from {@link normalizeOrigins}; `null`: none. */
  readonly origins: ReadonlySet<string> | null;
  /** Whether every origin of the same site (any subdomain, any port) is trusted like the own one. */
  readonly allowSameSite: boolean;
}

/**
 * `cross_site`, `same_site`: the browser said where the request came from.
 * `origin_mismatch`: Origin or Referer names another origin, or cannot be read.
 * `origin_missing`: nothing says where a request with the session cookie came from.
 */
export type OriginRefusal = "cross_site" | "same_site" | "origin_mismatch" | "origin_missing";

export type OriginVerdict = { readonly allowed: true } | { readonly allowed: false; readonly why: OriginRefusal };

const ALLOWED: OriginVerdict = Object.freeze({ allowed: true });

const refusal = (why: OriginRefusal): OriginVerdict => Object.freeze({ allowed: false, why });
const CROSS_SITE = refusal("cross_site");
const SAME_SITE = refusal("same_site");
const MISMATCH = refusal("origin_mismatch");
const MISSING = refusal("origin_missing");

/**
 * Says whether a request may change state.
 *
 * - GET, HEAD, OPTIONS and TRACE are allowed; every other method, also an unknown
 *   or lower-case one, is unsafe (methods are case-sensitive, RFC 9110 9.1).
 * - `Sec-Fetch-Site` present: `same-origin` and `none` (typed, bookmarked) are
 *   allowed, `same-site` and `cross-site` need an allowed Origin. A value not
 *   known counts as `cross-site`: only a browser sends the header, and one that
 *   means something else by it did not say "same origin".
 * - Absent: Origin must be the own or an allowed one, exactly as text; without
 *   Origin, that of the Referer.
 * - None of them: refused if the session cookie came. A client without a cookie
 *   has no authority that another page could borrow.
 *
 * Never throws; answers are shared and frozen.
 *
 * @example checkOrigin({ method: "POST", secFetchSite: "cross-site", … }, { origins: null, allowSameSite: false })
 * // { allowed: false, why: "cross_site" }
 * Source: ASVS 3.5.1–3.5.3, OWASP CSRF Prevention Cheat Sheet ("Fetch Metadata", "Using Standard Headers"); rows H1–H3.
 */
export function checkOrigin(request: OriginCheckInput, policy: OriginPolicy): OriginVerdict {
  if (isSafeMethod(request.method)) return ALLOWED;
  if (request.secFetchSite !== undefined) return checkFetchSite(request.secFetchSite, request.origin, policy);
  if (request.origin !== undefined) return checkSource(request.origin, request.ownOrigin, policy);
  if (request.referer !== undefined) return checkSource(originOfReferer(request.referer), request.ownOrigin, policy);
  return request.hasSessionCookie ? MISSING : ALLOWED;
}

/**
 * The origin `scheme://host[:port]` a request was sent to, in the form browsers
 * write in Origin: lower case, default port dropped.
 *
 * @param scheme `"http"` or `"https"`, as the client sees it: behind a proxy that ends TLS, `"https"`.
 * @param host The Host (or trusted forwarded host) header.
 * @returns `null` when the scheme is another, or the host is missing or no plain `host[:port]`: user info, paths, lists, blanks, letters outside ASCII.
 * @example ownOriginOf("https", "Shop.Example:443") // "https://shop.example"
 * Source: RFC 9110 7.2, RFC 6454 6.2; row H2.
 */
export function ownOriginOf(scheme: string, host: string | undefined): string | null {
  if (scheme !== "http" && scheme !== "https") return null;
  // The URL parser forgives tabs, user info, paths and percent signs; a Host header has none of them.
  if (typeof host !== "string" || !HOST.test(host)) return null;
  return URL.parse(`${scheme}://${host}`)?.origin ?? null;
}

const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

/**
 * The extra origins of a policy as a set; `undefined` and an empty list are `null`.
 *
 * Each entry must be an http or https origin exactly as a browser writes it:
 * lower case, no default port, no path, no trailing slash, no wildcard.
 *
 * @throws ConfigError naming the entry and, where one can be told, its right form.
 * Source: RFC 6454 6.2; row H2.
 */
export function normalizeOrigins(list: readonly string[] | undefined): ReadonlySet<string> | null {
  if (list === undefined) return null;
  if (!Array.isArray(list))
    throw new ConfigError('origins must be an array of origins such as ["https://shop.example"].');
  const origins = new Set<string>();
  for (const entry of list) origins.add(assertOrigin(entry));
  return origins.size === 0 ? null : origins;
}

/** Whether the method changes nothing by definition (RFC 9110 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

function checkFetchSite(site: string, origin: string | undefined, policy: OriginPolicy): OriginVerdict {
  if (site === "same-origin" || site === "none") return ALLOWED;
  if (origin !== undefined && policy.origins?.has(origin) === true) return ALLOWED;
  if (site !== "same-site") return CROSS_SITE;
  return policy.allowSameSite ? ALLOWED : SAME_SITE;
}

function checkSource(source: string | null, ownOrigin: string | null, policy: OriginPolicy): OriginVerdict {
  if (source === null) return MISMATCH;
  return source === ownOrigin || policy.origins?.has(source) === true ? ALLOWED : MISMATCH;
}

function originOfReferer(referer: string): string | null {
  const url = URL.parse(referer);
  // The origin of a `blob:` URL would be that of the page named inside it.
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  return isWeb ? url.origin : null;
}

function assertOrigin(entry: unknown): string {
  const url = typeof entry === "string" ? URL.parse(entry) : null;
  // Not `url.origin`: to the URL parser "https://*.example" is an origin, only none that a browser sends.
  const origin = url === null ? null : ownOriginOf(url.protocol.slice(0, -1), url.host);
  if (origin === null) {
    throw new ConfigError(
      `origins: ${typeof entry === "string" ? JSON.stringify(entry) : `a value of type ${typeof entry}`} is not an http or https origin; write one such as "https://shop.example", without wildcard.`,
    );
  }
  if (origin !== entry)
    throw new ConfigError(`origins: ${JSON.stringify(entry)} is not exactly an origin; write "${origin}".`);
  return origin;
}

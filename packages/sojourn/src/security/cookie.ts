/**
 * The session cookie as bytes: reading one name from a Cookie header, writing
 * and expiring it in Set-Cookie, and turning options into checked attributes.
 *
 * Pure functions, no clock and no I/O. What the value means is decided elsewhere.
 */
import { ConfigError, CookieTooLargeError } from "../errors.ts";

/** The closed set of SameSite values, in lower case. */
export type SameSite = "lax" | "strict" | "none";

/** What a Cookie header says about one name. A duplicate is to be treated as no session at all, and reported (row B8). */
export type CookieValue =
  | { readonly kind: "absent" }
  | { readonly kind: "one"; readonly value: string }
  | { readonly kind: "duplicate" };

/** Everything a Set-Cookie header says except the value. */
export interface CookieAttributes {
  /** An RFC 9110 token; the prefixes `__Host-`, `__Secure-`, `__Http-` and `__Host-Http-` bind the other attributes. */
  readonly name: string;
  readonly secure: boolean;
  /** Always set: script has no business with the token (row B3). */
  readonly httpOnly: true;
  readonly sameSite: SameSite;
  /** Begins with `/`. */
  readonly path: string;
  /** A host name without leading or trailing dot; absent means host-only. */
  readonly domain?: string;
  /** Seconds, a whole number from 0; over 400 days is written as 400 days. Absent: the cookie ends with the browser. */
  readonly maxAgeSeconds?: number;
}

/** The `cookie` option of `createSessions`. */
export interface CookieOptions {
  /** Default `__Host-Http-sid`, or `__Secure-sid` when `domain` is set. */
  readonly name?: string;
  /** Default `"lax"`. `"none"` needs `secure`. */
  readonly sameSite?: SameSite;
  /** Default `/`; anything else needs a name that does not begin with `__Host-`. */
  readonly path?: string;
  /** Default: none, only the host that set the cookie gets it back. Setting it shares the cookie with every subdomain. */
  readonly domain?: string;
  /** Default `true`; `false` needs a name without any of the prefixes. */
  readonly secure?: boolean;
}

const ABSENT: CookieValue = Object.freeze({ kind: "absent" });
const DUPLICATE: CookieValue = Object.freeze({ kind: "duplicate" });

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** Browsers drop a cookie whose name and value are longer (RFC 6265bis 5.6). */
const MAX_COOKIE_BYTES = 4096;
/** Browsers ignore an attribute whose value is longer (RFC 6265bis 5.6). */
const MAX_ATTRIBUTE_BYTES = 1024;
/** Browsers shorten a longer life to this (RFC 6265bis 5.5). */
const MAX_AGE_LIMIT_SECONDS = 400 * 24 * 60 * 60;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** `cookie-octet` of RFC 6265bis 4.1.1. The quoted form of the grammar is not written: the quotes would be part of the value. */
const COOKIE_OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
/**
 * The characters of a URL path (RFC 3986 3.3), without `;` and `,`, which end an
 * attribute or a header, and `=`. Browsers compare Path with the percent-encoded
 * request path, so a space or a letter outside ASCII would never match.
 */
const PATH = /^\/[A-Za-z0-9\-._~%!$&'()*+:@/]*$/;
/** Host name labels. A leading dot is ignored by browsers, a trailing one makes them ignore the attribute. */
const DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const MAX_DOMAIN_BYTES = 253;

const SAME_SITE_TEXT: ReadonlyMap<unknown, string> = new Map([
  ["lax", "Lax"],
  ["strict", "Strict"],
  ["none", "None"],
]);

/**
 * Finds the cookie called exactly `name` in a Cookie header.
 *
 * Names are compared byte by byte: no case folding, no decoding, no Unicode trim,
 * no `$Version` mode. Only SP and HTAB around a pair are dropped, so `sid =x` is a
 * cookie named `sid␠`, which is not `sid`. A part without `=` has no name.
 * The value is returned as it came. Double quotes are part of a value (RFC 6265bis
 * 4.1.1), so a quoted token is no token; whoever parses the value decides.
 *
 * Two cookies of the name are a duplicate even when the values are equal: one of
 * them was set by somebody else, and their order says nothing (RFC 6265bis 8.6).
 *
 * Linear in the header; a header without the name costs one `indexOf`.
 *
 * @param header The Cookie header as Latin-1 text, as Node and `Headers` give it. Anything but a string is absent (row N5).
 * @param name An RFC 9110 token.
 * @example readCookie("a=1; sid=abc", "sid") // { kind: "one", value: "abc" }
 * Source: RFC 6265bis 5.4 and 8.6, row B8.
 */
export function readCookie(header: string | undefined, name: string): CookieValue {
  if (typeof header !== "string" || name === "") return ABSENT;
  let found: string | undefined;
  let at = header.indexOf(name);
  while (at !== -1) {
    const equals = at + name.length;
    if (header.charCodeAt(equals) === EQUALS && startsPair(header, at)) {
      if (found !== undefined) return DUPLICATE;
      found = header.slice(equals + 1, endOfValue(header, equals));
    }
    // Skips one character more than the name: before a pair's name stands `;`, a blank or nothing.
    at = header.indexOf(name, equals + 1);
  }
  return found === undefined ? ABSENT : { kind: "one", value: found };
}

/**
 * The Set-Cookie header value that stores `value`.
 *
 * @throws ConfigError when an attribute is not fit to be written or contradicts the name's prefix (row B9).
 * @throws TypeError when `value` holds anything but cookie-octets. The message does not repeat the value.
 * @throws CookieTooLargeError when name and value exceed 4,096 bytes (row B7).
 * @example serializeCookie(resolveCookieAttributes({}), "abc")
 * // "__Host-Http-sid=abc; Path=/; HttpOnly; Secure; SameSite=Lax"
 * Source: RFC 6265bis 4.1.1, 5.5 (400 days) and 5.6 (sizes); rows B6, B7, B9.
 */
export function serializeCookie(attributes: CookieAttributes, value: string): string {
  assertAttributes(attributes);
  if (!matches(COOKIE_OCTETS, value)) {
    throw new TypeError(
      `The cookie value must be a string of RFC 6265 cookie-octets (ASCII without blanks, controls, quotes, commas, semicolons, backslashes); got ${typeof value === "string" ? "a string with other characters" : typeof value}.`,
    );
  }
  const bytes = attributes.name.length + value.length;
  if (bytes > MAX_COOKIE_BYTES) throw new CookieTooLargeError(bytes);

  return format(attributes, value, maxAgeText(attributes.maxAgeSeconds), "");
}

/**
 * The Set-Cookie header value that makes a browser drop the cookie: the same name,
 * path, domain and flags, an empty value, Max-Age=0 and an Expires in 1970.
 *
 * @throws ConfigError as {@link serializeCookie}.
 * Source: RFC 6265bis 5.7 (a cookie is replaced by name, domain and path; Secure ones only by Secure), row C2.
 */
export function expireCookie(attributes: CookieAttributes): string {
  assertAttributes(attributes);
  return format(attributes, "", "; Max-Age=0", "; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
}

/**
 * Fills in the defaults and checks the whole: `__Host-Http-sid`, Secure, HttpOnly,
 * SameSite=Lax, Path=/, no Domain, no Max-Age. The answer is frozen.
 *
 * @throws ConfigError naming the option and the fix.
 * Source: RFC 6265bis 4.1.3, draft-ietf-httpbis-layered-cookies 4.1.3; ASVS 3.3.1–3.3.4; rows B1–B5.
 */
export function resolveCookieAttributes(options: CookieOptions): CookieAttributes {
  const { sameSite = "lax", path = "/", domain, secure = true } = options;
  const { name = domain === undefined ? "__Host-Http-sid" : "__Secure-sid" } = options;
  const attributes: CookieAttributes = {
    name,
    secure,
    httpOnly: true,
    sameSite,
    path,
    ...(domain === undefined ? {} : { domain }),
  };
  assertAttributes(attributes);
  return Object.freeze(attributes);
}

/**
 * The cookie of development on plain http: `sid-<namespace>` without Secure and
 * without a prefix, so that two programs on localhost do not overwrite each other
 * (cookies do not tell ports apart).
 *
 * `"none"` becomes `"lax"`: browsers drop SameSite=None without Secure, and pages
 * on other ports of localhost are same-site anyway.
 *
 * @throws ConfigError when `namespace` cannot be part of a cookie name.
 */
export function developmentCookie(namespace: string, sameSite: SameSite): CookieAttributes {
  if (!matches(TOKEN, namespace)) {
    throw new ConfigError(
      `namespace ${show(namespace)} cannot be part of the development cookie's name: use letters, digits, "-", "_" and ".".`,
    );
  }
  const name = `sid-${namespace}`;
  return resolveCookieAttributes({ name, secure: false, sameSite: sameSite === "none" ? "lax" : sameSite });
}

/** True when only SP and HTAB stand between `at` and the `;` or the beginning before it. */
function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (isBlank(header.charCodeAt(before))) before--;
  return before < 0 || header.charCodeAt(before) === SEMICOLON;
}

function endOfValue(header: string, equals: number): number {
  const semicolon = header.indexOf(";", equals);
  let end = semicolon === -1 ? header.length : semicolon;
  while (isBlank(header.charCodeAt(end - 1))) end--;
  return end;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function format(attributes: CookieAttributes, value: string, maxAge: string, expires: string): string {
  const { name, domain, path, secure, sameSite } = attributes;
  const domainText = domain === undefined ? "" : `; Domain=${domain}`;
  const secureText = secure ? "; Secure" : "";
  return `${name}=${value}${maxAge}${domainText}; Path=${path}${expires}; HttpOnly${secureText}; SameSite=${SAME_SITE_TEXT.get(sameSite)}`;
}

function maxAgeText(seconds: number | undefined): string {
  return seconds === undefined ? "" : `; Max-Age=${Math.min(seconds, MAX_AGE_LIMIT_SECONDS)}`;
}

function assertAttributes(attributes: CookieAttributes): void {
  assertName(attributes.name);
  assertPath(attributes.path);
  assertDomain(attributes.domain);
  assertMaxAge(attributes.maxAgeSeconds);
  assertFlags(attributes);
  assertPrefix(attributes);
}

function assertName(name: unknown): void {
  if (!matches(TOKEN, name)) {
    throw new ConfigError(`cookie.name must be an RFC 9110 token (letters, digits, "-", "_", "."); got ${show(name)}.`);
  }
}

function assertPath(path: unknown): void {
  if (!matches(PATH, path) || path.length > MAX_ATTRIBUTE_BYTES) {
    throw new ConfigError(
      `cookie.path must begin with "/", be percent-encoded, at most ${MAX_ATTRIBUTE_BYTES} bytes, and hold no ";", "," or "="; got ${show(path)}.`,
    );
  }
}

function assertDomain(domain: unknown): void {
  if (domain === undefined) return;
  if (!matches(DOMAIN, domain) || domain.length > MAX_DOMAIN_BYTES) {
    throw new ConfigError(
      `cookie.domain must be a host name such as "example.com", in its xn-- form, without leading or trailing dot, scheme or port; got ${show(domain)}.`,
    );
  }
}

function assertMaxAge(seconds: unknown): void {
  if (seconds === undefined) return;
  if (!Number.isSafeInteger(seconds) || Number(seconds) < 0) {
    throw new ConfigError(`The cookie's maxAgeSeconds must be a whole number of seconds from 0; got ${show(seconds)}.`);
  }
}

function assertFlags({ secure, sameSite }: CookieAttributes): void {
  if (typeof secure !== "boolean") throw new ConfigError(`cookie.secure must be true or false; got ${show(secure)}.`);
  if (!SAME_SITE_TEXT.has(sameSite)) {
    throw new ConfigError(`cookie.sameSite must be "lax", "strict" or "none"; got ${show(sameSite)}.`);
  }
  if (sameSite === "none" && !secure) {
    throw new ConfigError(
      'cookie.sameSite "none" needs Secure, or browsers drop the cookie: remove cookie.secure: false, or use "lax".',
    );
  }
}

/** Browsers compare prefixes without regard to case (RFC 6265bis 5.7), so a name in any case is held to them. */
function assertPrefix({ name, secure, path, domain }: CookieAttributes): void {
  const lower = name.toLowerCase();
  const hostOnly = lower.startsWith("__host-");
  const secureOnly = hostOnly || lower.startsWith("__secure-") || lower.startsWith("__http-");
  if (secureOnly && !secure) {
    throw new ConfigError(
      `cookie.secure: false contradicts the name ${show(name)}, whose prefix makes browsers demand Secure: remove it (plain http in development needs only development: true), or set a cookie.name without prefix.`,
    );
  }
  if (hostOnly && domain !== undefined) {
    throw new ConfigError(
      `cookie.domain contradicts the name ${show(name)}: browsers refuse a __Host- cookie with a Domain. Remove cookie.domain, or set cookie.name to one that begins with "__Secure-".`,
    );
  }
  if (hostOnly && path !== "/") {
    throw new ConfigError(
      `cookie.path ${show(path)} contradicts the name ${show(name)}: browsers refuse a __Host- cookie with a Path other than "/". Remove cookie.path, or set cookie.name to one that begins with "__Secure-".`,
    );
  }
}

/** A caller without types may pass a number or an array, which `RegExp.test` would turn into text. */
function matches(pattern: RegExp, value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

/** Enough of a wrong option to recognise it, on one line, whatever it holds. */
function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  return typeof value === "number" ? String(value) : `a value of type ${typeof value}`;
}

/**
 * What a request says of its client besides the token, coarse on purpose: an update of the browser, "desktop site"
 * on a phone, or another network of the same provider's block must not look like another client.
 */

import { DEFAULTS } from "../options.ts";

/** Each may be absent: then it is not compared. Null: the client was asked and did not say, which differs from what it said before. */
export interface ClientSignals {
  readonly ip?: string | null | undefined;
  readonly userAgent?: string | null | undefined;
  /** The Accept-Language header. */
  readonly language?: string | null | undefined;
  /** Whatever your application tells clients apart by, such as a hash of what its script saw. */
  readonly fingerprint?: string | null | undefined;
}

/** `network`: the /24 of an IPv4, the /64 of an IPv6 address. */
export type Signal = "fingerprint" | "browser" | "platform" | "language" | "network";

/** @internal */
export const SIGNALS: readonly Signal[] = ["fingerprint", "browser", "platform", "language", "network"];

/** Networks and languages change under one user: alone they never cost anybody the session. */
const WEAK: ReadonlySet<Signal> = new Set(["language", "network"]);

/** @internal */
export function isTelling(differing: readonly Signal[]): boolean {
  return differing.some((signal) => !WEAK.has(signal));
}

/** Name and how it is recognised; the first that fits. Most browsers name others before themselves. */
type Table = readonly (readonly [name: string, pattern: RegExp])[];

const BROWSERS: Table = [
  ["edge", /\bEdg(?:e|A|iOS)?\//],
  ["opera", /\b(?:OPR|OPiOS|OPX)\//],
  ["samsung", /\bSamsungBrowser\//],
  ["firefox", /\b(?:Firefox|FxiOS)\//],
  ["chrome", /\b(?:Chrome|CriOS|Chromium|HeadlessChrome)\//],
  ["safari", /\bSafari\//],
];

/** "Desktop site" makes a Macintosh of an iPhone and Linux of Android. */
const PLATFORMS: Table = [
  ["windows", /\bWindows\b/],
  ["apple", /\b(?:Macintosh|iPhone|iPad|iPod)\b/],
  ["unix", /\b(?:Linux|Android|CrOS|X11)\b/],
];

/** A browser's family, or the first product that something else names; null when neither can be told. @internal */
export function browserOf(userAgent: string): string | null {
  return found(BROWSERS, userAgent) ?? /^[\w.-]{1,64}/.exec(userAgent)?.[0].toLowerCase() ?? null;
}

/** @internal */
export function platformOf(userAgent: string): string | null {
  return found(PLATFORMS, userAgent);
}

/** The primary language that a client likes best: `en` of `en-GB,en;q=0.9`. @internal */
export function languageOf(acceptLanguage: string): string | null {
  return /^\s*([A-Za-z]{2,8})\b/.exec(acceptLanguage)?.[1]?.toLowerCase() ?? null;
}

/** Whether what is derived from both differs; false where either is not known. @internal */
export function differs(
  before: string | undefined,
  now: string | null | undefined,
  derive: (text: string) => string | null,
): boolean {
  // Most often it is the very same text.
  if (before === undefined || now === undefined || before === now) return false;
  return derive(before) !== (now === null ? null : derive(now));
}

/** As much of it as is kept of the client that the session was begun on. */
function found(table: Table, userAgent: string): string | null {
  const text = userAgent.slice(0, DEFAULTS.maxUserAgentLength);
  return table.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** Response headers in Node's shapes, and what a session's response says in them. */

import type { SojournError } from "../errors.ts";
import type { Notices } from "../lifecycle/notices.ts";

/** @internal */
export interface HeaderSink {
  get(name: string): number | string | readonly string[] | undefined;
  set(name: string, value: string | readonly string[]): void;
}

/** Puts a cookie beside the application's, in place of the one that was put before. @internal */
export function putCookie(headers: HeaderSink, cookie: string | null, before: string | null): void {
  if (cookie === null && before === null) return;
  const others = listOf(headers.get("Set-Cookie")).filter((line) => line !== before);
  // A list of one goes another way in Node, and once one has, V8 makes an object more for every response of the process.
  if (cookie !== null && others.length === 0) headers.set("Set-Cookie", cookie);
  else headers.set("Set-Cookie", cookie === null ? others : [...others, cookie]);
}

/** @internal */
export function appendVary(headers: HeaderSink, field: string): void {
  const given = headers.get("Vary");
  if (given === field) return;
  if (given === undefined) {
    headers.set("Vary", field);
    return;
  }
  const current = listOf(given).join(", ");
  const fields = current.split(",").map((each) => each.trim().toLowerCase());
  if (fields.includes("*") || fields.includes(field.toLowerCase())) return;
  headers.set("Vary", current === "" ? field : `${current}, ${field}`);
}

/** Row C1. @internal */
export function forbidCaching(headers: HeaderSink, notices: Notices): void {
  const given = headers.get("Cache-Control");
  // Fastify's are looked at twice.
  if (given === "no-store") return;
  if (given === undefined || !isKept(String(given), notices)) headers.set("Cache-Control", "no-store");
}

/** Whether what the application said of caching may go out as it is. */
function isKept(said: string, notices: Notices): boolean {
  // Not `private="Set-Cookie"`, which lets caches keep the rest (RFC 9111 5.2.2.7).
  if (/(?:^|,)\s*(?:no-store|private)\s*(?:,|$)/i.test(said)) return true;
  if (/\bpublic\b/i.test(said)) {
    notices.once(
      "public",
      "a response that depends on a session said Cache-Control: public; it was sent with no-store (ASVS 14.3.2)",
    );
  }
  return false;
}

/** The headers of an answer that is an error's. @internal */
export function putErrorHeaders(headers: HeaderSink, error: SojournError): void {
  const { headers: own = {} } = error as { headers?: Readonly<Record<string, string>> };
  for (const [name, value] of Object.entries(own)) {
    if (name === "Vary") for (const field of value.split(", ")) appendVary(headers, field);
    else headers.set(name, value);
  }
  headers.set("Cache-Control", "no-store");
}

/** Headers that tell of the body, or that the handler set believing in its success. */
const OF_THE_BODY =
  /^(?:content-(?!security-policy).*|etag|last-modified|accept-ranges|location|transfer-encoding|trailer|expires|refresh|set-cookie)$/i;

/** Whether a header must not go out when something else is answered in place of the body. @internal */
export function isOfTheBody(name: string): boolean {
  return OF_THE_BODY.test(name);
}

function listOf(value: number | string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly string[]) : [String(value)];
}

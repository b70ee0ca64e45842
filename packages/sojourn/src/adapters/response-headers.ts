/** Response headers in Node's shapes, and what a session's response says in them besides its cookie. */

import type { Notices } from "../lifecycle/notices.ts";

/** @internal */
export interface HeaderSink {
  get(name: string): number | string | readonly string[] | undefined;
  set(name: string, value: string | readonly string[]): void;
}

/** @internal */
export function appendCookie(headers: HeaderSink, cookie: string): void {
  headers.set("Set-Cookie", [...listOf(headers.get("Set-Cookie")), cookie]);
}

/** @internal */
export function appendVary(headers: HeaderSink, field: string): void {
  const current = listOf(headers.get("Vary")).join(", ");
  const fields = current.split(",").map((each) => each.trim().toLowerCase());
  if (fields.includes("*") || fields.includes(field.toLowerCase())) return;
  headers.set("Vary", current === "" ? field : `${current}, ${field}`);
}

/** Row C1. @internal */
export function forbidCaching(headers: HeaderSink, notices: Notices): void {
  const current = String(headers.get("Cache-Control") ?? "");
  // Not `private="Set-Cookie"`, which lets caches keep the rest (RFC 9111 5.2.2.7).
  if (/(?:^|,)\s*(?:no-store|private)\s*(?:,|$)/i.test(current)) return;
  if (/\bpublic\b/i.test(current)) {
    notices.once(
      "public",
      "a response that depends on a session said Cache-Control: public; it was sent with no-store (ASVS 14.3.2)",
    );
  }
  headers.set("Cache-Control", "no-store");
}

function listOf(value: number | string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly string[]) : [String(value)];
}

/** What every contestant keeps for a session: ten fields, 400 bytes of JSON. */

const JSON_BYTES = 400;

/** A type and no interface: only that fits where any object of JSON is taken. */
export type SessionData = {
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly locale: string;
  readonly timeZone: string;
  readonly cart: Readonly<Record<string, number>>;
  readonly theme: string;
  readonly pageSize: number;
  readonly notify: boolean;
  readonly note: string;
};

/** @param bytes length of its JSON, 300 at least */
export function sessionData(bytes = JSON_BYTES): SessionData {
  const data = {
    name: "Ada Lovelace",
    email: "ada@example.org",
    roles: ["user", "editor"],
    locale: "en-GB",
    timeZone: "Europe/London",
    cart: { "p-1001": 2, "p-2040": 1 },
    theme: "dark",
    pageSize: 50,
    notify: true,
    note: "",
  };
  return { ...data, note: "x".repeat(bytes - JSON.stringify(data).length) };
}

export function userId(n: number): string {
  return `u${String(n).padStart(8, "0")}`;
}

/** 110 bytes, as a browser sends it. */
export const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.3";

/** Sessions that a contestant keeps and asks for in turn. */
export const SESSIONS = 2_000;

/** The fields of a session object as JSON texts: what is stored of it, and what of it changed. */

import { CompatCookie } from "./cookie.ts";
import type { Fields } from "./rules.ts";
import type { CompatSession } from "./session-object.ts";

export type Texts = ReadonlyMap<string, string>;

/** The field that holds what a session's cookie has otherwise than the options say. */
export const COOKIE = "cookie";

/** Puts copies of stored fields on the object. Answers the texts of those that are to be seen there. */
export function fill(object: CompatSession, data: Readonly<Fields>): Texts {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(data)) {
    // A field with the name of a method stays as it is, out of sight.
    if (name in object && name !== COOKIE) continue;
    const text = JSON.stringify(value);
    texts.set(name, text);
    if (name !== COOKIE) object[name] = JSON.parse(text);
  }
  return texts;
}

/** What JSON cannot say is not stored, as in any store of express-session. */
export function textsOf(object: CompatSession, defaults: CompatCookie): Texts {
  const texts = new Map<string, string>();
  for (const name of Object.keys(object)) {
    const value = name === COOKIE ? (cookieIn(object)?.changesFrom(defaults) ?? undefined) : object[name];
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

/** The fields of one that the other has not, or otherwise. */
export function changesOf(texts: Texts, before: Texts): [name: string, text: string][] {
  return [...texts].filter(([name, text]) => before.get(name) !== text);
}

export function isSame(texts: Texts, before: Texts): boolean {
  return texts.size === before.size && changesOf(texts, before).length === 0;
}

export function valuesOf(texts: Iterable<readonly [string, string]>): Fields {
  return Object.fromEntries([...texts].map(([name, text]) => [name, JSON.parse(text) as unknown]));
}

/** Null where the application took it away, or put something else there. */
export function cookieIn({ cookie }: CompatSession): CompatCookie | null {
  return (cookie as unknown) instanceof CompatCookie ? cookie : null;
}

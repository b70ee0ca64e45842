/** What adapters need of a `createSessions` result and applications do not. */

import type { FieldRules } from "../data/field-rules.ts";
import type { CookieAttributes } from "../security/cookie.ts";
import type { Adoption } from "./adoption.ts";
import type { NamedSessions } from "./named-sessions.ts";
import type { Notices } from "./notices.ts";
import type { OnUnavailable } from "./on-unavailable.ts";
import type { Policies } from "./policy.ts";
import type { StoredValues } from "./stored-values.ts";

export interface AdapterHost {
  readonly namespace: string;
  readonly development: boolean;
  readonly notices: Notices;
  /** The session cookie, but for its lifetime. */
  readonly cookie: CookieAttributes;
  /** Whether a token may also come as `Authorization: Bearer`. */
  readonly bearer: boolean;
  /** Whether sessions are bound to clients, so that requests must say what they know of theirs. */
  readonly binds: boolean;
  /** The id of the session that a token is of; null unless its MAC is genuine. No I/O. */
  sessionIdOf(token: string): string | null;
  isPersistent(policy: string): boolean;
  /** An id for a session that may be begun later. */
  newAnonymousId(): string;
  /** See `Policies`. */
  readonly policies: Pick<Policies, "named" | "lasting" | "idleMsOf" | "touchIntervalOf">;
  /** How long after `validate` or `rotate` their answer may still be sent: half the grace of a renewal. */
  readonly freshTokenMs: number;
  /** What may be stored. */
  readonly fields: FieldRules;
  /** Takes over the sessions of the application that was here before; null when there is none. */
  readonly adoption: Adoption | null;
  /** The store's time. */
  readonly now: () => number;
  /** What other libraries keep under names of their own. */
  readonly values: StoredValues;
  /** Sessions that another library names. @throws ConfigError */
  named(policy: string | undefined): NamedSessions;
  /** Of requests that say nothing else. */
  readonly onUnavailable: OnUnavailable;
  /** @throws ConfigError where there is nothing to keep */
  readonly keepStale: () => void;
}

const hosts = new WeakMap<object, AdapterHost>();

export function registerHost(sessions: object, host: AdapterHost): void {
  hosts.set(sessions, host);
}

/** @throws TypeError for anything that `createSessions` did not answer. */
export function hostOf(sessions: unknown): AdapterHost {
  const host = typeof sessions === "object" && sessions !== null ? hosts.get(sessions) : undefined;
  if (host === undefined) throw new TypeError("sojourn() takes what createSessions() returned.");
  return host;
}

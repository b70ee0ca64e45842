/** `secondaryStorage` of better-auth 1.7: `betterAuth({ secondaryStorage: secondaryStorage(sessions) })`. */

import { hostOf } from "../lifecycle/host.ts";
import type { Sessions } from "../lifecycle/sessions.ts";

/** As better-auth asks for it. */
export interface SecondaryStorage {
  get(key: string): Promise<string | null>;
  /** @param ttl seconds, 400 days if there are none; 0 or less deletes. */
  set(key: string, value: string, ttl?: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Of many who ask at once, one gets it. */
  getAndDelete(key: string): Promise<string | null>;
  /** Adds one and answers the sum. @param ttl seconds from the first one on. */
  increment(key: string, ttl: number): Promise<number>;
}

/**
 * Keeps what better-auth stores beside its database. Keys lie hashed, values sealed under `secrets`; a session of
 * better-auth's that was deleted is not written back by a request that still holds it.
 * @throws TypeError. Its functions throw StoreUnavailableError, WrongKindError (increment of what is no number).
 */
export function secondaryStorage(sessions: Sessions): SecondaryStorage {
  const { values } = hostOf(sessions);
  return {
    get: (key) => values.get(key),
    set: async (key, value, ttl) => {
      if (typeof value !== "string") throw new TypeError(`set: value must be a string, not ${typeof value}.`);
      if (ttl !== undefined && !(ttl > 0)) await values.take(key);
      else
        await values.set(key, value, { ttlMs: ttl === undefined ? ttl : ttl * 1000, revives: !isSession(key, value) });
    },
    delete: async (key) => {
      await values.take(key);
    },
    getAndDelete: (key) => values.take(key),
    increment: (key, ttl) => values.increment(key, ttl === undefined ? ttl : ttl * 1000),
  };
}

/** better-auth keeps a session under its token, as `{ session, user }`. */
function isSession(key: string, value: string): boolean {
  if (!value.startsWith("{") || !value.includes(key)) return false;
  try {
    return (JSON.parse(value) as { session?: { token?: unknown } }).session?.token === key;
  } catch {
    return false;
  }
}

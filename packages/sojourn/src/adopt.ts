/** Composition root: where the sessions of other libraries are, for the option `adopt` of `createSessions`. */

import { hash } from "node:crypto";
import { systemClock } from "./clock.ts";
import { type Duration, parseDuration } from "./duration.ts";
import { ConfigError } from "./errors.ts";
import type { OldData, OldRecord, OldSession, OldSessions } from "./lifecycle/adoption.ts";
import { type CookieAttributes, readCookie } from "./security/cookie.ts";
import { checkedOldSecrets, isKeygripSigned, unsigned } from "./security/old-cookies.ts";
import type { RedisClient } from "./stores/redis/drivers/driver-of.ts";
import { oldSessionsOnRedis } from "./stores/redis/old-sessions.ts";

/** The old cookie, as the old application sets it. */
export interface OldCookieOptions {
  readonly name?: string;
  /** Default "/". */
  readonly path?: string;
  readonly domain?: string;
}

export interface SignedCookieOptions {
  /** What signed the old cookies: the old application's own `secret`. */
  readonly secrets: string | readonly (string | undefined)[];
  readonly cookie?: OldCookieOptions;
  /** How long it is remembered that a session was adopted: not shorter than old sessions live. Default "30d". */
  readonly marksKept?: Duration;
}

/** The part of an express-session store that is used; @fastify/session has the same. */
export interface CallbackStore {
  get(sid: string, done: (error: unknown, session?: unknown) => void): unknown;
  set(sid: string, session: never, done: (error?: unknown) => void): unknown;
  destroy(sid: string, done: (error?: unknown) => void): unknown;
}

export interface StoreOptions extends SignedCookieOptions {
  readonly store: CallbackStore;
}

export interface ConnectRedisOptions extends SignedCookieOptions {
  /** Of `redis` or `ioredis`, connected to where the old sessions are. */
  readonly client: RedisClient;
  /** As in connect-redis. Default "sess:". */
  readonly prefix?: string;
  /** As in connect-redis. Default `JSON`. */
  readonly serializer?: { parse(text: string): unknown };
}

/** Sessions of express-session that connect-redis keeps; cookie "connect.sid". @throws ConfigError */
export function connectRedis(options: ConnectRedisOptions): OldSessions {
  const { client, prefix = "sess:", serializer = JSON } = options;
  const records = oldSessionsOnRedis({ client, prefix, marksKeptMs: marksKeptMs(options) });
  return expressCookies(options, {
    ...records,
    get: async (sid) => {
      const text = await records.get(sid);
      return text === null ? null : serializer.parse(text);
    },
  });
}

/** Sessions of express-session, of its store; cookie "connect.sid". @throws ConfigError */
export function expressSession(options: StoreOptions): OldSessions {
  return expressCookies(options, recordsIn(options.store, marksKeptMs(options)));
}

function expressCookies(options: SignedCookieOptions, records: OldRecords): OldSessions {
  return signedCookies("express-session", { name: "connect.sid", ...options.cookie }, "s:", options, records);
}

export interface FastifySessionOptions extends StoreOptions {
  /** As in @fastify/session. Default "". */
  readonly cookiePrefix?: string;
}

/** Sessions of @fastify/session, of its store; cookie "sessionId". @throws ConfigError */
export function fastifySession({ cookiePrefix = "", ...options }: FastifySessionOptions): OldSessions {
  const records = recordsIn(options.store, marksKeptMs(options));
  return signedCookies("@fastify/session", { name: "sessionId", ...options.cookie }, cookiePrefix, options, records);
}

export interface KoaSessionOptions extends Omit<SignedCookieOptions, "secrets"> {
  /** `app.keys`. */
  readonly keys: SignedCookieOptions["secrets"];
  /** The external store. Without one the cookie is the session, and nothing can be marked: see `ironSession`. */
  readonly store?: {
    get(key: string, maxAge: undefined, options: object): unknown;
    set(key: string, session: never, maxAge: number, options: object): unknown;
    destroy(key: string, options: object): unknown;
  };
}

/** Sessions of koa-session with signed cookies, of its store or in the cookie; cookie "koa.sess". @throws ConfigError */
export function koaSession(options: KoaSessionOptions): OldSessions {
  const { store } = options;
  const keys = checkedOldSecrets("keys", options.keys);
  const cookie = { name: "koa.sess", ...options.cookie };
  const keptMs = marksKeptMs(options);
  const records: OldRecords | null =
    store === undefined
      ? null
      : {
          get: async (sid) => koaData(await store.get(sid, undefined, {})),
          end: async (sid) => store.destroy(sid, {}),
          markOf: async (sid) => markIn(await store.get(markKey(sid), undefined, {})),
          mark: async (sid, id) => store.set(markKey(sid), { [MARK]: id } as never, keptMs, {}),
        };
  return {
    name: "koa-session",
    cookies: [removable(cookie), removable({ ...cookie, name: `${cookie.name}.sig` })],
    find: (header) => {
      const value = valueOf(header, cookie.name);
      const signature = valueOf(header, `${cookie.name}.sig`);
      if (value === null || signature === null) return null;
      if (!isKeygripSigned(`${cookie.name}=${value}`, signature, keys)) return null;
      if (records !== null) return storedSession(value, records);
      return sealedSession(value, async () => koaData(JSON.parse(Buffer.from(value, "base64").toString("utf8"))));
    },
  };
}

/** In the shape that the others have. */
function koaData(session: unknown): unknown {
  if (typeof session !== "object" || session === null) return null;
  const { _expire, _maxAge, _session, ...data } = session as Record<string, unknown>;
  return { ...data, cookie: { expires: typeof _expire === "number" ? new Date(_expire) : null } };
}

export interface IronSessionOptions {
  /** Opens a seal: `(seal) => unsealData(seal, { password, ttl })`, with iron-session's own function and your settings. */
  readonly unseal: (seal: string) => Promise<unknown>;
  readonly cookie: OldCookieOptions & { readonly name: string };
}

/** As many as iron-session makes of a large session, each a cookie of its own. */
const MAX_CHUNKS = 4;

/**
 * Sessions of iron-session, which are in the cookie. There is nothing to end and nowhere to mark: a copy of the cookie
 * is refused as long as the store knows that the session it became was ended. Set the store's `endedKept` to iron's `ttl`.
 */
export function ironSession({ unseal, cookie }: IronSessionOptions): OldSessions {
  const names = [cookie.name, ...Array.from({ length: MAX_CHUNKS }, (_, i) => `${cookie.name}.${i}`)];
  return {
    name: "iron-session",
    cookies: names.map((name) => removable({ ...cookie, name })),
    find: (header) => {
      const seal = decoded(wholeOf(header, names));
      return seal === null || seal === "" ? null : sealedSession(seal, () => unseal(seal));
    },
  };
}

function wholeOf(header: string, [name = "", ...chunks]: readonly string[]): string {
  const whole = valueOf(header, name);
  if (whole !== null) return whole;
  const parts = chunks.map((chunk) => valueOf(header, chunk));
  const end = parts.indexOf(null);
  return (end < 0 ? parts : parts.slice(0, end)).join("");
}

/** Where old sessions and their marks are. */
interface OldRecords {
  get(sid: string): Promise<unknown>;
  end(sid: string): Promise<unknown>;
  markOf(sid: string): Promise<string | null>;
  mark(sid: string, id: string): Promise<unknown>;
}

function signedCookies(
  name: string,
  cookie: OldCookieOptions & { readonly name: string },
  prefix: string,
  options: SignedCookieOptions,
  records: OldRecords,
): OldSessions {
  const secrets = checkedOldSecrets("secrets", options.secrets);
  return {
    name,
    cookies: [removable(cookie)],
    find: (header) => {
      const value = decoded(valueOf(header, cookie.name));
      const sid = value?.startsWith(prefix) ? unsigned(value.slice(prefix.length), secrets) : null;
      return sid === null ? null : storedSession(sid, records);
    },
  };
}

function storedSession(sid: string, records: OldRecords): OldSession {
  return {
    key: sid,
    read: async (now): Promise<OldRecord> => {
      const data = liveData(await records.get(sid), now);
      // After it: who ends a session has marked it before.
      return { data, adoptedAs: await records.markOf(sid) };
    },
    mark: (id) => records.mark(sid, id),
    end: () => records.end(sid),
  };
}

/** One that is nowhere but in its cookie. */
function sealedSession(seal: string, open: () => Promise<unknown>): OldSession {
  return {
    key: hash("sha256", seal, "base64url"),
    read: async (now) => ({ data: liveData(await open(), now), adoptedAs: null }),
    mark: async () => undefined,
    end: async () => undefined,
  };
}

const MARK = "sojourn-adopted";

/** Among the sessions of a store that has nothing else. */
function markKey(sid: string): string {
  return `${MARK}:${hash("sha256", sid, "base64url")}`;
}

function markIn(session: unknown): string | null {
  const id = typeof session === "object" && session !== null ? (session as Record<string, unknown>)[MARK] : null;
  return typeof id === "string" ? id : null;
}

function recordsIn(store: CallbackStore, keptMs: number): OldRecords {
  if (typeof store?.get !== "function")
    throw new ConfigError("Option store must be the old application's session store.");
  const get = (sid: string): Promise<unknown> => called((done) => store.get(sid, done));
  return {
    get,
    end: (sid) => called((done) => store.destroy(sid, done)),
    markOf: async (sid) => markIn(await get(markKey(sid))),
    mark: (sid, id) => {
      const cookie = { originalMaxAge: keptMs, maxAge: keptMs, expires: new Date(systemClock.now() + keptMs) };
      return called((done) => store.set(markKey(sid), { cookie, [MARK]: id } as never, done));
    },
  };
}

function called(call: (done: (error: unknown, value?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else if ((error as { code?: unknown }).code === "ENOENT") resolve(null);
      else reject(error instanceof Error ? error : new Error("no reason given", { cause: error }));
    });
  });
}

/** Null for one whose time is over, and for one with nothing in it. */
function liveData(session: unknown, now: number): OldData | null {
  if (typeof session !== "object" || session === null) return null;
  const data = JSON.parse(JSON.stringify(session)) as Record<string, unknown>;
  const { expires } = (data["cookie"] ?? {}) as { expires?: unknown };
  if (typeof expires === "string" && Date.parse(expires) <= now) return null;
  return Object.keys(data).some((name) => name !== "cookie") ? data : null;
}

function marksKeptMs({ marksKept = "30d" }: Pick<SignedCookieOptions, "marksKept">): number {
  return parseDuration("marksKept", marksKept);
}

function valueOf(header: string, name: string): string | null {
  const cookie = readCookie(header, name);
  return cookie.kind === "one" ? cookie.value : null;
}

function decoded(value: string | null): string | null {
  try {
    return value === null ? null : decodeURIComponent(value);
  } catch {
    return null;
  }
}

function removable({ name, path = "/", domain }: OldCookieOptions & { readonly name: string }): CookieAttributes {
  const secure = name.startsWith("__");
  return { name, path, secure, httpOnly: true, sameSite: "lax", ...(domain === undefined ? {} : { domain }) };
}

/** Composition root: options in, sessions out. No I/O here. */

import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { ActivityLog } from "./analytics/activity.ts";
import { recordByItself } from "./analytics/automatic.ts";
import { readStats } from "./analytics/stats.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ConfigError } from "./errors.ts";
import { type AdoptOptions, Adoption } from "./lifecycle/adoption.ts";
import { Core, type RotationSettings } from "./lifecycle/core.ts";
import { type Duration, parseDuration } from "./duration.ts";
import type { DataObject } from "./data/draft.ts";
import { type EncryptionOptions, FieldCipher } from "./data/encryption.ts";
import { FieldRules } from "./data/field-rules.ts";
import { type DataOf, type DataSchema, type SchemaOptions, SessionSchema } from "./data/schema.ts";
import { newAnonymousId } from "./data/session-id.ts";
import { registerHost } from "./lifecycle/host.ts";
import { NamedSessions } from "./lifecycle/named-sessions.ts";
import { Notices } from "./lifecycle/notices.ts";
import type { Observer } from "./lifecycle/observer.ts";
import { keepStale, type UnavailableOptions, unavailableRules } from "./lifecycle/on-unavailable.ts";
import { Policies, type PolicyOptions } from "./lifecycle/policy.ts";
import { Reaper, type ReaperOptions } from "./lifecycle/reaper.ts";
import { Sessions } from "./lifecycle/sessions.ts";
import { StoredValues } from "./lifecycle/stored-values.ts";
import { ProcessCounts } from "./metrics/process-counts.ts";
import { SessionMetrics } from "./metrics/session-metrics.ts";
import { DEFAULTS, MAX_MAX_BYTES, MAX_PER_USER, MAX_SERVER_ID_BYTES } from "./options.ts";
import { Binding, type BindingOptions, Fingerprints } from "./security/binding.ts";
import { type CookieOptions, resolveCookieAttributes } from "./security/cookie.ts";
import { KeyRing } from "./security/keyring.ts";
import { type Rate, RateLimit } from "./security/rate-limit.ts";
import { TokenSigner } from "./security/token.ts";
import type { SessionLimit, Store } from "./store/store.ts";
import { memoryStore } from "./stores/memory/memory-store.ts";

const DAY_MS = 86_400_000;

export interface SessionsOptions extends SchemaOptions, UnavailableOptions {
  /** Where sessions are kept. Default, in development only: this process's memory. */
  readonly store?: Store;
  /**
   * Random strings of at least 32 characters: the first signs, all verify. To rotate, put a new one
   * in front; drop the old one after the longest absolute timeout. Needed unless `development`.
   */
  readonly secrets?: readonly (string | undefined)[];
  /** Added to, or in place of, the built-in policies: normal rememberMe sensitive temporary anonymous aal1 aal2 aal3. */
  readonly policies?: Readonly<Record<string, PolicyOptions>>;
  /** Of sessions with a user. Default "normal" (idle 24 h, absolute 7 d). */
  readonly defaultPolicy?: string;
  /** Names and values of one session's data together, in bytes. Default 10240, at most 1048576. */
  readonly maxBytes?: number;
  /**
   * Renewal of tokens: same session, same data. `grace` is how long the token before the current one is honoured
   * (default "30s"); `every` renews by itself what is older (default never).
   */
  readonly rotation?: { readonly grace?: Duration; readonly every?: Duration };
  /**
   * How often this process may begin an anonymous session: so many a second, minute or hour (`"100/s"`, `"6000/m"`), all of
   * them at once if they come so; more is a `CreationRateError` (429). `false`: as often as it likes. Default "6000/m".
   */
  readonly anonymous?: { readonly createRate?: Rate | false };
  /**
   * Notices when the token of a session comes from another client than the one that it was begun on: see
   * `BindingOptions`. Default: nothing is compared.
   */
  readonly binding?: BindingOptions;
  /** Fields that lie encrypted in the store. Default none. */
  readonly encryption?: EncryptionOptions;
  /**
   * At most `perUser` (1 to 1000) live sessions of a user, kept in the step that begins one, however many log in at once.
   * `onExceed`: `"evictOldest"` (the default) ends the one seen least recently, `"reject"` refuses with a
   * `SessionLimitError` (409). A session whose token has not come back within a minute does not count. Default: no limit.
   */
  readonly limit?: { readonly perUser: number; readonly onExceed?: "evictOldest" | "reject" };
  /** The session cookie. Default `__Host-Http-sid; Secure; HttpOnly; SameSite=Lax; Path=/`. */
  readonly cookie?: CookieOptions;
  /**
   * `{ header: "authorization" }`: requests without the session cookie may bring their token as
   * `Authorization: Bearer <token>`, and `req.session.login({ userId, transport: "header" })` gives
   * it to the handler as `req.session.token` in place of a cookie. For clients that are no browsers:
   * a page's script that holds a token can lose it. Default: only the cookie.
   */
  readonly transport?: { readonly header: "authorization" };
  /** Takes over the sessions of the application that was here before: see `AdoptOptions`. Default: none. */
  readonly adopt?: AdoptOptions;
  /** Name of this server, stored with each session that it begins. */
  readonly serverId?: string | undefined;
  /** Replaces the salt that the store keeps: at least 32 characters, never to be changed. */
  readonly indexKey?: string;
  /** How sessions whose time is over are ended: every 5 minutes in every process, unless said otherwise; false: never by itself. */
  readonly reaper?: ReaperOptions | false;
  /** Whether anything runs by itself, between requests. Default true; false leaves reaping to `reaper.runOnce()`, nothing is added to `metrics.series()`, and on Redis endings by other processes are not heard. */
  readonly background?: boolean;
  /**
   * `{ automatic: true }`: login, logout, rotation, elevation, mismatch, migration and failed logins are noted
   * among the activities of their session, one write more each, behind the answer. Default: only what
   * `sessions.activity.record` is told.
   */
  readonly activity?: { readonly automatic?: boolean };
  /** Relaxed for a developer's machine: secrets and store may be missing, cookies go over plain http. Default false. */
  readonly development?: boolean;
  /** Takes one line at a time, at most one a second of a kind. Default `console.warn`. */
  readonly log?: (line: string) => void;
  readonly clock?: Clock;
}

/**
 * The sessions of an application.
 *
 * ```ts
 * const sessions = createSessions({ store: sqliteStore("./sessions.db"), secrets: [process.env.SESSION_SECRET] });
 * const { token, session } = await sessions.create({ userId: "ada" });
 * ```
 * @throws ConfigError for a missing, weak or contradictory option; the message says the fix.
 */
export function createSessions<const S extends DataSchema>(
  options: SessionsOptions & { readonly schema: S },
): Sessions<DataOf<S>>;
export function createSessions<D extends object = DataObject>(
  options?: SessionsOptions & { readonly schema?: undefined },
): Sessions<D>;
export function createSessions(options: SessionsOptions): Sessions;
export function createSessions<D extends object = DataObject>(options: SessionsOptions = {}): Sessions<D> {
  const given = Object.freeze({ ...options });
  const cookie = resolveCookieAttributes(given.cookie ?? {});
  const counts = new ProcessCounts();
  const core = coreOf(given, counts);
  if (core.unavailable.mode === "stale") keepStale(core);
  core.store.onEvent(({ type }) => counts.happened(type));
  const reaper = new Reaper(core, reapEveryOf(given));
  const activity = activityOf(given, core);
  const stats = () => readStats(core.store);
  const metrics = new SessionMetrics({ core, counts, stats });
  const sessions = new Sessions<D>(core, { stats, activity, metrics, reaper });
  registerHost(sessions, {
    namespace: core.store.namespace,
    development: core.development,
    notices: core.notices,
    cookie,
    fields: core.fields,
    bearer: bearerOf(given),
    binds: core.binding !== null,
    sessionIdOf: (token) => core.tokens.verify(token)?.id ?? null,
    isPersistent: (policy) => core.policies.isPersistent(policy),
    newAnonymousId,
    policies: core.policies,
    now: () => core.store.now(),
    adoption: given.adopt === undefined ? null : new Adoption(core, given.adopt),
    values: new StoredValues(core),
    named: (policy) => new NamedSessions(core, policy),
    freshTokenMs: core.rotation.graceMs / 2,
    onUnavailable: core.unavailable.mode,
    keepStale: () => keepStale(core),
  });
  reaper.start();
  if (given.background !== false) {
    metrics.start();
    core.store.startBackground();
  }
  return sessions;
}

/** Every option, checked, in the form that the parts work with. */
function coreOf(given: SessionsOptions, observer: Observer): Core {
  const clock = given.clock ?? systemClock;
  const notices = new Notices(given.log ?? ((line) => console.warn(line)), clock);
  const store = storeOf(given, clock);
  const secrets = secretsOf(given, notices);
  const ring = new KeyRing(secrets);
  const fingerprints = new Fingerprints(ring, store.namespace);
  return new Core({
    store,
    observer,
    tokens: new TokenSigner(ring, store.namespace),
    ring,
    rotation: rotationOf(given),
    fingerprints,
    binding: given.binding === undefined ? null : new Binding(given.binding, fingerprints),
    policies: new Policies({ ...DEFAULTS.policies, ...given.policies }, given.defaultPolicy ?? DEFAULTS.defaultPolicy),
    anonymousRate: anonymousRateOf(given, clock),
    limit: limitOf(given),
    clock,
    notices,
    maxBytes: maxBytesOf(given),
    fields: new FieldRules(
      new FieldCipher(store.namespace, given.encryption),
      new SessionSchema(given, (line) => notices.warn("schema", line)),
    ),
    names: new FieldCipher(store.namespace, { keys: secrets }),
    serverId: serverIdOf(given),
    development: developmentOf(given),
    indexKey: indexKeyOf(given),
    unavailable: unavailableRules(given),
  });
}

function activityOf(given: SessionsOptions, core: Core): ActivityLog {
  const log = new ActivityLog(core.store);
  if (given.activity?.automatic === true) recordByItself(core, log);
  return log;
}

/** The one variable of the environment that is looked at, so that a forgotten option cannot weaken a live site (row B2). */
function developmentOf({ development = false }: SessionsOptions): boolean {
  if (development && process.env["NODE_ENV"] === "production") {
    throw new ConfigError(
      'development: true is refused where NODE_ENV is production: cookies would go over plain http. Write development: process.env.NODE_ENV !== "production".',
    );
  }
  return development;
}

function storeOf(options: SessionsOptions, clock: Clock): Store {
  if (options.store !== undefined) return checkedStore(options.store);
  if (options.development === true) return memoryStore({ clock });
  throw new ConfigError(
    'Option store is missing: pass sqliteStore("./sessions.db") from "sojourn/sqlite" or redisStore(client) from "sojourn/redis" (or development: true for a store in memory).',
  );
}

function checkedStore(store: Store): Store {
  const isStore =
    typeof store === "object" &&
    store !== null &&
    typeof store.read === "function" &&
    typeof store.ready === "function";
  if (isStore) return store;
  throw new ConfigError(
    "Option store must be what memoryStore(), sqliteStore(), redisStore() or openStore() answered (await the last).",
  );
}

function secretsOf(options: SessionsOptions, notices: Notices): readonly (string | undefined)[] {
  if (options.secrets !== undefined || options.development !== true) return options.secrets ?? [];
  notices.once("secret", "no secrets given: made one for this process, all sessions end with it (development)");
  return [randomBytes(32).toString("base64url")];
}

function maxBytesOf(options: SessionsOptions): number {
  const maxBytes = options.maxBytes ?? DEFAULTS.maxBytes;
  if (Number.isInteger(maxBytes) && maxBytes > 0 && maxBytes <= MAX_MAX_BYTES) return maxBytes;
  throw new ConfigError(`Option maxBytes must be a whole number from 1 to ${MAX_MAX_BYTES}, not ${String(maxBytes)}.`);
}

function rotationOf({ rotation = {} }: SessionsOptions): RotationSettings {
  const { grace = DEFAULTS.rotationGrace, every } = rotation;
  const graceMs = parseDuration("rotation.grace", grace);
  const everyMs = every === undefined ? null : parseDuration("rotation.every", every);
  if (everyMs !== null && everyMs < graceMs) {
    throw new ConfigError(
      `Option rotation.every (${every}) must not be shorter than rotation.grace (${grace}): a token would be renewed while the one before it is still honoured.`,
    );
  }
  return { graceMs, everyMs };
}

function anonymousRateOf({ anonymous = {} }: SessionsOptions, clock: Clock): RateLimit | null {
  const rate = anonymous.createRate ?? DEFAULTS.anonymousCreateRate;
  return rate === false ? null : new RateLimit("anonymous.createRate", rate, () => clock.monotonic());
}

/** Null when nothing is to run by itself. Longer than a day would be no cleaning up, and over 24 days no timer. */
function reapEveryOf({ reaper = {}, background = true }: SessionsOptions): number | null {
  if (reaper === false || !background) return null;
  const every = reaper.every ?? DEFAULTS.reaperEvery;
  const everyMs = parseDuration("reaper.every", every);
  if (everyMs >= 1_000 && everyMs <= DAY_MS) return everyMs;
  throw new ConfigError(`Option reaper.every must be from "1s" to "24h", not "${every}".`);
}

function limitOf({ limit }: SessionsOptions): SessionLimit | null {
  if (limit === undefined) return null;
  const { perUser, onExceed = "evictOldest" } = limit ?? {};
  if (!Number.isInteger(perUser) || perUser < 1 || perUser > MAX_PER_USER) {
    throw new ConfigError(
      `Option limit.perUser must be a whole number from 1 to ${MAX_PER_USER}, not ${inspect(perUser)}.`,
    );
  }
  if (onExceed !== "evictOldest" && onExceed !== "reject") {
    throw new ConfigError(`Option limit.onExceed must be "evictOldest" or "reject", not ${inspect(onExceed)}.`);
  }
  return { perUser, onExceed, confirmGraceMs: DEFAULTS.unconfirmedUserMs };
}

function bearerOf({ transport }: SessionsOptions): boolean {
  if (transport === undefined) return false;
  if (typeof transport === "object" && transport !== null && transport.header === "authorization") return true;
  throw new ConfigError('Option transport must be { header: "authorization" } or missing.');
}

function serverIdOf({ serverId }: SessionsOptions): string | null {
  if (serverId === undefined) return null;
  if (typeof serverId === "string" && serverId !== "" && Buffer.byteLength(serverId) <= MAX_SERVER_ID_BYTES)
    return serverId;
  throw new ConfigError(`Option serverId must be a string of 1 to ${MAX_SERVER_ID_BYTES} bytes.`);
}

function indexKeyOf(options: SessionsOptions): Buffer | null {
  if (options.indexKey === undefined) return null;
  if (typeof options.indexKey !== "string" || options.indexKey.length < 32) {
    throw new ConfigError("Option indexKey must be a string of at least 32 characters.");
  }
  return Buffer.from(options.indexKey, "utf8");
}

export { type MemoryStoreOptions, memoryStore } from "./stores/memory/memory-store.ts";

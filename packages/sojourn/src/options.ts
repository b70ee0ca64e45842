/** Every default, in one literal. */

export const DEFAULTS = {
  namespace: "sojourn",
  defaultPolicy: "normal",
  /** Idle timeouts are the brief's TTL classes; aal1–aal3 the numbers of NIST SP 800-63B-4 §2.x.3. */
  policies: {
    normal: { idle: "24h", absolute: "7d" },
    rememberMe: { idle: "30d", absolute: "90d", persistent: true },
    sensitive: { idle: "15m", absolute: "12h" },
    temporary: { idle: "5m", absolute: "1h" },
    anonymous: { idle: "1h", absolute: "7d", aal: 0 },
    aal1: { idle: "30d", absolute: "30d", aal: 1 },
    aal2: { idle: "1h", absolute: "24h", aal: 2 },
    aal3: { idle: "15m", absolute: "12h", aal: 3 },
  },
  /** Of sessions that express-session names, unless `policies` has it. 400 days: no browser keeps a cookie longer (RFC 6265bis). */
  namedPolicy: { name: "express-session", idle: "24h", absolute: "400d" },
  /** Names and values of one session's data together, in bytes. */
  maxBytes: 10_240,
  rotationGrace: "30s",
  /** New anonymous sessions of one process: 100 a second for long, 6,000 at once. */
  anonymousCreateRate: "6000/m",
  /** How long an anonymous session waits for its token to come back. */
  unconfirmedAnonymousMs: 600_000,
  /** How long a user's session counts for `limit` before its token came back. */
  unconfirmedUserMs: 60_000,
  /** How long a failed login counts. */
  failedLoginWindowMs: 900_000,
  /** How long a store knows that and why a session ended. */
  endedKept: "1h",
  reaperEvery: "5m",
  /** Events of the namespace that are kept for those who have not read them yet. */
  eventsKept: 200_000,
  claimAfter: "1m",
  readDeadlineMs: 250,
  writeDeadlineMs: 1_000,
  /** Calls of one store that wait for Redis at a time. */
  maxInFlight: 10_000,
  staleFor: "30s",
  /** Replicas that must have what is to be durable. */
  replicas: 1,
  nearCacheLeaseMs: 5_000,
  nearCacheEntries: 50_000,
  nearCacheBytes: 33_554_432,
  /** How long a process refuses what it knows to have ended, whatever the store says. */
  deniedMs: 600_000,
  /** Ids of sessions that it ended itself, and of those that others did: at most so many of each. */
  deniedIds: 50_000,
  maxUserAgentLength: 512,
  maxDeviceBytes: 2_048,
} as const;

export const MIN_EVENTS_KEPT = 1_000;
export const MAX_EVENTS_KEPT = 100_000_000;
export const MIN_ENDED_KEPT = "5m";
export const MAX_ENDED_KEPT = "30d";

export const MIN_IN_FLIGHT = 1_000;

/** Hard upper bound of `maxBytes`: a session is no file store. */
export const MAX_MAX_BYTES = 1_048_576;

/** Hard upper bound of `limit.perUser`: a login at its limit looks at so many sessions in one step. */
export const MAX_PER_USER = 1_000;

export const MAX_SERVER_ID_BYTES = 128;

/** Activities of a session: how many are kept, how long, and how large one may be. */
export const MAX_ACTIVITIES = 100;
export const ACTIVITY_KEPT_MS = 86_400_000;
export const MAX_ACTIVITY_BYTES = 4_096;

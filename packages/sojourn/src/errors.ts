/**
 * Every error that Sojourn throws, and every code.
 *
 * Not found and not valid are answers, never errors. An error means that the
 * caller used the API wrongly, that a stated limit was hit, or that the
 * machinery failed. `code` is stable; messages are for people and may change.
 */

// Over 400 lines: one list, which the reference is made from. A class elsewhere would take its base from here, and be
// exported from here.

/** The closed list of codes; `docs/reference/errors.md` is held equal to it. */
export type ErrorCode =
  | "conflict"
  | "config_invalid"
  | "creation_rate"
  | "cookie_too_large"
  | "cross_site_request"
  | "csrf_invalid"
  | "data_too_large"
  | "encryption_key_missing"
  | "forbidden"
  | "headers_sent"
  | "login_required"
  | "metadata_too_large"
  | "middleware_missing"
  | "invalid_data"
  | "invalid_name"
  | "newer_data"
  | "schema_mismatch"
  | "secrets_missing"
  | "secrets_weak"
  | "session_ended"
  | "session_limit"
  | "session_not_loaded"
  | "step_up_required"
  | "store_closed"
  | "store_unavailable"
  | "too_many_fields"
  | "user_disabled"
  | "too_many_watches"
  | "invalid_value"
  | "wrong_kind";

/** Base class: `instanceof SojournError` covers everything thrown on purpose, except `TypeError` for wrong calls. */
export abstract class SojournError extends Error {
  abstract readonly code: ErrorCode;
  /** The HTTP status that adapters and default error handlers answer with. */
  readonly status: number = 500;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An option is missing, contradictory or out of range, or does not fit what the store holds. */
export class ConfigError extends SojournError {
  readonly code: "config_invalid" | "secrets_missing" | "secrets_weak";

  constructor(message: string, code: ConfigError["code"] = "config_invalid") {
    super(message);
    this.code = code;
  }
}

/**
 * Why the store could not answer.
 * - `timeout`: no answer within the deadline
 * - `connection`: there is none, or it broke
 * - `circuit_open`: it has not answered for a while, so calls fail at once until it does
 * - `overload`: as many calls as may are waiting for it already
 * - `loading` (it is starting), `read_only` (it is a replica), `full` (out of memory), `denied` (password, ACL): it
 *   refused the call; `server`: it refused it, or failed, for another reason
 * - `not_replicated`: it did what was to be durable, and not enough replicas confirmed to have it in time
 * - `late`: the write reached the store after its deadline and was refused there
 * - `unsupported_record`: a newer version of Sojourn wrote the record
 */
export type UnavailableReason =
  | "timeout"
  | "connection"
  | "circuit_open"
  | "overload"
  | "loading"
  | "read_only"
  | "full"
  | "denied"
  | "server"
  | "not_replicated"
  | "late"
  | "unsupported_record";

/**
 * The store did not answer in time or cannot answer. Never means "not logged in".
 *
 * `outcome` says what became of a write: `"not_executed"` (safe to repeat) or
 * `"unknown"` (it may have been executed; repeating an increment may count twice).
 */
export class StoreUnavailableError extends SojournError {
  readonly code = "store_unavailable";
  override readonly status = 503;
  readonly reason: UnavailableReason;
  readonly outcome: "not_executed" | "unknown";
  /** Sent by HTTP error handlers that honour `err.headers` (Express, Koa, Fastify do). */
  readonly headers: Readonly<Record<string, string>> = { "Retry-After": "1" };

  constructor(
    message: string,
    details: { reason: UnavailableReason; outcome: "not_executed" | "unknown"; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = details.reason;
    this.outcome = details.outcome;
  }
}

/** The store or the sessions object was closed; a use after `close()`. */
export class StoreClosedError extends SojournError {
  readonly code = "store_closed";
  override readonly status = 503;

  constructor(what = "store") {
    super(`The ${what} is closed: create a new one instead of using it after close().`);
  }
}

/** The session ended (logout, revocation, expiry) before this operation. Nothing was written. */
export class SessionEndedError extends SojournError {
  readonly code = "session_ended";
  override readonly status = 401;
  /** Why it ended, when the store still knows (for an hour by default), else `"unknown"`. */
  readonly reason: string;
  readonly sessionId: string;

  constructor(sessionId: string, reason = "unknown") {
    super(`Session ${sessionId} has ended (${reason}); nothing was written.`);
    this.sessionId = sessionId;
    this.reason = reason;
  }
}

/** `reload()` of express-session's API found no session in the store. Message and status are express-session's own. */
export class SessionNotLoadedError extends SojournError {
  readonly code = "session_not_loaded";

  constructor() {
    super("failed to load session");
  }
}

/** Another writer of the session was faster each time until the write deadline. Nothing was written by this call. */
export class ConflictError extends SojournError {
  readonly code = "conflict";
  override readonly status = 409;
  readonly attempts: number;

  constructor(sessionId: string, attempts: number) {
    super(
      `A write to session ${sessionId} met a faster one ${attempts} times until its deadline; nothing was written.`,
    );
    this.attempts = attempts;
  }
}

/** The user has as many sessions as `limit` allows, and it is to reject. Nothing was stored, nothing ended. */
export class SessionLimitError extends SojournError {
  readonly code = "session_limit";
  override readonly status = 409;
  /** Sessions of the user that count. */
  readonly count: number;

  constructor(count: number) {
    super("There are as many sessions as are allowed: sign out somewhere else first.");
    this.count = count;
  }
}

/** More anonymous sessions are being begun than `anonymous.createRate` allows this process. Nothing was stored. */
export class CreationRateError extends SojournError {
  readonly code = "creation_rate";
  override readonly status = 429;
  /** In how many milliseconds the next one may be begun. */
  readonly retryAfterMs: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(retryAfterMs: number) {
    super("Too many new sessions are being begun at the moment. Please try again.");
    this.retryAfterMs = Math.ceil(retryAfterMs);
    this.headers = { "Retry-After": String(Math.ceil(retryAfterMs / 1000)) };
  }
}

/** A write would exceed `maxBytes`. The stored value is unchanged. */
export class DataTooLargeError extends SojournError {
  readonly code = "data_too_large";
  override readonly status = 413;
  readonly maxBytes: number;
  /** Bytes of all names and values together, as they would have been. */
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(`Session data would be ${bytes} bytes; maxBytes is ${maxBytes}. Nothing was written.`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** A write would exceed the number of fields a session may have. The stored data is unchanged. */
export class TooManyFieldsError extends SojournError {
  readonly code = "too_many_fields";
  override readonly status = 413;

  constructor(maxFields: number) {
    super(`A session holds at most ${maxFields} fields. Nothing was written.`);
  }
}

/** So many sessions are watched by this process already: `watch()` would not be bounded. */
export class TooManyWatchesError extends SojournError {
  readonly code = "too_many_watches";
  override readonly status = 503;

  constructor(limit: number) {
    super(`${limit} sessions are watched already, the most that one process may.`);
  }
}

/** User id, device and other facts about the session are over their limit; `create` and `login` throw it. */
export class MetadataTooLargeError extends SojournError {
  readonly code = "metadata_too_large";
  override readonly status = 413;

  constructor(what: string, bytes: number, maxBytes: number) {
    super(`${what} is ${bytes} bytes; at most ${maxBytes} are allowed.`);
  }
}

/** A field name that cannot be stored: not a string, empty, over 128 bytes, or `__proto__`. */
export class InvalidNameError extends SojournError {
  readonly code = "invalid_name";
  override readonly status = 400;
}

/** A value that JSON would lose or change. `path` is where, as in `cart.items[2].addedAt`. */
export class InvalidValueError extends SojournError {
  readonly code = "invalid_value";
  override readonly status = 400;
  readonly path: string;

  constructor(path: string, what: string) {
    super(`${path} is ${what}, which JSON would lose; store a string or number in its place.`);
    this.path = path;
  }
}

/**
 * A field is encrypted under a key that `encryption.keys` does not hold. Thrown where that field is read; other fields
 * can be read and written, and the session goes on. Give the key back, behind the current one.
 */
export class EncryptionKeyMissingError extends SojournError {
  readonly code = "encryption_key_missing";
  override readonly status = 503;
  readonly field: string;
  readonly headers: Readonly<Record<string, string>> = { "Retry-After": "1" };

  constructor(sessionId: string, field: string) {
    super(`Field ${JSON.stringify(field)} of session ${sessionId} needs a key that encryption.keys does not hold.`);
    this.field = field;
  }
}

/** A place where data does not fit the option `schema`. */
export interface DataIssue {
  /** As in `cart[2].quantity`; "" for the data as a whole. */
  readonly path: string;
  /** In the words of the schema's library, which may quote the value. */
  readonly message: string;
}

/** The data to be written does not fit the option `schema`. Nothing was written. `issues` says where and why. */
export class InvalidDataError extends SojournError {
  readonly code = "invalid_data";
  override readonly status = 400;
  readonly #issues: readonly DataIssue[];

  constructor(issues: readonly DataIssue[]) {
    super(`Session data does not fit the schema (${pathsOf(issues)}). Nothing was written.`);
    this.#issues = issues;
  }

  /** May quote values, so they stand in no message and are not printed with the error. */
  get issues(): readonly DataIssue[] {
    return this.#issues;
  }
}

/**
 * Stored data does not fit today's `schema` (with `onSchemaMismatch: "throw"`), or `upgrade` failed on it. Thrown where
 * it is read; what is stored is unchanged.
 */
export class SchemaMismatchError extends SojournError {
  readonly code = "schema_mismatch";
  readonly #issues: readonly DataIssue[];

  constructor(sessionId: string, issues: readonly DataIssue[], upgrade?: { readonly cause: unknown }) {
    const what = upgrade === undefined ? `does not fit today's schema (${pathsOf(issues)})` : "could not be upgraded";
    super(`Stored data of session ${sessionId} ${what}.`, upgrade);
    this.#issues = issues;
  }

  get issues(): readonly DataIssue[] {
    return this.#issues;
  }
}

/**
 * Data that a newer deploy upgraded (a greater `version`) was to be written here, or to be read where it does not fit
 * this deploy's schema. Nothing was changed; a server of the newer deploy can do it.
 */
export class NewerDataError extends SojournError {
  readonly code = "newer_data";
  override readonly status = 503;
  readonly headers: Readonly<Record<string, string>> = { "Retry-After": "1" };

  constructor(sessionId: string, stored: number, known: number) {
    super(`Session ${sessionId} holds data of version ${stored}; this process knows version ${known}.`);
  }
}

const pathsOf = (issues: readonly DataIssue[]) => issues.map(({ path }) => path || "as a whole").join(", ");

/** `increment` met a value that is encrypted or no safe integer, or the result would not be one. The stored value is unchanged. */
export class WrongKindError extends SojournError {
  readonly code = "wrong_kind";
  override readonly status = 409;

  constructor(field: string) {
    super(
      `Field ${JSON.stringify(field)} cannot be incremented: it is encrypted or not a safe integer, or the result would not be one.`,
    );
  }
}

/** An operation needs to set a cookie, but the response headers have been sent. Nothing was written. */
export class HeadersSentError extends SojournError {
  readonly code = "headers_sent";

  constructor(operation: string) {
    super(
      `${operation} needs to set the session cookie, but the response headers have been sent; call it before the response starts.`,
    );
  }
}

/** Name and value of the cookie exceed the 4,096 bytes that browsers store. */
export class CookieTooLargeError extends SojournError {
  readonly code = "cookie_too_large";

  constructor(bytes: number) {
    super(`The cookie's name and value are ${bytes} bytes; browsers store at most 4096 (RFC 6265bis 5.6).`);
  }
}

/** A guard, pattern or hook found no session on the request: the adapter's middleware or plugin did not run before it. */
export class MiddlewareMissingError extends SojournError {
  readonly code = "middleware_missing";

  constructor(what: string) {
    super(`${what} found no session on the request: register sojourn(sessions) before it.`);
  }
}

/** A guard met a request without a user. Guards answer it as 401, or pass it on. */
export class LoginRequiredError extends SojournError {
  readonly code = "login_required";
  override readonly status = 401;

  constructor() {
    super("Sign in to see this.");
  }
}

/** An unsafe request that did not come from this site (CSRF). Answered as 403, or passed on. */
export class CrossSiteRequestError extends SojournError {
  readonly code = "cross_site_request";
  override readonly status = 403;
  /** What the check met: `cross_site`, `same_site`, `origin_mismatch` or `origin_missing`. */
  readonly why: string;
  readonly headers: Readonly<Record<string, string>> = { Vary: "Sec-Fetch-Site, Origin" };

  constructor(why: string) {
    super(`This request was refused because it does not come from this site (${why}).`);
    this.why = why;
  }
}

/** An unsafe request without a CSRF token of its session (guard `csrf`). Answered as 403, or passed on. */
export class CsrfInvalidError extends SojournError {
  readonly code = "csrf_invalid";
  override readonly status = 403;

  constructor() {
    super("This request brought no CSRF token of its session: reload the page and try again.");
  }
}

/** The user must prove again who they are: too long ago, at too low a level, or the session is locked. Answered as 403, or passed on. */
export class StepUpRequiredError extends SojournError {
  readonly code = "step_up_required";
  override readonly status = 403;

  constructor() {
    super("Confirm that it is you to go on.");
  }
}

/** The user has not the role or permission that a guard asks for. Answered as 403, or passed on. */
export class ForbiddenError extends SojournError {
  readonly code = "forbidden";
  override readonly status = 403;

  constructor() {
    super("You are not allowed to do this.");
  }
}

/** The user was disabled (`disableUser`): no session of theirs begins. Nothing was stored. */
export class UserDisabledError extends SojournError {
  readonly code = "user_disabled";
  override readonly status = 403;

  constructor() {
    super("This user is disabled.");
  }
}

/**
 * The sessions of one application: when they begin, go on and end.
 * Made by `createSessions`; all I/O waits for the first call.
 */

import type { ActivityLog } from "../analytics/activity.ts";
import type { SessionStats } from "../analytics/stats.ts";
import type { SessionMetrics } from "../metrics/session-metrics.ts";
import type { DataObject } from "../data/draft.ts";
import type { SessionRecord } from "../data/session-record.ts";
import type { Finding } from "../store/diagnosis.ts";
import type { ClientSignals } from "../security/signals.ts";
import type { VerifiedToken } from "../security/token.ts";
import { isSessionId } from "../data/session-id.ts";
import { beginAs, beginSession } from "./beginning.ts";
import { endPredecessor, keptData } from "./carry-over.ts";
import type { Core } from "./core.ts";
import { setDisabled } from "./disabling.ts";
import { erase, type Erasure } from "./erasure.ts";
import { FieldWriter } from "./field-writer.ts";
import { checkCreateInput, checkedUserId, type CreateInput } from "./new-session.ts";
import { elevate, type Elevation } from "./elevation.ts";
import { checkIndexes, type CheckOptions, type CheckReport } from "./index-check.ts";
import {
  type CreateResult,
  type LoginInput,
  type ReauthenticateInput,
  type ValidateOptions,
  type Validation,
} from "./operations.ts";
import { SessionEvents } from "./events.ts";
import type { Reaper } from "./reaper.ts";
import { Renewal } from "./renewal.ts";
import {
  checkedException,
  cutOffOf,
  type Durability,
  durablyOf,
  endingOf,
  type RevokeBeforeOptions,
  type RevokeOptions,
  type RevokeUserOptions,
} from "./revocation.ts";
import { rotate } from "./rotating.ts";
import { Session } from "./session.ts";
import { SessionCsrf } from "./session-csrf.ts";
import { SessionDataById } from "./session-data.ts";
import { SessionSecurity } from "./session-security.ts";
import { type Good, TokenCheck } from "./token-check.ts";
import { type FindInput, findSessions, type Found, sessionsOfUser } from "./find.ts";
import { drain, type DrainOptions, type DrainResult, migrate } from "./migration.ts";
import { type GoodValidation, Validating } from "./validating.ts";
import { type EndListener, Watching } from "./watching.ts";
import { patchUser } from "./user-patch.ts";

/** What `createSessions` puts together from rooms that build on this one. @internal */
export interface SessionsParts {
  readonly stats: () => Promise<SessionStats>;
  readonly activity: ActivityLog;
  readonly metrics: SessionMetrics;
  readonly reaper: Reaper;
}

export class Sessions<D extends object = DataObject> {
  /** Ends sessions whose time is over. Runs by itself unless the options say otherwise. */
  readonly reaper: Reaper;
  /** What happened to sessions: at once in this process with `on`, reliably for consumers with `consume`. */
  readonly events: SessionEvents;
  readonly #core: Core;
  readonly #parts: SessionsParts;
  readonly #writer: FieldWriter;
  readonly #renewal: Renewal;
  readonly #check: TokenCheck;
  readonly #validating: Validating<D>;
  readonly #watching: Watching;
  #closing: Promise<void> | null = null;
  /** CSRF tokens, for forms and scripts where the origin check of the adapters does not do. */
  readonly csrf: SessionCsrf<D>;
  /** What is noted about the safety of sessions: `session.security` shows it. */
  readonly security: SessionSecurity<CreateResult<D>>;
  /** What happened in a session: the last 100 activities, for 24 hours. */
  readonly activity: ActivityLog;
  /** Samples of the application's own, and the course of the last day. */
  readonly metrics: SessionMetrics;

  /** @internal */
  constructor(core: Core, parts: SessionsParts) {
    this.#core = core;
    this.#parts = parts;
    this.reaper = parts.reaper;
    this.events = new SessionEvents(core);
    this.#writer = new FieldWriter(core);
    this.#renewal = new Renewal(core);
    this.#check = new TokenCheck(core, this.#renewal);
    this.#validating = new Validating<D>(core, this.#check, (id, record) => this.#session(id, record));
    this.#watching = new Watching(core);
    this.csrf = new SessionCsrf<D>(core);
    this.security = new SessionSecurity<CreateResult<D>>(core, {
      check: (token) => this.#check.check(token, { evenLocked: true }),
      revokeOthers: (userId, except) =>
        this.revokeUser(userId, { reason: "password_changed", ...(except === null ? {} : { except }) }),
      elevated: (checked, elevation) => this.#elevated(checked, elevation),
    });
    this.activity = parts.activity;
    this.metrics = parts.metrics;
  }

  /** Opens the store. Optional: the first call does it too. @throws StoreUnavailableError */
  async ready(): Promise<void> {
    await this.#core.placement();
  }

  /**
   * Begins a session. One without a user ends after 10 minutes unless its token comes back to `validate`; from then on
   * the policy's idle timeout holds. With the option `limit`, the one of the user that was seen least recently ends for
   * one that is too many (its tombstone says "evicted"), or the new one is refused.
   * @throws TypeError, ConfigError (no such policy), MetadataTooLargeError, what `session.set` throws, StoreUnavailableError;
   * CreationRateError for one without a user beyond `anonymous.createRate`, SessionLimitError where `limit` is to reject
   */
  async create(input: CreateInput<D> = {}): Promise<CreateResult<D>> {
    checkCreateInput("create", input);
    const { token, id, record } = await beginSession(this.#core, input, null);
    return this.#issued(token, id, record);
  }

  /** A session without a user, under an id that `newAnonymousId` answered before. @internal */
  async createAs(id: string, input: CreateInput<D>): Promise<CreateResult<D>> {
    const begun = await beginAs(this.#core, id, input);
    return this.#issued(begun.token, begun.id, begun.record);
  }

  /**
   * Whether a token is good now: one read, no error for a bad token.
   * @throws StoreUnavailableError when that cannot be known; with `onUnavailable: "stale"` when nothing is known of it either
   */
  validate(token: unknown, options: ValidateOptions = {}): Promise<Validation<D>> {
    const isStaleEnough = (options.onUnavailable ?? this.#core.unavailable.mode) === "stale";
    return isStaleEnough ? this.#validating.orStale(token, options) : this.#validating.validate(token, options);
  }

  /** @internal */
  validateNear(token: unknown, options: ValidateOptions): GoodValidation<D> | null {
    return this.#validating.near(token, options);
  }

  /** @internal */
  validateStale(token: unknown, options: ValidateOptions): GoodValidation<D> | null {
    return this.#validating.stale(token, options);
  }

  /**
   * Begins a session of a user. Always a new id and a new token (session fixation, ASVS 7.2.4): whatever
   * genuine token came in is ended, and does not count for a `limit`. `keep` carries fields over from it if it was
   * anonymous and still good. A login that throws has ended nothing.
   * @throws what `create` throws; SessionEndedError if the new session was ended before a late write was carried over
   */
  async login(token: unknown, input: LoginInput<D>): Promise<CreateResult<D>> {
    checkCreateInput("login", input);
    const { keep = [], ...rest } = input;
    checkedUserId("login", rest.userId);
    if (!Array.isArray(keep)) throw new TypeError("login: keep must be an array of field names.");
    const previous = this.#core.tokens.verify(token);
    if (previous === null) return this.create(rest);
    const record = keep.length === 0 ? null : await this.#anonymousRecord(previous);
    const kept = keptData(this.#core, { id: previous.id, record, keep });
    const first = { ...rest, data: { ...kept, ...rest.data } } as CreateInput<D>;
    // What an anonymous session was written meanwhile comes only with a second step, which ends it.
    const begun = await beginSession(this.#core, first, record === null ? previous.id : null);
    const created = this.#issued(begun.token, begun.id, begun.record);
    if (begun.replaced) return created;
    // What the login itself sets is not for the anonymous session to decide.
    const carried = keep.filter((name) => !Object.hasOwn(rest.data ?? {}, name));
    await endPredecessor(this.#core, { id: previous.id, record, keep: carried }, created.session);
    return created;
  }

  async #anonymousRecord(verified: VerifiedToken): Promise<SessionRecord | null> {
    const record = await this.#check.peek(verified);
    return record !== null && record.userId === null ? record : null;
  }

  /** Ends the session of any genuine token, whatever its state. False only for a malformed one. @throws StoreUnavailableError */
  async logout(token: unknown, options: Durability = {}): Promise<boolean> {
    const verified = this.#core.tokens.verify(token);
    if (verified === null) return false;
    await this.#core.revoke(verified.id, "logout", null, durablyOf("logout", options));
    return true;
  }

  /**
   * A new token for the same session (renewal). The old one stays good until the new one is presented, so that a lost
   * response logs nobody out; everyone who asks meanwhile gets the same one. A client that differs from the one that
   * the session is bound to keeps the token it has. Null when the token is not good.
   * @throws StoreUnavailableError
   */
  async rotate(token: unknown, signals: ClientSignals = {}): Promise<CreateResult<D> | null> {
    const rotated = await rotate(token, signals, this.#check, this.#renewal);
    return rotated === null ? null : this.#issued(rotated.token, rotated.verified.id, rotated.record);
  }

  /**
   * The user proved again who they are (step-up): the assurance level rises, both timeouts begin anew, and a new
   * token supersedes the old one at once, and a locked session is good again. Another user gets a session of their own
   * instead, with nothing carried over. Null when the token is not good, or is one that was already renewed.
   * @throws TypeError, ConflictError, StoreUnavailableError
   */
  async reauthenticate(token: unknown, input: ReauthenticateInput): Promise<CreateResult<D> | null> {
    checkCreateInput("reauthenticate", input);
    checkedUserId("reauthenticate", input.userId);
    const checked = await this.#check.check(token, { evenLocked: true });
    if (!checked.valid || checked.standing === "previous") return null;
    if (checked.presented.record.userId !== input.userId) return this.login(token, input);
    return this.#elevated(checked, input);
  }

  async #elevated({ presented, standing }: Good, elevation: Elevation): Promise<CreateResult<D> | null> {
    const { verified, record: read } = presented;
    const record = standing === "successor" ? await this.#renewal.confirm(verified, false) : read;
    const elevated = record === null ? null : await elevate(this.#core, verified.id, record, elevation);
    return elevated === null ? null : this.#issued(elevated.token, verified.id, elevated.record);
  }

  /** The live session of an id, or null. For administration: an id proves nothing. */
  async get(id: string): Promise<Session<D> | null> {
    if (!isSessionId(id)) return null;
    const record = await this.#core.liveRecord(id);
    return record === null ? null : this.#session(id, record);
  }

  /** The user's live sessions, the one seen last first. */
  async list(userId: string): Promise<Session<D>[]> {
    const found = await sessionsOfUser(this.#core, "list", userId);
    return found.map(({ id, record }) => this.#session(id, record));
  }

  /**
   * Live sessions that fit every filter, in no order. Only `userId` has an index: other filters look at sessions one
   * by one, 5,000 a call at most. Go on with `cursor` until `done`. @throws TypeError, StoreUnavailableError
   */
  async find(input: FindInput = {}): Promise<Found<Session<D>>> {
    const { items, ...rest } = await findSessions(this.#core, input);
    return { items: items.map(({ id, record }) => this.#session(id, record)), ...rest };
  }

  /** Live sessions of the namespace. */
  count(): Promise<number> {
    return this.#core.store.count();
  }

  /** How many sessions and users there are, how many began and ended, why, and how long they lasted. @throws StoreUnavailableError */
  stats(): Promise<SessionStats> {
    return this.#parts.stats();
  }

  /** Compares the indexes (counts, lists) with the records, and repairs them if asked to. @throws StoreUnavailableError */
  check(options: CheckOptions = {}): Promise<CheckReport> {
    return checkIndexes(this.#core.store, options);
  }

  /**
   * What is found of the store's server and of how it is set, each with what to do about it: eviction, persistence,
   * replicas, latency, clocks and more. Nothing is changed, and a server that does not answer is a finding.
   *
   * ```ts
   * const problems = (await sessions.diagnose()).filter(({ level }) => level === "problem");
   * ```
   */
  diagnose(): Promise<Finding[]> {
    return this.#core.store.diagnose();
  }

  /** The data of a session by id. */
  data(id: string): SessionDataById<D> {
    return new SessionDataById<D>(id, this.#writer);
  }

  /** Ends one session. True if it is ended now, also when it was before; false for an id nobody knows. */
  async revoke(id: string, options: RevokeOptions = {}): Promise<boolean> {
    if (!isSessionId(id)) return false;
    const { reason, actor } = endingOf("revoke", options);
    return this.#core.revoke(id, reason, actor, durablyOf("revoke", options));
  }

  /** Ends all sessions of a user, or all but one, that began before this call. Logins that begin later stay. */
  async revokeUser(userId: string, options: RevokeUserOptions = {}): Promise<{ ended: number }> {
    const call = durablyOf("revokeUser", options);
    const placement = await this.#core.placement();
    const input = {
      userKey: placement.userKey(checkedUserId("revokeUser", userId)),
      except: checkedException(options.except),
      ...endingOf("revokeUser", options),
      epochKeptMs: this.#core.policies.longestAbsoluteMs,
    };
    return this.#core.store.revokeUser(input, call);
  }

  /**
   * Gives a session to another server: `serverId` and `migratedAt` change, nothing else. False when it is gone.
   * @throws TypeError, ConflictError, StoreUnavailableError
   */
  migrate(id: string, toServerId: string): Promise<boolean> {
    return migrate(this.#core, id, toServerId);
  }

  /**
   * Gives all sessions of a server that is to stop to another one; first let no more begin on it. A job that failed or
   * was stopped goes on with the last `cursor`. @throws TypeError, ConflictError, StoreUnavailableError
   */
  drain(fromServerId: string, toServerId: string, options: DrainOptions = {}): Promise<DrainResult> {
    return drain(this.#core, fromServerId, toServerId, options);
  }

  /**
   * Ends all sessions of a user and lets none begin until `enableUser`: `create` and `login` throw UserDisabledError.
   * @throws StoreUnavailableError: call it again
   */
  async disableUser(userId: string, options: RevokeOptions = {}): Promise<{ ended: number }> {
    await setDisabled(this.#core, userId, true);
    return this.revokeUser(userId, { reason: "disabled", ...options });
  }

  /** The user may log in again. No matter if they were not disabled. */
  enableUser(userId: string): Promise<void> {
    return setDisabled(this.#core, userId, false);
  }

  /**
   * Ends all sessions of a user and forgets the user: records, lists, activities. The answer says what is left until
   * when. A login that begins meanwhile stays, and so does `disableUser`. Copies outside the store (backups, replicas,
   * Redis's append-only file until its next rewrite) are yours to see to.
   * @throws TypeError, StoreUnavailableError: call it again
   */
  erase(userId: string, options: RevokeOptions = {}): Promise<Erasure> {
    return erase(this.#core, userId, options);
  }

  /**
   * Changes fields of every live session of a user, as when a role is taken away; undefined removes one. All that
   * exist when it answers have the change. A login that read the role before and is stored later has it still: change
   * your own record of the user first. @throws what `session.set` throws, once every session was tried
   */
  patchUser(userId: string, patch: { readonly [K in keyof D]?: D[K] | undefined }): Promise<{ patched: number }> {
    return patchUser(this.#core, this.#writer, userId, patch);
  }

  /**
   * Ends every session, or every one of a policy, that began before a time: after a restored backup, a leaked secret.
   * It takes as long as ending them one by one; on Redis no request is accepted any more a second after it began, and
   * it answers after that second at the earliest. A session that begins after the answer stays. What fails half-way
   * goes on when called again.
   * @throws TypeError, ConfigError (no such policy), StoreUnavailableError
   */
  async revokeBefore(options: RevokeBeforeOptions): Promise<{ ended: number }> {
    const call = durablyOf("revokeBefore", options);
    return this.#core.store.revokeBefore(cutOffOf(options, this.#core.policies), call);
  }

  /**
   * Calls the function once when the session ends or is locked, whatever does it and wherever: at once when this process
   * does, within a second when another one does or its time is over. Answers how to stop; `close()` stops all. Keeps no process alive.
   *
   * ```ts
   * const stop = sessions.watch(session.id, ({ reason }) => stream.end(`event: ended\ndata: ${reason}\n\n`));
   * ```
   * @throws TypeError, TooManyWatchesError, StoreClosedError
   */
  watch(id: string, onEnd: EndListener): () => void {
    return this.#watching.watch(id, onEnd);
  }

  /** Stops what runs by itself, waits for the writes under way and closes the store. Idempotent. */
  close(): Promise<void> {
    this.reaper.stop();
    this.#watching.close();
    this.events.stop();
    const { store } = this.#core;
    this.#closing ??= store
      .settled()
      .then(() => this.metrics.stop())
      .then(() => store.close());
    return this.#closing;
  }

  #issued(token: string, id: string, record: SessionRecord): CreateResult<D> {
    const session = this.#session(id, record);
    return { token, session, csrfToken: this.csrf.token(session) };
  }

  #session(id: string, record: SessionRecord): Session<D> {
    return new Session<D>(id, record, this.#core, this.#writer);
  }
}

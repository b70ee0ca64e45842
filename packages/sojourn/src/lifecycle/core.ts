/** What the parts of one `createSessions` share. */

import type { Clock } from "../clock.ts";
import { CorruptRecordError, SessionRecord, UnsupportedRecordError } from "../data/session-record.ts";
import type { DataObject } from "../data/draft.ts";
import type { Metadata } from "../data/metadata.ts";
import type { FieldCipher } from "../data/encryption.ts";
import type { DataView, FieldRules } from "../data/field-rules.ts";
import { UnfitDataError } from "../data/schema.ts";
import { SessionEndedError, StoreClosedError, StoreUnavailableError } from "../errors.ts";
import type { Binding, Fingerprints } from "../security/binding.ts";
import { CsrfTokens } from "../security/csrf.ts";
import type { KeyRing } from "../security/keyring.ts";
import type { RateLimit } from "../security/rate-limit.ts";
import type { TokenSigner } from "../security/token.ts";
import { Placement } from "../store/placement.ts";
import { isRecord, type SessionLimit, type Store, type WriteCall } from "../store/store.ts";
import type { Notices } from "./notices.ts";
import type { Observer } from "./observer.ts";
import type { UnavailableRules } from "./on-unavailable.ts";
import type { Policies } from "./policy.ts";
import { TrackedStore } from "./tracked-store.ts";

export interface RotationSettings {
  /** How long the token before the current one is honoured. */
  readonly graceMs: number;
  /** How old a token gets before it is renewed by itself; null for never. */
  readonly everyMs: number | null;
}

export interface CoreSettings {
  readonly store: Store;
  readonly tokens: TokenSigner;
  readonly ring: KeyRing;
  readonly rotation: RotationSettings;
  readonly fingerprints: Fingerprints;
  /** Null: sessions are not bound to clients. */
  readonly binding: Binding | null;
  readonly policies: Policies;
  /** How often this process may begin an anonymous session; null for no limit. */
  readonly anonymousRate: RateLimit | null;
  /** How many sessions a user may have; null for no limit. */
  readonly limit: SessionLimit | null;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly observer: Observer;
  readonly maxBytes: number;
  readonly fields: FieldRules;
  /** Seals the names that other libraries have for sessions. */
  readonly names: FieldCipher;
  readonly serverId: string | null;
  readonly development: boolean;
  /** Replaces the store's salt. */
  readonly indexKey: Buffer | null;
  readonly unavailable: UnavailableRules;
}

export class Core {
  readonly store: TrackedStore;
  readonly tokens: TokenSigner;
  readonly ring: KeyRing;
  readonly csrf: CsrfTokens;
  readonly fingerprints: Fingerprints;
  readonly rotation: RotationSettings;
  readonly binding: Binding | null;
  readonly policies: Policies;
  readonly anonymousRate: RateLimit | null;
  readonly limit: SessionLimit | null;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly observer: Observer;
  readonly maxBytes: number;
  readonly fields: FieldRules;
  readonly names: FieldCipher;
  readonly serverId: string | null;
  readonly development: boolean;
  readonly unavailable: UnavailableRules;
  readonly #indexKey: Buffer | null;
  /** Sessions that are being ended as expired: once a process is enough. */
  readonly #expiring = new Set<string>();
  #salt: Buffer | null = null;
  #placement: Placement | null = null;

  constructor(settings: CoreSettings) {
    this.store = new TrackedStore(settings.store, settings.observer, settings.clock);
    this.tokens = settings.tokens;
    this.ring = settings.ring;
    this.csrf = new CsrfTokens(settings.ring, settings.store.namespace);
    this.rotation = settings.rotation;
    this.fingerprints = settings.fingerprints;
    this.binding = settings.binding;
    this.policies = settings.policies;
    this.anonymousRate = settings.anonymousRate;
    this.limit = settings.limit;
    this.clock = settings.clock;
    this.notices = settings.notices;
    this.observer = settings.observer;
    this.maxBytes = settings.maxBytes;
    this.fields = settings.fields;
    this.names = settings.names;
    this.serverId = settings.serverId;
    this.development = settings.development;
    this.unavailable = settings.unavailable;
    this.#indexKey = settings.indexKey;
  }

  /** Asked anew each time: a store that lost its salt answers another one. @throws StoreUnavailableError */
  async placement(): Promise<Placement> {
    const { salt } = await this.store.ready();
    if (this.#placement === null || salt !== this.#salt) {
      this.#salt = salt;
      this.#placement = new Placement(this.#indexKey ?? salt);
    }
    return this.#placement;
  }

  /** Lets work go on behind the caller's back; a failure is said to the operator. */
  background(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (error instanceof StoreClosedError) return;
      this.notices.warn(what, `${what} failed: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  /** Calls a function of the application's; that it fails, at once or later, is said to the operator and harms nobody. */
  tell<T>(what: string, listener: (told: T) => unknown, told: T): void {
    const failed = (error: unknown): void =>
      this.notices.warn(what, `${what} failed: ${error instanceof Error ? error.message : String(error)}`);
    try {
      const answered = listener(told);
      if (answered instanceof Promise) answered.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * The record, or null when its bytes are no record: such a session is ended, so that
   * it costs one failure and not one per request.
   * @throws StoreUnavailableError for a record of a newer version, which stays untouched.
   */
  parse(id: string, bytes: Buffer): SessionRecord | null {
    try {
      return new SessionRecord(bytes);
    } catch (error) {
      if (error instanceof UnsupportedRecordError) {
        throw new StoreUnavailableError(`Session ${id}: ${error.message}.`, {
          reason: "unsupported_record",
          outcome: "not_executed",
          cause: error,
        });
      }
      this.#endUnusable(id, error);
      return null;
    }
  }

  /** The newest record of a live session, or null. @throws StoreUnavailableError */
  async liveRecord(id: string): Promise<SessionRecord | null> {
    const outcome = await this.store.read(id);
    const record = isRecord(outcome) ? this.parse(id, outcome) : null;
    return record !== null && this.store.now(id) < record.expiresAt ? record : null;
  }

  /** What is known besides data; nothing when it cannot be decoded, and then the session is ended. */
  metadataOf(id: string, record: SessionRecord): Metadata {
    return this.#decoded(id, () => record.metadata()) ?? { policy: "unknown" };
  }

  /** The data of a record; none when it cannot be decoded, and then the session is ended. */
  dataOf(id: string, record: SessionRecord): Readonly<DataObject> {
    return this.#decoded(id, () => this.fields.data(id, record)) ?? {};
  }

  /** The same for writing. @throws SessionEndedError when it cannot be used, and then the session is ended */
  viewOf(id: string, record: SessionRecord): DataView {
    try {
      return this.fields.view(id, record);
    } catch (error) {
      throw new SessionEndedError(id, this.#endUnusable(id, error));
    }
  }

  #decoded<T>(id: string, decode: () => T): T | null {
    try {
      return decode();
    } catch (error) {
      this.#endUnusable(id, error);
      return null;
    }
  }

  /** Ends a session that somebody met after its expiry, behind that caller's back. */
  endExpired(id: string): void {
    if (this.#expiring.has(id)) return;
    this.#expiring.add(id);
    this.background(
      "ending an expired session",
      this.store.expire(id).finally(() => this.#expiring.delete(id)),
    );
  }

  /** Ends a session whose record nobody can use, and answers the reason. @throws any other error */
  #endUnusable(id: string, error: unknown): string {
    const isUnfit = error instanceof UnfitDataError;
    if (!isUnfit && !(error instanceof CorruptRecordError)) throw error;
    const [reason, what] = isUnfit ? ["schema_mismatch", "unfit data"] : ["corrupt", "a corrupt record"];
    this.notices.warn(reason, `session ${id} has ${what} (${error.message}) and was ended`);
    this.background(`ending a session with ${what}`, this.revoke(id, reason, null));
    return reason;
  }

  async revoke(id: string, reason: string, actor: string | null, call?: WriteCall): Promise<boolean> {
    return (await this.store.revoke({ id, reason, actor }, call)).ended;
  }
}

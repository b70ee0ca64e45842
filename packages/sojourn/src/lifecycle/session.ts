/** A session as the application holds it: a snapshot of facts and data, and the means to change them. */

import { inspect } from "node:util";
import { checkName, deepFreeze } from "../data/codec.ts";
import { type DataObject, dataFrom, type FieldValue, textsAfter, valueFrom } from "../data/draft.ts";
import type { FieldChange } from "../data/field-patch.ts";
import type { DataView, FieldEdit } from "../data/field-rules.ts";
import { type Device, type Metadata, NO_SECURITY_FACTS, type SecurityFacts } from "../data/metadata.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { SessionEndedError } from "../errors.ts";
import { isRecord } from "../store/store.ts";
import type { Core } from "./core.ts";
import { type FieldWriter, Outbox } from "./field-writer.ts";
import { endingOf } from "./revocation.ts";
import type { Confirmation } from "./touching.ts";

const NO_DEVICE: Device = Object.freeze({});

/** Names of `D` that `increment` may count. */
export type Counter<D> = {
  [K in keyof D & string]: Exclude<D[K], undefined> extends number ? K : unknown extends D[K] ? K : never;
}[keyof D & string];

/** Data that `update()` may change: every field optional, none readonly. */
export type Draft<D> = { -readonly [K in keyof D]?: D[K] };

/**
 * Times are milliseconds since the epoch, on the store's clock. Facts and `data` are
 * as of when this object was made, or of its own last write; `get` asks the store.
 */
export class Session<D extends object = DataObject> {
  /** Only for the type checker, never there: typed data fits where untyped is taken, not the other way round. */
  declare readonly "~data"?: Readonly<D>;
  /** The public id: stable, fit for lists and logs, never a credential. */
  readonly id: string;
  readonly #core: Core;
  readonly #writer: FieldWriter;
  /** Most sessions are only read. */
  #outbox: Outbox | null = null;
  #record: SessionRecord;
  #metadata: Metadata | null = null;
  /** What `data` shows, made when it is asked for. */
  #data: Readonly<DataObject> | null = null;
  /** The data for writing, or once more is known than the record says. */
  #view: DataView | null = null;
  /** What a write or a touch of its own made of the record's. */
  #ownRevision: number | null = null;
  #ownLastSeenAt: number | null = null;
  #ownIdleMs: number | null = null;
  /** A write of somebody else came between: `data` is not the whole truth, and `update` reads first. */
  #stale = false;

  /** @internal */
  constructor(id: string, record: SessionRecord, core: Core, writer: FieldWriter) {
    this.id = id;
    this.#record = record;
    this.#core = core;
    this.#writer = writer;
  }

  /** The application's user id; null for an anonymous session. */
  get userId(): string | null {
    return this.#record.userId;
  }
  get policy(): string {
    return this.#facts.policy;
  }
  get createdAt(): number {
    return this.#record.createdAt;
  }
  /** Of the last stored activity: up to one touch interval behind. */
  get lastSeenAt(): number {
    return this.#ownLastSeenAt ?? this.#record.lastSeenAt;
  }
  /** How long the session may go unused, in milliseconds. */
  get idleMs(): number {
    return this.#ownIdleMs ?? this.#record.idleMs;
  }
  /** The earlier of idle and absolute deadline. */
  get expiresAt(): number {
    return Math.min(this.lastSeenAt + this.idleMs, this.#record.absoluteExpiresAt);
  }
  get absoluteExpiresAt(): number {
    return this.#record.absoluteExpiresAt;
  }
  /** When the user last proved who they are; for an anonymous session when it began. */
  get authenticatedAt(): number {
    return this.#record.authenticatedAt;
  }
  /** Assurance level 0–3 (NIST SP 800-63B-4). */
  get aal(): number {
    return this.#record.aal;
  }
  /** How the user authenticated, RFC 8176: `["pwd", "otp"]`. */
  get amr(): readonly string[] {
    return this.#facts.amr ?? [];
  }
  get loginMethod(): string | null {
    return this.#facts.loginMethod ?? null;
  }
  get device(): Device {
    return this.#facts.device ?? NO_DEVICE;
  }
  /** The server that owns the session, if `serverId` is set. */
  get serverId(): string | null {
    return this.#facts.serverId ?? null;
  }
  get migratedAt(): number | null {
    return this.#facts.migratedAt ?? null;
  }
  get security(): SecurityFacts {
    return this.#facts.security ?? NO_SECURITY_FACTS;
  }
  /** Another client presented its token (`binding`), or it was not used for long (`lockAfter`): good again after `reauthenticate`. */
  get locked(): boolean {
    return this.#record.locked;
  }
  /** Generation of the last elevation: what a CSRF token is bound to besides the id. @internal */
  get floor(): number {
    return this.#record.floor;
  }
  /** Counts changes of data. */
  get revision(): number {
    return this.#ownRevision ?? this.#record.revision;
  }
  /**
   * Frozen (all the way down in development); replaced after an own write. To change a value, write it. Reading a field
   * that cannot be read here throws EncryptionKeyMissingError, NewerDataError or SchemaMismatchError; the others answer.
   */
  get data(): Readonly<Partial<D>> {
    this.#data ??= this.#freeze(
      this.#view === null ? this.#core.dataOf(this.id, this.#record) : dataFrom(this.#view.texts),
    );
    return this.#data as Readonly<Partial<D>>;
  }

  /** The value in the store now, a fresh copy; undefined when the field is not there. @throws SessionEndedError, and what reading `data` throws */
  async get<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    checkName(name);
    const view = await this.#writer.read(this.id);
    if (view === null) throw await this.#ended();
    this.#adopt(view);
    return valueFrom(view.texts, name) as D[K] | undefined;
  }

  /**
   * Stores one field. Writes of one tick share a call.
   * @throws SessionEndedError, InvalidValueError (what JSON would lose), InvalidDataError (what the schema refuses),
   * DataTooLargeError, TooManyFieldsError, NewerDataError
   */
  async set<K extends keyof D & string>(name: K, value: FieldValue<D, K>): Promise<void> {
    await this.#write({ kind: "set", name, value });
  }

  /** Removes one field; one that is not there is no error. @throws SessionEndedError */
  async delete(name: keyof D & string): Promise<void> {
    await this.#write({ kind: "delete", name });
  }

  /** Adds to an integer that is not encrypted (absent counts as 0) and answers the sum. @throws SessionEndedError, WrongKindError */
  async increment(name: Counter<D>, by = 1): Promise<number> {
    return this.#write({ kind: "increment", name, by });
  }

  /**
   * Changes data atomically: the function gets a draft to change, and runs again when another writer was
   * faster, so it must not be async and have no other effects. What it answers is ignored. Answers the new data.
   * @throws SessionEndedError, ConflictError (at the write deadline), TypeError for an async function, and what `set` throws
   */
  async update(change: (draft: Draft<D>) => void): Promise<Readonly<Partial<D>>> {
    // It must read first when somebody else has written meanwhile.
    const known = (): DataView | null => (this.#stale ? null : this.#currentView());
    const view = await this.#writer.update(this.id, known, change as (draft: DataObject) => unknown);
    if (view === null) throw await this.#ended();
    this.#adopt(view);
    return this.data;
  }

  /** Stores activity now: moves the idle deadline. @throws SessionEndedError */
  touch(): Promise<void> {
    return this.touchNoting({ confirm: false });
  }

  /** @internal */
  async touchNoting(confirmation: Confirmation): Promise<void> {
    const outcome = await this.#core.store.touch({ id: this.id, minIntervalMs: 0, ...confirmation });
    if (outcome.status === "gone") throw new SessionEndedError(this.id, outcome.tombstone?.reason);
    this.#ownLastSeenAt = outcome.lastSeenAt;
    this.#ownIdleMs = Math.max(this.idleMs, confirmation.confirmedIdleMs ?? 0);
  }

  /** Ends this session. True if it is ended now, false if it was over and forgotten already. */
  async revoke(reason = "revoked"): Promise<boolean> {
    return this.#core.revoke(this.id, endingOf("revoke", { reason }).reason, null);
  }

  async #write(edit: FieldEdit): Promise<number> {
    this.#outbox ??= new Outbox();
    const written = await this.#writer.write(this.#outbox, this.id, edit);
    if (written === null) throw await this.#ended();
    if (written.view !== null) this.#adopt(written.view);
    else this.#note(written.change, written.patched);
    return written.sum;
  }

  /** A change that was stored without knowing the rest of the data. */
  #note(change: FieldChange, { previousRevision, revision }: { previousRevision: number; revision: number }): void {
    // A later snapshot has this write in it, and perhaps what came after it.
    if (revision >= this.revision) {
      this.#view = { texts: textsAfter(this.#currentView().texts, [change]), revision, upgrade: [], refusal: null };
      this.#data = null;
    }
    // Writes that shared the call answer the same revisions: the second finds its own there already.
    if (previousRevision !== this.revision && revision !== this.revision) this.#stale = true;
    this.#ownRevision = Math.max(this.revision, revision);
  }

  #currentView(): DataView {
    this.#view ??= this.#core.viewOf(this.id, this.#record);
    return this.#view;
  }

  /** An answer that was overtaken by one of a later revision says nothing new. */
  #adopt(view: DataView): void {
    if (view.revision < this.revision) return;
    this.#view = view;
    this.#data = null;
    this.#ownRevision = view.revision;
    this.#stale = false;
  }

  get #facts(): Metadata {
    this.#metadata ??= this.#core.metadataOf(this.id, this.#record);
    return this.#metadata;
  }

  #freeze(data: Readonly<DataObject>): Readonly<DataObject> {
    if (this.#core.development) deepFreeze(data);
    return Object.freeze(data);
  }

  async #ended(): Promise<SessionEndedError> {
    const outcome = await this.#core.store.read(this.id);
    if (outcome === null) return new SessionEndedError(this.id);
    return new SessionEndedError(this.id, isRecord(outcome) ? "expired" : outcome.reason);
  }

  /** Facts without data and without hashes: fit for JSON and logs (row L2). */
  toJSON(): Record<string, unknown> {
    const { id, userId, policy, createdAt, lastSeenAt, expiresAt, absoluteExpiresAt, aal, loginMethod, serverId } =
      this;
    return { id, userId, policy, createdAt, lastSeenAt, expiresAt, absoluteExpiresAt, aal, loginMethod, serverId };
  }
  [inspect.custom](): string {
    return `Session ${inspect(this.toJSON())}`;
  }
}

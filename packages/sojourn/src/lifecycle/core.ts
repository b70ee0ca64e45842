/** What the parts of one `createSessions` share. */

import type { Clock } from "../clock.ts";
import { CorruptRecordError, SessionRecord, UnsupportedRecordError } from "../data/session-record.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { TokenSigner } from "../security/token.ts";
import { Placement } from "../store/placement.ts";
import type { Store, WriteCall } from "../store/store.ts";
import type { DataObject } from "../data/draft.ts";
import type { Notices } from "./notices.ts";
import type { Policies } from "./policy.ts";

export interface CoreSettings {
  readonly store: Store;
  readonly tokens: TokenSigner;
  readonly policies: Policies;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly maxBytes: number;
  readonly serverId: string | null;
  readonly development: boolean;
  /** Replaces the store's salt. */
  readonly indexKey: Buffer | null;
}

export class Core {
  readonly store: Store;
  readonly tokens: TokenSigner;
  readonly policies: Policies;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly maxBytes: number;
  readonly serverId: string | null;
  readonly development: boolean;
  readonly #indexKey: Buffer | null;
  readonly #background = new Set<Promise<void>>();
  #placement: Placement | null = null;

  constructor(settings: CoreSettings) {
    this.store = settings.store;
    this.tokens = settings.tokens;
    this.policies = settings.policies;
    this.clock = settings.clock;
    this.notices = settings.notices;
    this.maxBytes = settings.maxBytes;
    this.serverId = settings.serverId;
    this.development = settings.development;
    this.#indexKey = settings.indexKey;
  }

  async placement(): Promise<Placement> {
    if (this.#placement === null) {
      const { salt } = await this.store.ready();
      this.#placement = new Placement(this.#indexKey ?? salt);
    }
    return this.#placement;
  }

  /** Lets work go on behind the caller's back; `settled()` waits for it. */
  background(what: string, work: Promise<unknown>): void {
    const done: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) =>
          this.notices.warn(what, `${what} failed: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#background);
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
      if (!(error instanceof CorruptRecordError)) throw error;
      this.endCorrupt(id, error);
      return null;
    }
  }

  /** The data of a record; none when it cannot be decoded, and then the session is ended. */
  dataOf(id: string, record: SessionRecord): Readonly<DataObject> {
    try {
      return record.plainData();
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      this.endCorrupt(id, error);
      return {};
    }
  }

  endCorrupt(id: string, error: CorruptRecordError): void {
    this.notices.warn("corrupt", `session ${id} has a corrupt record (${error.message}) and was ended`);
    this.background("ending a corrupt session", this.revoke(id, "corrupt", null));
  }

  async revoke(id: string, reason: string, actor: string | null, call?: WriteCall): Promise<boolean> {
    return (await this.store.revoke({ id, reason, actor }, call)).ended;
  }
}

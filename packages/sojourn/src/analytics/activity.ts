/** `sessions.activity`: what happened in a session, for the person whose session it is. */

import { randomBytes } from "node:crypto";
import { encodeValue } from "../data/codec.ts";
import type { DataObject } from "../data/draft.ts";
import { isSessionId } from "../data/session-id.ts";
import { MetadataTooLargeError } from "../errors.ts";
import { ACTIVITY_KEPT_MS, MAX_ACTIVITIES, MAX_ACTIVITY_BYTES } from "../options.ts";
import type { Store } from "../store/store.ts";

export interface Activity {
  /** Such as "login" or "address changed". */
  readonly action: string;
  /** Milliseconds since the epoch, on the store's clock. */
  readonly at: number;
  readonly metadata: Readonly<DataObject>;
}

/** As stored: when, what tells it from one of the same moment, the rest. */
type Entry = [at: number, nonce: string, action: string, metadata?: DataObject];

export class ActivityLog {
  readonly #store: Store;

  /** @internal */
  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Notes an activity of a live session: the last 100 are kept, each for 24 hours. False when there is no such session.
   *
   * ```ts
   * await sessions.activity.record(session.id, "password changed", { from: "settings" });
   * ```
   * @throws TypeError; InvalidValueError for metadata that JSON would lose; MetadataTooLargeError over 4 kB; StoreUnavailableError
   */
  async record(id: string, action: string, metadata?: Readonly<DataObject>): Promise<boolean> {
    return this.#add(id, action, metadata, false);
  }

  /** The same for what ends a session: also right after its end. @internal */
  async recordEnding(id: string, action: string, metadata?: Readonly<DataObject>): Promise<boolean> {
    return this.#add(id, action, metadata, true);
  }

  /** The activities of a session, newest first, also after its end; none for an id that nobody knows. @throws StoreUnavailableError */
  async list(id: string): Promise<Activity[]> {
    if (!isSessionId(id)) return [];
    const entries = await this.#store.listActivity(id);
    const oldest = this.#store.now() - ACTIVITY_KEPT_MS;
    return entries.map((entry) => decoded(entry)).filter(({ at }) => at > oldest);
  }

  async #add(
    id: string,
    action: string,
    metadata: Readonly<DataObject> | undefined,
    afterEnding: boolean,
  ): Promise<boolean> {
    const text = encoded(this.#store.now(), action, metadata);
    if (!isSessionId(id)) return false;
    const input = { id, entry: text, maxEntries: MAX_ACTIVITIES, keptMs: ACTIVITY_KEPT_MS, afterEnding };
    return (await this.#store.recordActivity(input)).status === "recorded";
  }
}

function encoded(now: number, action: unknown, metadata: Readonly<DataObject> | undefined): string {
  if (typeof action !== "string" || action === "" || !action.isWellFormed()) {
    throw new TypeError("activity.record: action must be a non-empty string of well-formed Unicode.");
  }
  if (metadata !== undefined && (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))) {
    throw new TypeError("activity.record: metadata must be a plain object.");
  }
  if (metadata !== undefined) encodeValue("metadata", metadata);
  const entry: Entry = [now, randomBytes(6).toString("base64url"), action];
  if (metadata !== undefined && Object.keys(metadata).length > 0) entry.push(metadata);
  const text = JSON.stringify(entry);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_ACTIVITY_BYTES) throw new MetadataTooLargeError("action and metadata", bytes, MAX_ACTIVITY_BYTES);
  return text;
}

function decoded(text: string): Activity {
  const [at, , action, metadata = {}] = JSON.parse(text) as Entry;
  return { action, at, metadata };
}

/**
 * Writes to the data of one session: blind ones (`set`, `delete`, `increment`)
 * of one tick share a call, and `update()` reads, changes and writes under the
 * revision it read.
 *
 * update(), in prose: callers of one process queue per session, so they never
 * race each other. The one at the head runs its function on the newest known
 * data and writes with that revision. If another process was faster, the store
 * answers the current record, the function runs again on it, and so on until
 * the write deadline. From the third try on it waits a little at random first.
 */

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { MAX_FIELDS } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { type DataObject, draftChanges, draftOf } from "../data/draft.ts";
import type { FieldChange } from "../data/field-patch.ts";
import {
  ConflictError,
  DataTooLargeError,
  SessionEndedError,
  type SojournError,
  TooManyFieldsError,
  WrongKindError,
} from "../errors.ts";
import type { PatchOutcome } from "../store/store.ts";
import type { Core } from "./core.ts";
import { KeyedQueue } from "./keyed-queue.ts";

type Patched = Extract<PatchOutcome, { status: "patched" }>;

/** Data together with the revision it was read at. */
export interface DataSnapshot {
  readonly data: Readonly<DataObject>;
  readonly revision: number;
}

interface Pending {
  readonly change: FieldChange;
  readonly resolve: (patched: Patched) => void;
  readonly reject: (error: unknown) => void;
}

const JITTER_FROM_TRY = 3;
const MAX_JITTER_MS = 12;

export class FieldWriter {
  readonly #core: Core;
  readonly #pending = new Map<object, Pending[]>();
  readonly #updates = new KeyedQueue();

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Writes of one owner share a call; those of two objects for the same session do not,
   * because each must see that the other's write came between.
   * @throws SessionEndedError, DataTooLargeError, TooManyFieldsError, WrongKindError, StoreUnavailableError
   */
  write(owner: object, id: string, change: FieldChange): Promise<Patched> {
    return new Promise((resolve, reject) => {
      const pending = this.#pending.get(owner);
      if (pending !== undefined) {
        pending.push({ change, resolve, reject });
        return;
      }
      this.#pending.set(owner, [{ change, resolve, reject }]);
      queueMicrotask(() => void this.#flush(owner, id));
    });
  }

  async #flush(owner: object, id: string): Promise<void> {
    const batch = this.#pending.get(owner) ?? [];
    this.#pending.delete(owner);
    try {
      const outcome = await this.#patch(
        id,
        batch.map((each) => each.change),
      );
      if (outcome.status === "patched") this.#settle(batch, outcome);
      else if (batch.length === 1 || outcome.status === "gone") {
        for (const each of batch) each.reject(this.#errorOf(id, outcome));
      } else await this.#oneByOne(id, batch);
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  /** One write of the batch was refused: sharing a call must not make the others fail with it. */
  async #oneByOne(id: string, batch: readonly Pending[]): Promise<void> {
    for (const each of batch) {
      const outcome = await this.#patch(id, [each.change]);
      if (outcome.status === "patched") each.resolve(outcome);
      else each.reject(this.#errorOf(id, outcome));
    }
  }

  /** Increments of a shared call get the result of their own. */
  #settle(batch: readonly Pending[], patched: Patched): void {
    let next = 0;
    for (const each of batch) {
      const increments = each.change.kind === "increment" ? patched.increments.slice(next, ++next) : [];
      each.resolve({ ...patched, increments });
    }
  }

  /**
   * Runs `change` on a draft and stores what it changed.
   * @param known the newest data the caller has, or null to read first.
   * @returns the data as stored, or null when there is no such session.
   */
  update(
    id: string,
    known: () => DataSnapshot | null,
    change: (draft: DataObject) => unknown,
  ): Promise<DataSnapshot | null> {
    return this.#updates.run(id, () => this.#update(id, known(), change));
  }

  async #update(
    id: string,
    known: DataSnapshot | null,
    change: (draft: DataObject) => unknown,
  ): Promise<DataSnapshot | null> {
    const deadline = this.#core.clock.monotonic() + this.#core.store.writeDeadlineMs;
    let base = known ?? (await this.read(id));
    for (let attempt = 1; base !== null; attempt++) {
      const after = await changedDraft(base.data, change);
      const changes = draftChanges(base.data, after);
      if (changes.length === 0) return base;
      if (attempt >= JITTER_FROM_TRY) await sleep(randomInt(1, MAX_JITTER_MS));
      const outcome = await this.#patch(id, changes, base.revision);
      if (outcome.status === "patched") return { data: applied(base.data, changes), revision: outcome.revision };
      if (outcome.status !== "conflict") throw this.#errorOf(id, outcome);
      if (this.#core.clock.monotonic() > deadline) throw new ConflictError(id, attempt);
      base = this.#snapshot(id, this.#core.parse(id, outcome.record));
    }
    return null;
  }

  /** The stored data, or null when there is no such live session. */
  async read(id: string): Promise<DataSnapshot | null> {
    const outcome = await this.#core.store.read(id);
    const record = outcome instanceof Buffer ? this.#core.parse(id, outcome) : null;
    return record !== null && this.#core.store.now() < record.expiresAt ? this.#snapshot(id, record) : null;
  }

  #snapshot(id: string, record: SessionRecord | null): DataSnapshot | null {
    return record === null ? null : { data: this.#core.dataOf(id, record), revision: record.revision };
  }

  #patch(id: string, changes: readonly FieldChange[], expectedRevision?: number): Promise<PatchOutcome> {
    const { store, maxBytes } = this.#core;
    return store.patch({ id, changes, maxBytes, ...(expectedRevision === undefined ? {} : { expectedRevision }) });
  }

  #errorOf(id: string, outcome: Exclude<PatchOutcome, Patched>): SojournError {
    switch (outcome.status) {
      case "gone":
        return new SessionEndedError(id, outcome.tombstone?.reason);
      case "too_large":
        return new DataTooLargeError(outcome.bytes, this.#core.maxBytes);
      case "too_many_fields":
        return new TooManyFieldsError(MAX_FIELDS);
      case "wrong_kind":
        return new WrongKindError(outcome.name);
      case "conflict":
        return new ConflictError(id, 1);
    }
  }
}

async function changedDraft(data: Readonly<DataObject>, change: (draft: DataObject) => unknown): Promise<DataObject> {
  const draft = draftOf(data);
  const returned = await change(draft);
  return isPlainObject(returned) ? returned : draft;
}

function isPlainObject(value: unknown): value is DataObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the store now holds, made from the texts that were sent: never the caller's own objects. */
export function applied(data: Readonly<DataObject>, changes: readonly FieldChange[]): DataObject {
  const after: DataObject = { ...data };
  for (const change of changes) {
    if (change.kind === "set") after[change.name] = JSON.parse(change.json) as unknown;
    else if (change.kind === "delete") delete after[change.name];
  }
  return after;
}

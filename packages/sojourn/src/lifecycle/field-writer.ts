/**
 * Writes to the data of one session: blind ones (`set`, `delete`, `increment`)
 * of one tick share a call, and `update()` reads, changes and writes under the
 * revision it read. Blind ones that a schema must look at as a whole, or that meet
 * data of an older version, are made as an update, too.
 *
 * update(), in prose: callers of one process queue per session, so they never
 * race each other. The one at the head runs its function on the newest known
 * data and writes with that revision. If another process was faster, the store
 * answers the current record, the function runs again on it, and so on until
 * the write deadline. From the third try on it waits a little at random first.
 */

import { type DataObject, dataFrom, textsAfter, valueFrom } from "../data/draft.ts";
import type { FieldChange } from "../data/field-patch.ts";
import { applyEdit, type DataView, type FieldEdit, type FieldRules } from "../data/field-rules.ts";
import { MAX_FIELDS } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import {
  ConflictError,
  DataTooLargeError,
  InvalidDataError,
  InvalidValueError,
  SessionEndedError,
  type SojournError,
  StoreUnavailableError,
  TooManyFieldsError,
  WrongKindError,
} from "../errors.ts";
import { MAX_MAX_BYTES } from "../options.ts";
import type { PatchOutcome } from "../store/store.ts";
import type { Core } from "./core.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { pauseBefore } from "./retrying.ts";

type Patched = Extract<PatchOutcome, { status: "patched" }>;

/** What became of one edit. */
export type Written =
  /** Made without knowing the rest of the data: `change` is what is stored now. */
  | { readonly view: null; readonly change: FieldChange; readonly patched: Patched; readonly sum: number }
  /** Made under the revision read: the data as it is stored now. */
  | { readonly view: DataView; readonly sum: number };

/** The newest data that a caller knows, or null. */
type Known = () => DataView | null;

interface Pending {
  readonly edit: FieldEdit;
  /** Null when it takes the rest of the data to know it. */
  readonly change: FieldChange | null;
  readonly resolve: (written: Written | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A write that can share a call. */
type BlindWrite = Pending & { readonly change: FieldChange };

/** Writes of one owner: at most one call is under way, so that none overtakes another. */
export class Outbox {
  waiting: Pending[] = [];
  sending = false;
}

export class FieldWriter {
  readonly fields: FieldRules;
  readonly #core: Core;
  readonly #updates = new KeyedQueue();

  constructor(core: Core) {
    this.fields = core.fields;
    this.#core = core;
  }

  /**
   * Writes of one outbox share a call; those of two objects for the same session do not,
   * because each must see that the other's write came between. Null when there is no such session.
   * @throws SessionEndedError, DataTooLargeError, TooManyFieldsError, WrongKindError, StoreUnavailableError, and what
   * `FieldRules.change` throws
   */
  write(outbox: Outbox, id: string, edit: FieldEdit): Promise<Written | null> {
    const change = this.fields.change(edit);
    if (change !== null) this.#requireStorable([change]);
    const held = copied(edit, change);
    return new Promise((resolve, reject) => {
      outbox.waiting.push({ edit: held, change, resolve, reject });
      if (outbox.sending) return;
      outbox.sending = true;
      queueMicrotask(() => void this.#flush(outbox, id));
    });
  }

  async #flush(outbox: Outbox, id: string): Promise<void> {
    while (outbox.waiting.length > 0) {
      const blind = takeBlind(outbox.waiting);
      const failure =
        blind.length > 0
          ? await this.#send(id, blind)
          : await this.#sendUnderRevision(id, outbox.waiting.splice(0, 1), null);
      if (failure instanceof StoreUnavailableError) rejectUnsent(outbox, failure);
    }
    outbox.sending = false;
  }

  /** As updates, one after the other; the first begins with `known`, or reads. Answers what failed last, or null. */
  async #sendUnderRevision(id: string, batch: readonly Pending[], known: DataView | null): Promise<unknown> {
    let view = known;
    let failure: unknown = null;
    for (const each of batch) {
      if (failure instanceof StoreUnavailableError) {
        each.reject(neverSent(failure));
        continue;
      }
      try {
        const base = view;
        view = await this.update(
          id,
          () => base,
          (draft) => applyTo(draft, each),
        );
        const sum = each.edit.kind === "increment" && view !== null ? Number(valueFrom(view.texts, each.edit.name)) : 0;
        each.resolve(view === null ? null : { view, sum });
      } catch (error) {
        each.reject(error);
        failure = error;
        view = null;
      }
    }
    return failure;
  }

  /** Settles every write of the batch; answers what failed for all of them, or null. */
  async #send(id: string, batch: readonly BlindWrite[]): Promise<unknown> {
    try {
      const outcome = await this.#patch(
        id,
        batch.map((each) => each.change),
      );
      if (outcome.status === "patched") settle(batch, outcome);
      else if (outcome.status === "conflict") {
        // The data is of another version than this deploy's: what it becomes is written with the first edit.
        const record = this.#core.parse(id, outcome.record);
        return await this.#sendUnderRevision(id, batch, this.#view(id, record));
      } else if (batch.length === 1 || outcome.status === "gone") {
        for (const each of batch) each.reject(this.#errorOf(id, outcome));
      } else return await this.#oneByOne(id, batch);
      return null;
    } catch (error) {
      for (const each of batch) each.reject(error);
      return error;
    }
  }

  /** One write of the batch was refused: sharing a call must not make the others fail with it. */
  async #oneByOne(id: string, batch: readonly BlindWrite[]): Promise<unknown> {
    for (const [i, each] of batch.entries()) {
      const failure = await this.#send(id, [each]);
      if (failure === null) continue;
      for (const unsent of batch.slice(i + 1)) unsent.reject(failure);
      return failure;
    }
    return null;
  }

  /**
   * Runs `change` on a draft and stores what it changed.
   * @param known the newest data the caller has, or null to read first.
   * @returns the data as stored, or null when there is no such session.
   */
  update(id: string, known: Known, change: (draft: DataObject) => unknown): Promise<DataView | null> {
    const queuedAt = this.#core.clock.monotonic();
    return this.#updates.run(id, async (errorBefore) => {
      const waited = this.#core.clock.monotonic() - queuedAt;
      if (errorBefore instanceof StoreUnavailableError && waited >= this.#core.store.writeDeadlineMs) {
        throw neverSent(errorBefore);
      }
      return this.#update(id, known(), change);
    });
  }

  async #update(id: string, known: DataView | null, change: (draft: DataObject) => unknown): Promise<DataView | null> {
    const deadline = this.#core.clock.monotonic() + this.#core.store.writeDeadlineMs;
    let base = known ?? (await this.read(id));
    for (let attempt = 1; base !== null; attempt++) {
      const changes = this.#changes(base, change, base === known);
      if (changes === null) {
        base = await this.read(id);
        continue;
      }
      if (changes.length === 0) return base;
      if (base.refusal !== null) throw base.refusal;
      this.#requireStorable(changes);
      await pauseBefore(attempt);
      const outcome = await this.#patch(id, [...base.upgrade, ...changes], base.revision);
      if (outcome.status === "patched") {
        return { texts: textsAfter(base.texts, changes), revision: outcome.revision, upgrade: [], refusal: null };
      }
      if (outcome.status !== "conflict") throw this.#errorOf(id, outcome);
      if (this.#core.clock.monotonic() > deadline) throw new ConflictError(id, attempt);
      base = this.#view(id, this.#core.parse(id, outcome.record));
    }
    return null;
  }

  /** What `change` changes; null when that is refused because of what may not be so any more. */
  #changes(base: DataView, change: (draft: DataObject) => unknown, isOld: boolean): FieldChange[] | null {
    try {
      return this.fields.changes(base.texts, runOnDraft(dataFrom(base.texts), change));
    } catch (error) {
      if (isOld && error instanceof InvalidDataError) return null;
      throw error;
    }
  }

  /** The stored data, or null when there is no such live session. @throws SessionEndedError when it cannot be used */
  async read(id: string): Promise<DataView | null> {
    return this.#view(id, await this.#core.liveRecord(id));
  }

  #view(id: string, record: SessionRecord | null): DataView | null {
    return record === null ? null : this.#core.viewOf(id, record);
  }

  /** Under the revision that was read, or, if none was, under this deploy's version of data. */
  #patch(id: string, changes: readonly FieldChange[], expectedRevision?: number): Promise<PatchOutcome> {
    const { store, maxBytes } = this.#core;
    const condition = expectedRevision === undefined ? { guard: this.fields.guard } : { expectedRevision };
    return store.patch({ id, changes: this.fields.stored(id, changes), maxBytes, ...condition });
  }

  /**
   * What no session can hold is not sent: the store would only refuse it, and whoever else asks it waits meanwhile.
   * @throws TooManyFieldsError, DataTooLargeError
   */
  #requireStorable(changes: readonly FieldChange[]): void {
    if (changes.filter(({ kind }) => kind === "set").length > MAX_FIELDS) throw new TooManyFieldsError(MAX_FIELDS);
    const bytes = changes.reduce((sum, change) => sum + bytesOf(change), 0);
    if (bytes > MAX_MAX_BYTES) throw new DataTooLargeError(bytes, this.#core.maxBytes);
  }

  #errorOf(id: string, outcome: Exclude<PatchOutcome, Patched>): SojournError {
    return refusalOf(id, outcome, this.#core.maxBytes);
  }
}

/** Why a patch stored nothing. */
export function refusalOf(id: string, outcome: Exclude<PatchOutcome, Patched>, maxBytes: number): SojournError {
  switch (outcome.status) {
    case "gone":
      return new SessionEndedError(id, outcome.tombstone?.reason);
    case "too_large":
      return new DataTooLargeError(outcome.bytes, maxBytes);
    case "too_many_fields":
      return new TooManyFieldsError(MAX_FIELDS);
    case "wrong_kind":
      return new WrongKindError(outcome.name);
    case "conflict":
      return new ConflictError(id, 1);
  }
}

/** Increments of a shared call get the result of their own. */
function settle(batch: readonly BlindWrite[], patched: Patched): void {
  let next = 0;
  for (const { change, resolve } of batch) {
    const sum = change.kind === "increment" ? (patched.increments[next++] ?? 0) : 0;
    const stored: FieldChange =
      change.kind === "increment" ? { kind: "set", name: change.name, json: String(sum) } : change;
    resolve({ view: null, change: stored, patched, sum });
  }
}

/** Takes the writes off the front that can share a call: no more than a session could hold, so that no call is a long one. */
function takeBlind(waiting: Pending[]): BlindWrite[] {
  const blind: BlindWrite[] = [];
  let bytes = 0;
  for (const each of waiting) {
    if (!isBlind(each) || blind.length === MAX_FIELDS || bytes > MAX_MAX_BYTES) break;
    bytes += bytesOf(each.change);
    blind.push(each);
  }
  waiting.splice(0, blind.length);
  return blind;
}

/** Of the name and the value to be stored. */
function bytesOf(change: FieldChange): number {
  return change.kind === "set" ? Buffer.byteLength(change.name) + Buffer.byteLength(change.json) : 0;
}

function isBlind(write: Pending): write is BlindWrite {
  return write.change !== null;
}

/** It may be made later, and must be what it was when it was asked for. @throws InvalidValueError */
function copied(edit: FieldEdit, change: FieldChange | null): FieldEdit {
  if (edit.kind !== "set" || change !== null) return edit;
  try {
    return { ...edit, value: structuredClone(edit.value) };
  } catch {
    throw new InvalidValueError(edit.name, "a value that cannot be copied");
  }
}

/** What a write does to a draft. */
function applyTo(draft: DataObject, { edit, change }: Pending): void {
  applyEdit(change?.kind === "set" ? { ...change, value: JSON.parse(change.json) } : edit, draft);
}

/** The store does not answer: what waits behind would only wait as long again. */
function rejectUnsent(outbox: Outbox, failure: StoreUnavailableError): void {
  for (const each of outbox.waiting) each.reject(neverSent(failure));
  outbox.waiting = [];
}

function neverSent(before: StoreUnavailableError): StoreUnavailableError {
  return new StoreUnavailableError(`Not sent, because the write before it failed: ${before.message}`, {
    reason: before.reason,
    outcome: "not_executed",
    cause: before,
  });
}

/**
 * Runs the caller's function. What it answers is ignored: `draft => (draft.a = {})` answers an object too.
 * @throws TypeError for an asynchronous function: it may have to run again on newer data, and others wait for it.
 */
export function runOnDraft(draft: DataObject, change: (draft: DataObject) => unknown): DataObject {
  const answered = change(draft);
  if (answered instanceof Promise) {
    // Nobody will await it; its failure would end the process.
    answered.catch(() => undefined);
    throw new TypeError("update: the function must not be async; await what it needs before, then change the draft.");
  }
  return draft;
}

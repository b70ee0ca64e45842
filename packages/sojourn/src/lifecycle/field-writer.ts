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
import { type DataObject, dataFrom, draftChanges, type FieldTexts, textsAfter } from "../data/draft.ts";
import type { FieldChange } from "../data/field-patch.ts";
import type { FieldRules } from "../data/field-rules.ts";
import { MAX_FIELDS } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import {
  ConflictError,
  DataTooLargeError,
  SessionEndedError,
  type SojournError,
  StoreUnavailableError,
  TooManyFieldsError,
  WrongKindError,
} from "../errors.ts";
import type { PatchOutcome } from "../store/store.ts";
import type { Core } from "./core.ts";
import { KeyedQueue } from "./keyed-queue.ts";

type Patched = Extract<PatchOutcome, { status: "patched" }>;

/** Data as stored, together with the revision it was read at. */
export interface DataSnapshot {
  readonly texts: FieldTexts;
  readonly revision: number;
}

interface Pending {
  readonly change: FieldChange;
  readonly resolve: (patched: Patched) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes of one owner: at most one call is under way, so that none overtakes another. */
interface Outbox {
  waiting: Pending[];
  sending: boolean;
}

const JITTER_FROM_TRY = 3;
const MAX_JITTER_MS = 12;

export class FieldWriter {
  readonly fields: FieldRules;
  readonly #core: Core;
  readonly #outboxes = new WeakMap<object, Outbox>();
  readonly #updates = new KeyedQueue();

  constructor(core: Core) {
    this.fields = core.fields;
    this.#core = core;
  }

  /**
   * Writes of one owner share a call; those of two objects for the same session do not,
   * because each must see that the other's write came between.
   * @throws SessionEndedError, DataTooLargeError, TooManyFieldsError, WrongKindError, StoreUnavailableError
   */
  write(owner: object, id: string, change: FieldChange): Promise<Patched> {
    return new Promise((resolve, reject) => {
      const outbox = this.#outboxes.get(owner) ?? { waiting: [], sending: false };
      this.#outboxes.set(owner, outbox);
      outbox.waiting.push({ change, resolve, reject });
      if (outbox.sending) return;
      outbox.sending = true;
      queueMicrotask(() => void this.#flush(outbox, id));
    });
  }

  async #flush(outbox: Outbox, id: string): Promise<void> {
    while (outbox.waiting.length > 0) {
      const batch = outbox.waiting;
      outbox.waiting = [];
      const failure = await this.#send(id, batch);
      if (failure instanceof StoreUnavailableError) rejectUnsent(outbox, failure);
    }
    outbox.sending = false;
  }

  /** Settles every write of the batch; answers what failed for all of them, or null. */
  async #send(id: string, batch: readonly Pending[]): Promise<unknown> {
    try {
      const outcome = await this.#patch(
        id,
        batch.map((each) => each.change),
      );
      if (outcome.status === "patched") settle(batch, outcome);
      else if (batch.length === 1 || outcome.status === "gone") {
        for (const each of batch) each.reject(this.#errorOf(id, outcome));
      } else await this.#oneByOne(id, batch);
      return null;
    } catch (error) {
      for (const each of batch) each.reject(error);
      return error;
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
    const queuedAt = this.#core.clock.monotonic();
    return this.#updates.run(id, async (errorBefore) => {
      const waited = this.#core.clock.monotonic() - queuedAt;
      if (errorBefore instanceof StoreUnavailableError && waited >= this.#core.store.writeDeadlineMs) {
        throw neverSent(errorBefore);
      }
      return this.#update(id, known(), change);
    });
  }

  async #update(
    id: string,
    known: DataSnapshot | null,
    change: (draft: DataObject) => unknown,
  ): Promise<DataSnapshot | null> {
    const deadline = this.#core.clock.monotonic() + this.#core.store.writeDeadlineMs;
    let base = known ?? (await this.read(id));
    for (let attempt = 1; base !== null; attempt++) {
      const changes = draftChanges(base.texts, runOnDraft(dataFrom(base.texts), change));
      if (changes.length === 0) return base;
      if (attempt >= JITTER_FROM_TRY) await sleep(randomInt(1, MAX_JITTER_MS));
      const outcome = await this.#patch(id, changes, base.revision);
      if (outcome.status === "patched") {
        return { texts: textsAfter(base.texts, changes), revision: outcome.revision };
      }
      if (outcome.status !== "conflict") throw this.#errorOf(id, outcome);
      if (this.#core.clock.monotonic() > deadline) throw new ConflictError(id, attempt);
      base = this.#snapshot(id, this.#core.parse(id, outcome.record));
    }
    return null;
  }

  /** The stored data, or null when there is no such live session. */
  async read(id: string): Promise<DataSnapshot | null> {
    return this.#snapshot(id, await this.#core.liveRecord(id));
  }

  #snapshot(id: string, record: SessionRecord | null): DataSnapshot | null {
    return record === null ? null : { texts: this.#core.textsOf(id, record), revision: record.revision };
  }

  #patch(id: string, changes: readonly FieldChange[], expectedRevision?: number): Promise<PatchOutcome> {
    const { store, maxBytes, fields } = this.#core;
    const stored = fields.stored(id, changes);
    return store.patch({
      id,
      changes: stored,
      maxBytes,
      ...(expectedRevision === undefined ? {} : { expectedRevision }),
    });
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

/** Increments of a shared call get the result of their own. */
function settle(batch: readonly Pending[], patched: Patched): void {
  let next = 0;
  for (const each of batch) {
    const increments = each.change.kind === "increment" ? patched.increments.slice(next, ++next) : [];
    each.resolve({ ...patched, increments });
  }
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

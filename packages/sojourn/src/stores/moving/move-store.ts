/** The mover: brings every session of a store to another one while applications run on both. */

import { OFFSET } from "../../data/record.ts";
import { BUCKETS } from "../../data/session-id.ts";
import { ConfigError } from "../../errors.ts";
import type { Store, StoredSession } from "../../store/store.ts";
import type { Move } from "../../store/transfer.ts";
import {
  BEGINNINGS_OVER_MS,
  beginningsOver,
  bring,
  type Brought,
  bringTaken,
  bringValue,
  checkedStores,
  sameStore,
  type Stores,
} from "./arrival.ts";

export interface MoveProgress {
  /** Sessions that this call has brought to the target. */
  readonly moved: number;
  /** Sessions that ended while they were moved. */
  readonly ended: number;
  /** Live sessions at the source when this call began. */
  readonly of: number;
  /** Values of other libraries (`sojourn/better-auth`) that this call has brought to the target. */
  readonly values: number;
}

export interface MoveOptions {
  /** Called after each page. Answers false to stop: call `moveStore` again to go on. */
  readonly onProgress?: (progress: MoveProgress) => unknown;
}

export interface MoveResult extends MoveProgress {
  /** False when `onProgress` stopped it. */
  readonly done: boolean;
  /** Live sessions at the source now: 0 when done. */
  readonly left: number;
  /** Live sessions at the target now. */
  readonly live: number;
  /** Values at the source now, with what is remembered of deleted ones for ten minutes: 0 when done. */
  readonly valuesLeft: number;
  /** The same at the target. */
  readonly valuesLive: number;
}

const PAGE = 128;
/** Buckets whose values are looked for at once, and how many of each: a page together. */
const VALUE_BUCKETS = 32;
const VALUES_OF_BUCKET = PAGE / VALUE_BUCKETS;
/**
 * How far apart the clocks of two stores may be: less than the mover waits, so that an epoch which the target gives a user
 * is later than any that the source did.
 */
const MAX_SKEW_MS = 1_000;
/** How much later than the last late call a session must have begun at the source, to be none of one. */
const LATE_MS = 5_000;

/**
 * Moves every session to another store, while all servers of the application run on `movingStore` over the same two.
 * Nobody is logged out, nothing that was written is lost, and what ended stays ended. May be killed and called again at any
 * moment. With `done` the servers can be switched to the target alone.
 * @throws ConfigError for stores that do not go together, a target with sessions of another salt, and when sessions begin at
 * the source alone (a server without `movingStore`); StoreUnavailableError when a store does not answer: call it again.
 */
export async function moveStore(from: Store, to: Store, options: MoveOptions = {}): Promise<MoveResult> {
  const stores = checkedStores({ from, to });
  const move = await begin(stores);
  const tally = new Tally(await from.count(), options.onProgress);
  const done = await bringAll(stores, move, tally);
  if (done) await to.transfer.forgetAdmitted();
  const [left, live, valuesLeft, valuesLive] = await Promise.all([
    from.count(),
    to.count(),
    valueCount(from),
    valueCount(to),
  ]);
  return { ...tally.progress, done, left, live, valuesLeft, valuesLive };
}

/** What the caller is told; each step answers true when it is to stop. */
class Tally {
  progress: MoveProgress;
  readonly #onProgress: MoveOptions["onProgress"];

  constructor(of: number, onProgress: MoveOptions["onProgress"]) {
    this.progress = { moved: 0, ended: 0, of, values: 0 };
    this.#onProgress = onProgress;
  }

  stopsAt({ sessions = [], values = [] }: { sessions?: readonly Brought[]; values?: readonly Brought[] }): boolean {
    const { moved, ended, of, values: movedValues } = this.progress;
    this.progress = {
      moved: moved + count(sessions, "moved"),
      ended: ended + count(sessions, "ended"),
      of,
      values: movedValues + count(values, "moved"),
    };
    return this.#onProgress?.(this.progress) === false;
  }
}

function count(brought: readonly Brought[], which: Brought): number {
  return brought.filter((each) => each === which).length;
}

/** False when it was stopped. */
async function bringAll(stores: Stores, move: Move, tally: Tally): Promise<boolean> {
  // What an earlier call left half-way.
  if (tally.stopsAt(await bringTaken(stores))) return false;
  for (let found = true; found; ) {
    found = false;
    for await (const page of pages(stores)) {
      found = true;
      if (tally.stopsAt({ sessions: await Promise.all(page.map(({ id }) => bring(id, stores))) })) return false;
      refuseStrays(page, move);
    }
  }
  for await (const ids of valuePages(stores)) {
    if (tally.stopsAt({ values: await Promise.all(ids.map((id) => bringValue(id, stores))) })) return false;
  }
  // Servers finish what they met half-way: only when nothing lies aside any more is it certain who arrived.
  tally.stopsAt(await bringTaken(stores));
  return true;
}

/** Ids of the values that are at the source; those of a page are to be brought before the next one. */
async function* valuePages({ from }: Stores): AsyncGenerator<readonly string[]> {
  for (let first = 0; first < BUCKETS; ) {
    const ids = await valueIdsFrom(from, first, VALUES_OF_BUCKET);
    if (ids.length > 0) yield ids;
    else first += VALUE_BUCKETS;
  }
}

async function valueIdsFrom({ transfer }: Store, first: number, limit: number): Promise<string[]> {
  const some = Array.from({ length: VALUE_BUCKETS }, (_, i) => transfer.valueIds(first + i, limit));
  return (await Promise.all(some)).flat();
}

async function valueCount(store: Store): Promise<number> {
  let all = 0;
  for (let first = 0; first < BUCKETS; first += VALUE_BUCKETS) {
    all += (await valueIdsFrom(store, first, 2 ** 31)).length;
  }
  return all;
}

/** From then on sessions begin at the target, once every call that had not heard of it is over. */
async function begin({ from, to }: Stores): Promise<Move> {
  if ((await to.transfer.taken()).length > 0) {
    throw new ConfigError("Sessions are on their way out of the store to move to: finish that move first.");
  }
  await to.transfer.adopt((await from.ready()).salt);
  await copyDisabled({ from, to });
  const move = await to.transfer.begin();
  if ((await from.transfer.begun())?.id === move.id) throw sameStore();
  await from.transfer.forgetMove();
  const skewMs = Math.abs(from.now() - to.now());
  if (skewMs > MAX_SKEW_MS)
    throw new ConfigError(`The clocks of the two stores are ${skewMs} ms apart: set them right.`);
  await beginningsOver({ from, to }, move);
  return move;
}

/** Whoever is enabled or disabled meanwhile is so at both: what the source says in the end stands. */
async function copyDisabled({ from, to }: Stores): Promise<void> {
  let copied = new Set<string>();
  for (;;) {
    const disabled = new Set(await from.transfer.disabledUsers());
    const changed = [...disabled, ...copied].filter((userKey) => disabled.has(userKey) !== copied.has(userKey));
    if (changed.length === 0) return;
    for (const userKey of changed) await to.disableUser({ userKey, disabled: disabled.has(userKey) });
    copied = disabled;
  }
}

async function* pages({ from }: Stores): AsyncGenerator<readonly StoredSession[]> {
  for (let cursor: string | null = null, done = false; !done; ) {
    const page: Awaited<ReturnType<typeof from.page>> = await from.page({ cursor, limit: PAGE });
    if (page.items.length > 0) yield page.items;
    ({ cursor, done } = page);
  }
}

/** A server that knows the source alone logs out everybody who was moved: better to hear of it now. */
function refuseStrays(sessions: readonly StoredSession[], { begunAt }: Move): void {
  const latest = begunAt + BEGINNINGS_OVER_MS + LATE_MS;
  if (!sessions.some(({ record }) => record.readUIntBE(OFFSET.createdAt, 6) > latest)) return;
  throw new ConfigError(
    "Sessions begin at the source although the move has begun: a server still runs without movingStore. Stop it, and move again.",
  );
}

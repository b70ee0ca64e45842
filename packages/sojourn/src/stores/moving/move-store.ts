/** The mover: brings every session of a store to another one while applications run on both. */

import { setTimeout as sleep } from "node:timers/promises";
import { OFFSET } from "../../data/record.ts";
import { ConfigError } from "../../errors.ts";
import type { Store, StoredSession } from "../../store/store.ts";
import type { Move } from "../../store/transfer.ts";
import {
  BEGINNINGS_OVER_MS,
  bring,
  type Brought,
  bringTaken,
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
}

const PAGE = 128;
const POLL_MS = 100;
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
export async function moveStore(from: Store, to: Store, { onProgress }: MoveOptions = {}): Promise<MoveResult> {
  const stores = checkedStores({ from, to });
  const move = await begin(stores);
  const of = await from.count();
  const tally = { moved: 0, ended: 0, of };
  const isStopped = (brought: readonly Brought[]): boolean => {
    for (const each of brought) if (each !== "nothing") tally[each] += 1;
    return onProgress?.({ ...tally }) === false;
  };
  const result = async (done: boolean): Promise<MoveResult> => {
    const [left, live] = await Promise.all([from.count(), to.count()]);
    return { ...tally, done, left, live };
  };
  // What an earlier call left half-way.
  if (isStopped(await bringTaken(stores))) return result(false);
  for (let found = true; found; ) {
    found = false;
    for await (const sessions of pages(stores)) {
      found = true;
      if (isStopped(await Promise.all(sessions.map(({ id }) => bring(id, stores))))) return result(false);
      refuseStrays(sessions, move);
    }
  }
  // Servers finish what they met half-way: only when nothing lies aside any more is it certain who arrived.
  isStopped(await bringTaken(stores));
  await to.transfer.forgetAdmitted();
  return result(true);
}

/** From then on sessions begin at the target, once every call that had not heard of it is over. */
async function begin({ from, to }: Stores): Promise<Move> {
  await to.transfer.adopt((await from.ready()).salt);
  await copyDisabled({ from, to });
  const move = await to.transfer.begin();
  if ((await from.transfer.begun())?.id === move.id) throw sameStore();
  await from.transfer.forgetMove();
  const skewMs = Math.abs(from.now() - to.now());
  if (skewMs > MAX_SKEW_MS)
    throw new ConfigError(`The clocks of the two stores are ${skewMs} ms apart: set them right.`);
  const left = (): number => move.begunAt + BEGINNINGS_OVER_MS - to.now();
  while (left() > 0) await sleep(Math.min(left(), POLL_MS));
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

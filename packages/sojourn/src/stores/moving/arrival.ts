/**
 * The way of one session from a store to another. Three steps, each atomic in its store: taken out of the source, where its
 * record then lies aside; admitted at the target, once; forgotten at the source. Whoever dies between two of them leaves
 * a session that whoever meets it next brings to its end.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { bucketOf } from "../../data/session-id.ts";
import { ConfigError } from "../../errors.ts";
import { isRecord, type ReadOutcome, type Store } from "../../store/store.ts";
import { type Move, MOVED, valueIdIn, valueName } from "../../store/transfer.ts";

export interface Stores {
  /** Where the sessions are. */
  readonly from: Store;
  /** Where they are to be. */
  readonly to: Store;
}

/**
 * How long a call may take that begins a session at the source, because the mover had not begun when it asked; and how long
 * the mover waits before it looks there: longer, for the clocks of servers and stores differ.
 */
export const BEGINNING_MS = 3_000;
export const BEGINNINGS_OVER_MS = 5_000;
const POLL_MS = 100;

/** `ended`: the target refused it, because it ended meanwhile. `nothing`: there was none to take. */
export type Brought = "moved" | "ended" | "nothing";

export async function bring(id: string, { from, to }: Stores): Promise<Brought> {
  const record = await from.transfer.takeAway(id);
  if (record === null) return "nothing";
  const admission = await to.transfer.admit({ id, record });
  await from.transfer.settle(id);
  return admission === "refused" ? "ended" : "moved";
}

/** The same of a value. Once all calls that had not heard of the move are over, and this is done, its home is the target. */
export async function bringValue(id: string, { from, to }: Stores): Promise<Brought> {
  const record = await from.transfer.takeValueAway(id);
  if (record === null) return "nothing";
  const name = valueName(id);
  const admission = await to.transfer.admitValue({ id: name, record });
  await from.transfer.settle(name);
  return admission === "refused" ? "ended" : "moved";
}

/** Sessions and values that were taken away and have not arrived: of the bucket of an id or user key, or all. */
export async function bringTaken(
  stores: Stores,
  idOrUserKey?: string,
): Promise<{ readonly sessions: Brought[]; readonly values: Brought[] }> {
  const taken = await stores.from.transfer.taken(idOrUserKey === undefined ? undefined : bucketOf(idOrUserKey));
  const values = taken.flatMap((name) => valueIdIn(name) ?? []);
  const ids = taken.filter((name) => valueIdIn(name) === null);
  const [sessions, broughtValues] = await Promise.all([
    Promise.all(ids.map((id) => bring(id, stores))),
    Promise.all(values.map((id) => bringValue(id, stores))),
  ]);
  return { sessions, values: broughtValues };
}

/** Resolves when no call that had not heard of the move can be under way at the source any more. */
export async function beginningsOver({ to }: Stores, { begunAt }: Move): Promise<void> {
  const left = (): number => begunAt + BEGINNINGS_OVER_MS - to.now();
  while (left() > 0) await sleep(Math.min(left(), POLL_MS));
}

export function wasMoved(outcome: ReadOutcome): boolean {
  return outcome !== null && !isRecord(outcome) && outcome.reason === MOVED;
}

/** @throws ConfigError for stores between which no session can move */
export function checkedStores({ from, to }: Stores): Stores {
  if (from === to) throw sameStore();
  if (from.namespace !== to.namespace) {
    throw new ConfigError(
      `Both stores must have one namespace, which every token is bound to: not "${from.namespace}" and "${to.namespace}".`,
    );
  }
  return { from, to };
}

export function sameStore(): ConfigError {
  return new ConfigError("from and to are the same store.");
}

/**
 * What the servers of an application run on while sessions move. The target is asked first, and what it knows is so. Else
 * the source is: it has the session, or says that it was moved, and then the target is asked again. Sessions begin at
 * the source until the mover has begun, at the target from then on. Nothing is copied: a session is at one of the two.
 */

import {
  type ActivityInput,
  type ActivityOutcome,
  type AmendInput,
  type AmendOutcome,
  type ConfirmInput,
  type ConfirmOutcome,
  type CreateOutcome,
  type DisableUserInput,
  type ElevateInput,
  type ElevateOutcome,
  type Gone,
  isRecord,
  type ListOptions,
  type NewSession,
  type PatchInput,
  type PatchOutcome,
  type ReadOutcome,
  type RevokeBeforeInput,
  type RevokeInput,
  type RevokeOutcome,
  type RevokeUserInput,
  type RotateInput,
  type RotateOutcome,
  type Store,
  type StoredSession,
  type StoreFacts,
  type Tombstone,
  type TouchInput,
  type TouchOutcome,
  type WriteCall,
} from "../../store/store.ts";
import { expiresAtOf, OFFSET } from "../../data/record.ts";
import type { Finding } from "../../store/diagnosis.ts";
import type { EndingListener } from "../../store/ending-hints.ts";
import type { EventListener } from "../../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../../store/events.ts";
import type { MetricStore } from "../../store/metric-store.ts";
import { type Page, type PageInput, unknownCursor } from "../../store/paging.ts";
import type { Totals } from "../../store/totals.ts";
import type { ValueStore } from "../../store/value-store.ts";
import type { Move, Transfer } from "../../store/transfer.ts";
import type { CheckInput, CheckOutcome, ReapInput, ReapOutcome } from "../../store/upkeep.ts";
import { BEGINNING_MS, bring, bringTaken, checkedStores, type Stores, wasMoved } from "./arrival.ts";
import { Doubt } from "./doubt.ts";
import { MergedEvents } from "./merged-events.ts";
import { MovingValues } from "./moving-values.ts";

/** Until the other store has been asked, too. */
const UNKNOWN: RevokeOutcome = { ended: false, record: null };
const NONE = { ended: 0 };

/**
 * A store over two, for every server of the application from before `moveStore` is called until it is done. Closes both.
 * @throws ConfigError for stores of two namespaces.
 */
export function movingStore(stores: Stores): Store {
  return new MovingStore(checkedStores(stores));
}

class MovingStore implements Store {
  readonly engine: string;
  readonly namespace: string;
  readonly parts: number;
  readonly writeDeadlineMs: number;
  /** Of the target: they begin anew. */
  readonly metrics: MetricStore;
  readonly values: ValueStore;
  readonly transfer: Transfer;
  readonly nearCache = null;
  readonly #stores: Stores;
  #salt: Buffer | null = null;
  #move: Move | null = null;

  constructor(stores: Stores) {
    const { from, to } = stores;
    this.#stores = stores;
    this.engine = `${from.engine} to ${to.engine}`;
    this.namespace = to.namespace;
    this.parts = from.parts + to.parts;
    this.writeDeadlineMs = from.writeDeadlineMs + to.writeDeadlineMs;
    this.metrics = to.metrics;
    this.values = new MovingValues(stores, () => this.#begun());
    this.transfer = to.transfer;
  }

  async ready(): Promise<StoreFacts> {
    const { from, to } = this.#stores;
    const facts = await from.ready();
    if (this.#salt !== facts.salt) await to.transfer.adopt(facts.salt);
    this.#salt = facts.salt;
    return facts;
  }

  now(): number {
    return this.#stores.to.now();
  }

  async create(session: NewSession, call?: WriteCall): Promise<CreateOutcome> {
    const { from, to } = this.#stores;
    await this.ready();
    // Counted from before the question: what begins at the source after all does so before the mover looks there.
    const notAfter = Math.min(from.now() + BEGINNING_MS, call?.notAfter ?? Number.POSITIVE_INFINITY);
    if ((await this.#begun()) === null) return this.#createdAtSource(session, { ...call, notAfter });
    // The id of one that another library names, or that was adopted, may be there.
    await bring(session.id, this.#stores);
    if (session.replaces !== undefined) await bring(session.replaces.id, this.#stores);
    if (session.userKey !== null && session.limit !== undefined) await this.#bringUser(session.userKey);
    return to.create(session, call);
  }

  async #begun(): Promise<Move | null> {
    this.#move ??= await this.#stores.to.transfer.begun();
    return this.#move;
  }

  async #createdAtSource(session: NewSession, call: WriteCall): Promise<CreateOutcome> {
    const { from } = this.#stores;
    const outcome = await from.create(session, call);
    if (outcome.status !== "gone" || !wasMoved(outcome.tombstone)) return outcome;
    const arrived = await this.read(session.id);
    if (isRecord(arrived)) return { status: "created", userEpoch: arrived.readUIntBE(OFFSET.userEpoch, 6) };
    return { status: "gone", tombstone: arrived };
  }

  /** Where all of a user's sessions must be in one place. */
  async #bringUser(userKey: string): Promise<void> {
    const sessions = await this.#stores.from.listUser(userKey);
    await Promise.all(sessions.map(({ id }) => bring(id, this.#stores)));
    await bringTaken(this.#stores, userKey);
  }

  async read(id: string): Promise<ReadOutcome> {
    const { from, to } = this.#stores;
    const there = await to.read(id);
    // One that had left it may come back.
    if (there !== null && !wasMoved(there)) return there;
    const here = await from.read(id);
    return isRecord(here) || !(await this.#mayHaveArrived(id, here)) ? here : to.read(id);
  }

  /**
   * Of a session that the source has not any more. Its record may lie aside longer than its tombstone says where it went.
   */
  async #mayHaveArrived(id: string, left: Tombstone | null): Promise<boolean> {
    if (left !== null && !wasMoved(left)) return false;
    return (await bring(id, this.#stores)) !== "nothing" || left !== null;
  }

  near(): null {
    return null;
  }
  stale(): null {
    return null;
  }

  /** The session's home is found by trying: an operation does nothing where the session is not. */
  async #atHome<Outcome extends { readonly status: string }>(
    id: string,
    operation: (store: Store) => Promise<Outcome | Gone>,
  ): Promise<Outcome | Gone> {
    const { from, to } = this.#stores;
    const there = await operation(to);
    if (!isGone(there) || (there.tombstone !== null && !wasMoved(there.tombstone))) return there;
    const here = await operation(from);
    return !isGone(here) || !(await this.#mayHaveArrived(id, here.tombstone)) ? here : operation(to);
  }

  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return this.#atHome(input.id, (store) => store.patch(input, call));
  }
  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    return this.#atHome(input.id, (store) => store.touch(input, call));
  }
  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    return this.#atHome(input.id, (store) => store.rotate(input, call));
  }
  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    return this.#atHome(input.id, (store) => store.confirm(input, call));
  }
  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    return this.#atHome(input.id, (store) => store.elevate(input, call));
  }
  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    return this.#atHome(input.id, (store) => store.amend(input, call));
  }
  recordActivity(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    return this.#atHome(input.id, (store) => store.recordActivity(input, call));
  }

  async revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    const doubt = new Doubt();
    return doubt.settled(await this.#revoked(input, call, doubt));
  }

  async #revoked(input: RevokeInput, call: WriteCall | undefined, doubt: Doubt): Promise<RevokeOutcome> {
    const { from, to } = this.#stores;
    const there = await doubt.of(to.revoke(input, call), UNKNOWN);
    const mayBeKept = input.reusedGeneration !== undefined && isRecord(await to.read(input.id));
    // Of one that has left a store that says "ended", too.
    if (mayBeKept || (there.ended && !wasMoved(await to.read(input.id)))) return there;
    const here = await doubt.of(from.revoke(input, call), UNKNOWN);
    const left = await from.read(input.id);
    if (isRecord(left) || !(await this.#mayHaveArrived(input.id, left))) return here;
    return doubt.of(to.revoke(input, call), UNKNOWN);
  }

  async disableUser(input: DisableUserInput, call?: WriteCall): Promise<void> {
    const doubt = new Doubt();
    await doubt.of(this.#stores.from.disableUser(input, call), undefined);
    await doubt.of(this.#stores.to.disableUser(input, call), undefined);
    doubt.settled(undefined);
  }

  /** At the target last: what is on its way meanwhile began before the epoch that its user has there then, and is refused. */
  async revokeUser(input: RevokeUserInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    const { from, to } = this.#stores;
    const doubt = new Doubt();
    const here = await doubt.of(from.revokeUser(input, call), NONE);
    // An epoch there would outdo those of sessions that still begin here.
    if ((await this.#begun()) === null) return doubt.settled(here);
    if (input.except !== null) await bring(input.except, this.#stores);
    await bringTaken(this.#stores, input.userKey);
    const there = await doubt.of(to.revokeUser(input, call), NONE);
    return doubt.settled({ ended: here.ended + there.ended });
  }

  async revokeBefore(input: RevokeBeforeInput, call?: WriteCall): Promise<{ readonly ended: number }> {
    const { from, to } = this.#stores;
    const doubt = new Doubt();
    const here = await doubt.of(from.revokeBefore(input, call), NONE);
    const there = await doubt.of(to.revokeBefore(input, call), NONE);
    return doubt.settled({ ended: here.ended + there.ended });
  }

  async eraseUser(userKey: string): Promise<{ readonly tombstonesUntil: number }> {
    const { from, to } = this.#stores;
    const erased = await Promise.all([from.eraseUser(userKey), to.eraseUser(userKey)]);
    return { tombstonesUntil: Math.max(...erased.map(({ tombstonesUntil }) => tombstonesUntil)) };
  }

  async listActivity(id: string): Promise<string[]> {
    const { from, to } = this.#stores;
    return [...(await to.listActivity(id)), ...(await from.listActivity(id))];
  }

  reap({ part, ...how }: ReapInput): Promise<ReapOutcome> {
    return this.#ofPart(part, (store, own) => store.reap({ part: own, ...how }));
  }
  checkIndexes({ part, ...how }: CheckInput): Promise<CheckOutcome> {
    return this.#ofPart(part, (store, own) => store.checkIndexes({ part: own, ...how }));
  }
  #ofPart<T>(part: number, call: (store: Store, part: number) => Promise<T>): Promise<T> {
    const { from, to } = this.#stores;
    return part < from.parts ? call(from, part) : call(to, part - from.parts);
  }

  async expire(id: string, call?: WriteCall): Promise<boolean> {
    const { from, to } = this.#stores;
    return (await to.expire(id, call)) || from.expire(id, call);
  }

  /** The source, then what is at the target once the source was seen: whatever moves meanwhile is met there. */
  async page({ cursor, limit }: PageInput): Promise<Page> {
    const [where = "", own = ""] = cursor === null ? ["f"] : [cursor.charAt(0), cursor.slice(1)];
    if (where !== "f" && where !== "t") throw unknownCursor();
    if (where === "t") return this.#pageOf("to", own, limit);
    const page = await this.#pageOf("from", own, limit);
    if (!page.done) return page;
    await bringTaken(this.#stores);
    const { items, scanned } = page;
    if (items.length === limit) return { items, scanned, cursor: "t", done: false };
    const rest = await this.#pageOf("to", "", limit - items.length);
    return { ...rest, items: [...items, ...rest.items], scanned: scanned + rest.scanned };
  }

  async #pageOf(where: keyof Stores, own: string, limit: number): Promise<Page> {
    const page = await this.#stores[where].page({ cursor: own === "" ? null : own, limit });
    const marked = (cursor: string): string => where.charAt(0) + cursor;
    const items = page.items.map((item) => ({ ...item, cursor: marked(item.cursor) }));
    return { ...page, items, cursor: page.cursor === null ? null : marked(page.cursor) };
  }

  async listUser(userKey: string, options: ListOptions = {}): Promise<StoredSession[]> {
    const { from, to } = this.#stores;
    const here = await from.listUser(userKey, options);
    await bringTaken(this.#stores, userKey);
    const there = await to.listUser(userKey, options);
    const all = new Map([...here, ...there].map((session) => [session.id, session]));
    const latest = [...all.values()].toSorted((a, b) => expiresAtOf(b.record) - expiresAtOf(a.record));
    return latest.slice(0, options.latest);
  }

  async count(): Promise<number> {
    return sum(await this.#both((store) => store.count()));
  }
  /** One with sessions on both sides counts twice. */
  async countUsers(): Promise<number> {
    return sum(await this.#both((store) => store.countUsers()));
  }
  async totals(): Promise<Totals> {
    const [here, there] = await this.#both((store) => store.totals());
    return sumOfTotals(here, there);
  }
  async #both<T>(call: (store: Store) => Promise<T>): Promise<[T, T]> {
    return Promise.all([call(this.#stores.from), call(this.#stores.to)]);
  }

  async diagnose(): Promise<Finding[]> {
    return (await this.#both((store) => store.diagnose())).flat();
  }

  onEnding(listener: EndingListener): () => void {
    return this.#stopBoth((store) => store.onEnding(listener));
  }
  onEvent(listener: EventListener): () => void {
    return this.#stopBoth((store) => store.onEvent(listener));
  }
  #stopBoth(listen: (store: Store) => () => void): () => void {
    const stops = [listen(this.#stores.from), listen(this.#stores.to)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  readEvents(consumer: ConsumerOptions): EventReader {
    const { from, to } = this.#stores;
    return new MergedEvents([from.readEvents(consumer), to.readEvents(consumer)]);
  }

  startBackground(): void {
    this.#stores.from.startBackground?.();
    this.#stores.to.startBackground?.();
  }

  async close(): Promise<void> {
    await this.#both((store) => store.close());
  }
}

function isGone(outcome: { readonly status: string }): outcome is Gone {
  return outcome.status === "gone";
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function sumOfTotals(a: Totals, b: Totals): Totals {
  const ended = new Map(a.ended);
  for (const [reason, count] of b.ended) ended.set(reason, (ended.get(reason) ?? 0) + count);
  return {
    created: a.created + b.created,
    ended,
    durationMs: a.durationMs + b.durationMs,
    recent: { ended: a.recent.ended + b.recent.ended, durationMs: a.recent.durationMs + b.recent.durationMs },
  };
}

/** Sessions that move to or from this process's memory: each step in one turn. */

import { randomBytes } from "node:crypto";
import { bucketOf } from "../../data/session-id.ts";
import { OFFSET } from "../../data/record.ts";
import type { StoredSession, Tombstone, WriteCall } from "../../store/store.ts";
import {
  type Admission,
  type Arrival,
  type Move,
  MOVED,
  movedTombstone,
  otherSalt,
  packedValue,
  type Transfer,
  unpackedValue,
  userKeyOf,
  valueIdIn,
  valueName,
} from "../../store/transfer.ts";
import { isLive } from "../../store/transitions.ts";
import type { MemoryValues } from "./memory-values.ts";

export interface MemoryPlaces {
  /** The time, where a call may begin. */
  begin(call?: WriteCall): number;
  salt: Buffer;
  readonly disabled: ReadonlySet<string>;
  readonly values: MemoryValues;
  record(id: string): Buffer | null;
  /** Also of a session that a cut-off would end. */
  endingOf(session: StoredSession): Tombstone | null;
  epochOf(userKey: string): number;
  put(session: StoredSession): void;
  /** Leaves only the tombstone. */
  take(session: StoredSession, tombstone: Tombstone): void;
  count(): Promise<number>;
}

export class MemoryTransfer implements Transfer {
  readonly #places: MemoryPlaces;
  readonly #aside = new Map<string, Buffer>();
  readonly #admitted = new Set<string>();
  #move: Move | null = null;

  constructor(places: MemoryPlaces) {
    this.#places = places;
  }

  async takeAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    const now = this.#places.begin(call);
    const aside = this.#aside.get(id);
    if (aside !== undefined) return aside;
    const record = this.#places.record(id);
    if (record === null || !isLive(record, now)) return null;
    this.#aside.set(id, record);
    this.#admitted.delete(id);
    this.#places.take({ id, record }, movedTombstone(record.readUIntBE(OFFSET.createdAt, 6), now));
    return record;
  }

  async takeValueAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    this.#places.begin(call);
    const name = valueName(id);
    const held = this.#aside.has(name) ? null : this.#places.values.remove(id);
    if (held !== null) {
      this.#aside.set(name, packedValue(held.value, held.endsAt));
      this.#admitted.delete(name);
    }
    return this.#aside.get(name) ?? null;
  }

  async valueIds(bucket: number, limit: number): Promise<string[]> {
    return this.#places.values.idsOf(bucket).slice(0, limit);
  }

  async taken(bucket?: number): Promise<string[]> {
    this.#places.begin();
    return [...this.#aside.keys()].filter((id) => bucket === undefined || bucketOf(id) === bucket);
  }

  async settle(id: string): Promise<void> {
    this.#places.begin();
    this.#aside.delete(id);
  }

  async disabledUsers(): Promise<string[]> {
    this.#places.begin();
    return [...this.#places.disabled];
  }

  async adopt(salt: Buffer): Promise<void> {
    this.#places.begin();
    if (this.#places.salt.equals(salt)) return;
    if ((await this.#places.count()) > 0) throw otherSalt();
    this.#places.salt = salt;
  }

  async begin(): Promise<Move> {
    this.#move ??= { id: randomBytes(12).toString("base64url"), begunAt: this.#places.begin() };
    return this.#move;
  }

  async begun(): Promise<Move | null> {
    this.#places.begin();
    return this.#move;
  }

  async forgetMove(): Promise<void> {
    this.#places.begin();
    this.#move = null;
  }

  async admit(arrival: Arrival, call?: WriteCall): Promise<Admission> {
    const now = this.#places.begin(call);
    if (this.#admitted.has(arrival.id)) return "known";
    this.#admitted.add(arrival.id);
    if (this.#places.record(arrival.id) !== null) return "known";
    const userKey = userKeyOf(arrival);
    const isOfAnEarlierEpoch =
      userKey !== null && arrival.record.readUIntBE(OFFSET.userEpoch, 6) < this.#places.epochOf(userKey);
    const ending = this.#places.endingOf(arrival);
    const isOver = !isLive(arrival.record, now) || (ending !== null && ending.reason !== MOVED);
    if (isOver || isOfAnEarlierEpoch) return "refused";
    this.#places.put(arrival);
    return "admitted";
  }

  async admitValue({ id: name, record }: Arrival, call?: WriteCall): Promise<Admission> {
    const now = this.#places.begin(call);
    if (this.#admitted.has(name)) return "known";
    this.#admitted.add(name);
    const { value, endsAt } = unpackedValue(record);
    if (now >= endsAt) return "refused";
    return this.#places.values.add(valueIdIn(name) ?? name, { value, endsAt }) ? "admitted" : "known";
  }

  async forgetAdmitted(): Promise<void> {
    this.#places.begin();
    this.#admitted.clear();
  }
}

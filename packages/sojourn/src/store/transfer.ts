/**
 * The part of the store contract by which sessions move to another store while applications use both (`stores/moving/`).
 * A session has one home at any moment: the source until it is taken away, the target once it was admitted. In between its
 * record lies aside at the source, and whoever meets it there finishes the move.
 */

import { userHashOf } from "../data/record.ts";
import { ConfigError } from "../errors.ts";
import type { WriteCall } from "./write-call.ts";

/** Reason of the tombstone that a session leaves where it was taken away. */
export const MOVED = "sojourn:moved";

/** A move into a store, said there by whoever moves. */
export interface Move {
  /** No other move has it. */
  readonly id: string;
  /** By the store's clock. */
  readonly begunAt: number;
}

export interface Arrival {
  readonly id: string;
  /** As it was taken away. */
  readonly record: Buffer;
}

/**
 * `refused`: it has ended here, began before its user's epoch or a cut-off of this store, or is over. `known`: it was
 * admitted or refused before, or is here.
 */
export type Admission = "admitted" | "known" | "refused";

export interface Transfer {
  /**
   * Takes a live session out of this store: no write finds it any more, its tombstone says `MOVED`, and its record lies
   * aside until `settle`. Answers the record, and until then the same again; null when there is none to take. That is no
   * ending: nothing counts it or tells of it. It may be admitted here again.
   */
  takeAway(id: string, call?: WriteCall): Promise<Buffer | null>;
  /** The same of a value (value-store.ts), or of what is remembered of one that was taken: packed, aside under `valueName(id)`. */
  takeValueAway(id: string, call?: WriteCall): Promise<Buffer | null>;
  /** At most so many ids of a bucket's values, with those of values that are remembered as taken. */
  valueIds(bucket: number, limit: number): Promise<string[]>;
  /** Sessions that were taken away and not settled, and names of values: of a bucket, or of all. */
  taken(bucket?: number): Promise<string[]>;
  /** Forgets the record that lies aside, once the target has admitted or refused it. */
  settle(id: string): Promise<void>;
  /** User keys that `create` refuses. */
  disabledUsers(): Promise<string[]>;
  /**
   * Makes another store's salt this one's: ids and user hashes come from it.
   * @throws ConfigError when this store has another one, and sessions
   */
  adopt(salt: Buffer): Promise<void>;
  /** Says that sessions move into this store; a second call answers the move that the first one began. */
  begin(): Promise<Move>;
  /** The move into this store, from when it was begun. */
  begun(): Promise<Move | null>;
  /** Sessions do not move into this store any more: they leave it. */
  forgetMove(): Promise<void>;
  /**
   * Stores a session as it was elsewhere, byte for byte, for the rest of its time, in all indexes. Once only, whatever became
   * of it since, until `forgetAdmitted`; never one that has ended here, but one that has left and comes back. Neither counted nor told as a beginning.
   */
  admit(arrival: Arrival, call?: WriteCall): Promise<Admission>;
  /** Stores a value as it was elsewhere, until its end, by `valueName(id)`. Once only, as `admit`; what is known here of its id stands. */
  admitValue(arrival: Arrival, call?: WriteCall): Promise<Admission>;
  /** No longer remembers which ids were admitted. To be called when nothing lies aside at the source. */
  forgetAdmitted(): Promise<void>;
}

/** Behind a value's id, where sessions are named, too. */
const OF_VALUE = "=";

/** What a value is called among what lies aside and what was admitted. */
export function valueName(id: string): string {
  return id + OF_VALUE;
}

/** Null for a session's. */
export function valueIdIn(name: string): string | null {
  return name.endsWith(OF_VALUE) ? name.slice(0, -OF_VALUE.length) : null;
}

/** 6 bytes of when it ends, and the value: an empty one stands for one that was taken. */
export function packedValue(value: Buffer, endsAt: number): Buffer {
  const head = Buffer.alloc(6);
  head.writeUIntBE(endsAt, 0, 6);
  return Buffer.concat([head, value]);
}

export function unpackedValue(packed: Buffer): { readonly value: Buffer; readonly endsAt: number } {
  return { value: packed.subarray(6), endsAt: packed.readUIntBE(0, 6) };
}

/** The user whose session it is, from its id and record; null for an anonymous one. */
export function userKeyOf({ id, record }: Arrival): string | null {
  const hash = userHashOf(record);
  return hash === null ? null : id.slice(0, 2) + hash;
}

/** What a session leaves where it was taken away. */
export function movedTombstone(createdAt: number, now: number) {
  return { reason: MOVED, actor: null, createdAt, endedAt: now } as const;
}

export function otherSalt(): ConfigError {
  return new ConfigError(
    "The store to move to holds sessions under a salt of its own, which their ids come from: move to an empty one.",
  );
}

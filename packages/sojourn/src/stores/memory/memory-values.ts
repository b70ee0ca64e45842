/** Values of other libraries, in this process's memory. */

import type { WriteCall } from "../../store/store.ts";
import { bucketOf } from "../../data/session-id.ts";
import { countIn, TAKEN_KNOWN_MS, type ValueInput, type ValueStore } from "../../store/value-store.ts";

export interface Held {
  readonly value: Buffer;
  readonly endsAt: number;
}

/** In place of a value that was taken away. */
const TAKEN = Buffer.alloc(0);
/** Looked at for death by each write. */
const SWEPT = 4;

export class MemoryValues implements ValueStore {
  /** Refuses a call to a closed store or a late one, and answers the time. */
  readonly #begin: (call?: WriteCall) => number;
  readonly #values = new Map<string, Held>();
  #sweep = this.#values.entries();

  constructor(begin: (call?: WriteCall) => number) {
    this.#begin = begin;
  }

  async get(id: string): Promise<Buffer | null> {
    return valueOf(this.#at(id, this.#begin()));
  }

  async set(id: string, { value, endsAt, revives }: ValueInput, call?: WriteCall): Promise<boolean> {
    const now = this.#write(call);
    if (!revives && this.#at(id, now)?.value === TAKEN) return false;
    this.#values.set(id, { value, endsAt });
    return true;
  }

  async take(id: string, call?: WriteCall): Promise<Buffer | null> {
    const now = this.#write(call);
    const value = valueOf(this.#at(id, now));
    if (value !== null) this.#values.set(id, { value: TAKEN, endsAt: now + TAKEN_KNOWN_MS });
    return value;
  }

  async increment(id: string, endsAt: number, call?: WriteCall): Promise<number | null> {
    const held = this.#at(id, this.#write(call));
    const value = valueOf(held);
    const count = value === null ? 0 : countIn(value);
    if (count === null) return null;
    const ends = value === null || held === null ? endsAt : held.endsAt;
    this.#values.set(id, { value: Buffer.from(String(count + 1)), endsAt: ends });
    return count + 1;
  }

  /** Leaves nothing of it, not even that it was taken. */
  remove(id: string): Held | null {
    const held = this.#at(id, this.#begin());
    this.#values.delete(id);
    return held;
  }

  /** Where nothing is known of it. */
  add(id: string, { value, endsAt }: Held): boolean {
    if (this.#at(id, this.#begin()) !== null) return false;
    this.#values.set(id, { value: value.length === 0 ? TAKEN : value, endsAt });
    return true;
  }

  idsOf(bucket: number): string[] {
    const now = this.#begin();
    return [...this.#values.keys()].filter((id) => bucketOf(id) === bucket && this.#at(id, now) !== null);
  }

  #at(id: string, now: number): Held | null {
    const held = this.#values.get(id);
    return held === undefined || now >= held.endsAt ? null : held;
  }

  #write(call: WriteCall | undefined): number {
    const now = this.#begin(call);
    for (let i = 0; i < SWEPT; i++) {
      const next = this.#sweep.next();
      if (next.done === true) this.#sweep = this.#values.entries();
      else if (now >= next.value[1].endsAt) this.#values.delete(next.value[0]);
    }
    return now;
  }
}

function valueOf(held: Held | null): Buffer | null {
  return held === null || held.value === TAKEN ? null : held.value;
}

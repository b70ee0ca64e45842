/**
 * Small values that another library keeps here under names of its own. Names are stored as keyed hashes, values sealed
 * under `secrets`, but for whole numbers, which the store counts up.
 */

import { CorruptRecordError } from "../data/session-record.ts";
import { EncryptionKeyMissingError, WrongKindError } from "../errors.ts";
import { countIn } from "../store/value-store.ts";
import type { Core } from "./core.ts";

/** What the values are authenticated with; no field has it. */
const VALUE = "\0value";
/** No browser keeps a cookie longer (RFC 6265bis). */
const LONGEST_MS = 400 * 86_400_000;

export interface StoredValueOptions {
  /** How long it is kept; at most, and by default, 400 days. */
  readonly ttlMs?: number | undefined;
  /** Also where a value was taken away in the last ten minutes. */
  readonly revives: boolean;
}

export class StoredValues {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Null when there is none, or it was sealed under a secret that is gone. @throws StoreUnavailableError */
  async get(name: string): Promise<string | null> {
    const id = await this.#idOf(name);
    return this.#opened(id, await this.#core.store.values.get(id));
  }

  async set(name: string, text: string, { ttlMs, revives }: StoredValueOptions): Promise<void> {
    const id = await this.#idOf(name);
    const plain = Buffer.from(text);
    const key = countIn(plain) === null ? this.#core.names.keyFor(VALUE) : null;
    const value = key === null ? plain : this.#core.names.seal(key, id, VALUE, text);
    await this.#core.store.values.set(id, { value, endsAt: this.#endOf(ttlMs), revives });
  }

  /** Takes it away, and answers it to one of those who ask. */
  async take(name: string): Promise<string | null> {
    const id = await this.#idOf(name);
    return this.#opened(id, await this.#core.store.values.take(id));
  }

  /** The sum; `ttlMs` holds from the first one on. @throws WrongKindError */
  async increment(name: string, ttlMs: number | undefined): Promise<number> {
    const sum = await this.#core.store.values.increment(await this.#idOf(name), this.#endOf(ttlMs));
    if (sum === null) throw new WrongKindError(name);
    return sum;
  }

  async #idOf(name: unknown): Promise<string> {
    if (typeof name !== "string") throw new TypeError(`A key must be a string, not ${typeof name}.`);
    return (await this.#core.placement()).namedId(`value\0${name}`);
  }

  #endOf(ttlMs = LONGEST_MS): number {
    return Math.ceil(this.#core.store.now() + Math.min(ttlMs, LONGEST_MS));
  }

  #opened(id: string, value: Buffer | null): string | null {
    if (value === null) return null;
    if (countIn(value) !== null) return value.toString("latin1");
    try {
      return this.#core.names.open(id, VALUE, value);
    } catch (error) {
      if (error instanceof EncryptionKeyMissingError || error instanceof CorruptRecordError) return null;
      throw error;
    }
  }
}

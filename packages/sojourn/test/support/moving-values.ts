/** Values of another library under load while their store is moved: what a node of the application knows must be so of each. */

import { secondaryStorage, type SecondaryStorage } from "../../src/adapters/better-auth.ts";
import type { Sessions } from "../../src/index.ts";

interface KnownValue {
  readonly key: string;
  /** What must be there: null once it was deleted. */
  text: string | null;
  busy: boolean;
}

const LASTS_S = 86_400;

export class KnownValues {
  /** Values that are not there as they were acknowledged, or are there twice. */
  lost = 0;
  /** Values that are there although they were deleted, or were given to two who took them. */
  revived = 0;
  acted = 0;
  readonly #name: string;
  readonly #known: KnownValue[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** A number, which is counted up, or a text. */
  async begin(sessions: Sessions): Promise<void> {
    const [key, text] = [`${this.#name}-${this.#known.length}`, this.#known.length % 2 === 0 ? "1" : "text 1"];
    const value = { key, text, busy: true };
    this.#known.push(value);
    await secondaryStorage(sessions).set(key, text, LASTS_S);
    value.busy = false;
  }

  async act(sessions: Sessions): Promise<void> {
    const each = this.#known[Math.floor(Math.random() * this.#known.length)];
    if (each === undefined || each.busy) return;
    each.busy = true;
    this.acted += 1;
    try {
      await this.#actOn(secondaryStorage(sessions), each, Math.random());
    } finally {
      each.busy = false;
    }
  }

  async #actOn(storage: SecondaryStorage, each: KnownValue, dice: number): Promise<void> {
    if (dice < 0.6) return this.#check(each, await storage.get(each.key));
    if (each.text === null || dice > 0.97) return this.#taken(storage, each);
    if (!each.text.startsWith("text")) {
      const sum = await storage.increment(each.key, LASTS_S);
      each.text = String(Number(each.text) + 1);
      return this.#check(each, String(sum));
    }
    const text = `text ${Math.random()}`;
    await storage.set(each.key, text, LASTS_S);
    each.text = text;
  }

  /** Two ask at once. */
  async #taken(storage: SecondaryStorage, each: KnownValue): Promise<void> {
    const taken = await Promise.all([storage.getAndDelete(each.key), storage.getAndDelete(each.key)]);
    const expected = each.text;
    each.text = null;
    const got = taken.filter((text) => text !== null);
    if (got.length > (expected === null ? 0 : 1)) this.revived += 1;
    else if (expected !== null && got[0] !== expected) this.lost += 1;
  }

  #check({ text }: KnownValue, found: string | null): void {
    if (found === text) return;
    if (text === null) this.revived += 1;
    else this.lost += 1;
  }

  /** All of them, and how many there are. */
  async verify(sessions: Sessions): Promise<number> {
    const storage = secondaryStorage(sessions);
    for (let from = 0; from < this.#known.length; from += 100) {
      const some = this.#known.slice(from, from + 100);
      await Promise.all(some.map(async (each) => this.#check(each, await storage.get(each.key))));
    }
    return this.#known.filter(({ text }) => text !== null).length;
  }
}

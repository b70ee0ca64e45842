/** How often something may be done: a token bucket of two numbers, whoever asks and however often. */

import { inspect } from "node:util";
import { ConfigError } from "../errors.ts";

const PER_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const PATTERN = /^([1-9]\d{0,8})\/([smh])$/;

/** So many a second, minute or hour, as in `"6000/m"`; all of them may come at once. */
export type Rate = `${number}/${keyof typeof PER_MS}`;

/** @internal */
export class RateLimit {
  readonly #capacity: number;
  readonly #msForOne: number;
  readonly #monotonic: () => number;
  #left: number;
  #countedAt: number;

  /** @throws ConfigError naming the option for anything but a rate */
  constructor(option: string, rate: unknown, monotonic: () => number) {
    const match = typeof rate === "string" ? PATTERN.exec(rate) : null;
    if (match === null) {
      throw new ConfigError(
        `Option ${option} must be a rate such as "100/s", "6000/m" or "50000/h", not ${inspect(rate)}.`,
      );
    }
    this.#capacity = Number(match[1]);
    this.#msForOne = PER_MS[match[2] as keyof typeof PER_MS] / this.#capacity;
    this.#monotonic = monotonic;
    this.#left = this.#capacity;
    this.#countedAt = monotonic();
  }

  /** Takes one, and answers 0; or takes nothing, and answers in how many milliseconds there will be one. */
  take(): number {
    const now = this.#monotonic();
    this.#left = Math.min(this.#capacity, this.#left + (now - this.#countedAt) / this.#msForOne);
    this.#countedAt = now;
    if (this.#left < 1) return (1 - this.#left) * this.#msForOne;
    this.#left -= 1;
    return 0;
  }
}

/** Random numbers that a seed repeats. */
export class Random {
  #state: number;

  /** The same words give the same numbers. */
  constructor(...words: readonly (number | string)[]) {
    this.#state = 0x811c9dc5;
    for (const character of words.join("/")) {
      this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x01000193);
    }
  }

  /** From 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  /** As often between 1 and 10 as between 10 and 100. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.next();
  }

  /** Waiting times of what comes by chance. */
  waiting(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0];
  }
}

/** A way to the site: delays, losses, and a phone that goes back and forth between two networks. */

import type { Journal } from "./journal.ts";
import type { Random } from "../support/random.ts";
import type { Timeline } from "./timeline.ts";

/** How long a message may be under way: half the grace of 30 s, which `rotation.ts` asks for. */
const LONGEST_MS = 15_000;
const LOST_RESPONSES = 0.05;
const LOST_REQUESTS = 0.01;
/** Messages that a bad spot holds up; others overtake them. */
const HELD_UP = 0.02;

interface Link {
  readonly least: number;
  readonly most: number;
}

const LINKS: readonly [Link, Link] = [
  { least: 5, most: 60 },
  { least: 40, most: 900 },
];

export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #moving: boolean;
  #link: Link;
  #changesAt = Number.POSITIVE_INFINITY;

  /** @param moving whether it changes between Wi-Fi and mobile, about once a minute */
  constructor(timeline: Timeline, random: Random, journal: Journal, moving: boolean) {
    this.#timeline = timeline;
    this.#random = random;
    this.#journal = journal;
    this.#moving = moving;
    this.#link = random.pick(LINKS);
    this.#planChange();
  }

  /** How long a request is under way; null when it never arrives. */
  request(): number | null {
    return this.#message(LOST_REQUESTS);
  }

  /** The same of a response. */
  response(): number | null {
    const delay = this.#message(LOST_RESPONSES);
    if (delay === null) this.#journal.lostResponses++;
    return delay;
  }

  #message(lost: number): number | null {
    this.#passTime();
    if (this.#random.chance(lost)) return null;
    const delay = this.#random.chance(HELD_UP)
      ? this.#random.spread(1_000, LONGEST_MS)
      : this.#random.spread(this.#link.least, this.#link.most);
    if (this.#timeline.age + delay < this.#changesAt) return delay;
    // The network went away while it was under way: gone, or delivered when the network is back.
    this.#journal.cutOrHeld++;
    return this.#random.chance(0.6) ? null : Math.max(delay, this.#random.between(2_000, LONGEST_MS));
  }

  #passTime(): void {
    while (this.#timeline.age >= this.#changesAt) {
      this.#link = this.#link === LINKS[0] ? LINKS[1] : LINKS[0];
      this.#planChange();
    }
  }

  #planChange(): void {
    if (this.#moving) this.#changesAt = this.#timeline.age + this.#random.waiting(60_000);
  }
}

/** Somebody with a copy of the cookie, who takes over what the server sends like a browser does. */

import { generationOf, type Journal } from "./journal.ts";
import type { Random } from "../support/random.ts";
import type { Site } from "./site.ts";
import type { Timeline } from "./timeline.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export interface Rhythm {
  readonly name: string;
  /** From the copy to its first use. */
  firstUse(random: Random): number;
  pause(random: Random): number;
  readonly uses: number;
}

export const RHYTHMS: readonly [Rhythm, ...Rhythm[]] = [
  {
    name: "every 10 s",
    firstUse: () => SECOND,
    pause: (random) => random.between(8 * SECOND, 12 * SECOND),
    uses: 1000,
  },
  { name: "every minute", firstUse: () => SECOND, pause: (random) => random.waiting(MINUTE), uses: 500 },
  { name: "every 10 minutes", firstUse: () => SECOND, pause: (random) => random.waiting(10 * MINUTE), uses: 200 },
  {
    name: "once an hour",
    firstUse: (random) => random.between(0, HOUR),
    pause: (random) => random.waiting(HOUR),
    uses: 50,
  },
  {
    name: "first use hours later",
    firstUse: (random) => random.spread(HOUR, 12 * HOUR),
    pause: () => MINUTE,
    uses: 50,
  },
  { name: "a burst, then no more", firstUse: () => SECOND, pause: () => 2 * SECOND, uses: 20 },
  { name: "once, at once", firstUse: () => SECOND, pause: () => SECOND, uses: 1 },
];

export async function steal(
  token: string,
  rhythm: Rhythm,
  { timeline, random, site, journal }: { timeline: Timeline; random: Random; site: Site; journal: Journal },
): Promise<void> {
  let copy: string | null = token;
  journal.stolenAt = timeline.age;
  await timeline.sleep(rhythm.firstUse(random));
  for (let i = 0; i < rhythm.uses && copy !== null && journal.ending === null; i++) {
    await timeline.sleep(random.spread(20, 300));
    const { status, cookie } = await site.answer({ party: "thief", token: copy, handlerMs: 5 });
    await timeline.sleep(random.spread(20, 300));
    if (typeof cookie === "string" && generationOf(cookie) >= generationOf(copy)) copy = cookie;
    else if (cookie === null || status === 401) copy = null;
    await timeline.sleep(rhythm.pause(random));
  }
}

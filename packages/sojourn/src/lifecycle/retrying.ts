/** Trying again where another writer of the session was faster. */

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const PAUSED_FROM_TRY = 3;
const MAX_PAUSE_MS = 12;

/** From the third try on, at random: writers that keep step would starve each other. */
export async function pauseBefore(attempt: number): Promise<void> {
  if (attempt >= PAUSED_FROM_TRY) await sleep(randomInt(1, MAX_PAUSE_MS));
}

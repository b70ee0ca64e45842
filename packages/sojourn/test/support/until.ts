/** Waiting for servers, also outside of a test runner. */

import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 20;

/** Asks again and again; what fails is not so yet. @throws Error when it is not so in time */
export async function until(isSo: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > giveUpAt) throw new Error(`not so within ${withinMs} ms: ${String(isSo)}`);
    await sleep(LOOK_EVERY_MS);
  }
}

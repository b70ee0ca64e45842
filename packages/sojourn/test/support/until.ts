import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again, also outside of a test. @throws Error when it is not so in time */
export async function until(isSo: () => Promise<boolean>, withinMs: number): Promise<void> {
  for (const latest = performance.now() + withinMs; !(await isSo()); await sleep(50)) {
    if (performance.now() > latest) throw new Error(`not so within ${withinMs} ms`);
  }
}

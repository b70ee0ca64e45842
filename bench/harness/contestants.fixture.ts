/** Contestants for the harness's own test. */

import type { LoopedContestant } from "./contestant.ts";

const close = async (): Promise<void> => undefined;

export async function counting(): Promise<LoopedContestant> {
  return { operation: async () => count(), close };
}

function count(): number {
  let sum = 0;
  for (let i = 0; i < 100_000; i++) sum += i % 7;
  return sum;
}

export async function dying(): Promise<LoopedContestant> {
  return {
    async operation() {
      process.stderr.write("the disk is on fire\n", () => process.exit(7));
      await new Promise(() => undefined);
    },
    close,
  };
}

/** Goes on without a channel. */
export async function leaving(): Promise<LoopedContestant> {
  setInterval(() => undefined, 1_000);
  return { operation: async () => process.disconnect?.(), close };
}

export async function unable(): Promise<LoopedContestant> {
  throw new Error("no database");
}

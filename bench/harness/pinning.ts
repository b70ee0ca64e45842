/** Which core runs what, where there are two and `taskset`: contestants on one, everything else on the other. */

import { execFileSync, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

const CORES = { harness: "0", subject: "1" } as const;

const canPin =
  process.platform === "linux" &&
  availableParallelism() >= 2 &&
  spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0;

/** This process, and what it starts: the load and the servers' databases. */
export function pinHarness(): void {
  pinProcess("harness", process.pid);
}

/** A process that runs already, with all its threads. */
export function pinProcess(role: keyof typeof CORES, pid: number): void {
  if (canPin) execFileSync("taskset", ["-acp", CORES[role], String(pid)], { stdio: "ignore" });
}

export function pinned(
  role: keyof typeof CORES,
  file: string,
  args: readonly string[],
): { file: string; args: string[] } {
  return canPin ? { file: "taskset", args: ["-c", CORES[role], file, ...args] } : { file, args: [...args] };
}

/** For the report. */
export function pinningNote(): string {
  return canPin
    ? `contestants pinned to core ${CORES.subject}, load and redis-server to core ${CORES.harness}`
    : "nothing pinned to a core";
}

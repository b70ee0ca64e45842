/** How much of the machine others used while we measured: this process and its children are not others. */

import { readFileSync } from "node:fs";

export interface CpuTicks {
  /** Hundredths of seconds of CPU time, of all processes. */
  readonly busy: number;
  /** Of this process, and of those children that have ended. */
  readonly own: number;
}

/** Of a core: over this, results are not kept. */
export const MAX_FOREIGN = 0.2;
const TICKS_PER_SECOND = 100;

/** Null where there is no /proc. */
export function cpuTicks(): CpuTicks | null {
  try {
    return {
      busy: busyTicks(readFileSync("/proc/stat", "utf8")),
      own: ownTicks(readFileSync("/proc/self/stat", "utf8")),
    };
  } catch {
    return null;
  }
}

/** The share of one core, mean of the time between. Children must have ended by the second. */
export function foreignCores(before: CpuTicks | null, after: CpuTicks | null, seconds: number): number | undefined {
  if (before === null || after === null) return undefined;
  const ticks = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, ticks / TICKS_PER_SECOND / seconds);
}

/** User, nice and system: time in interrupts, which loopback takes much of, is no process's. */
export function busyTicks(stat: string): number {
  const [, user = 0, nice = 0, system = 0] = (stat.split("\n", 1)[0] ?? "").split(/ +/).map(Number);
  return user + nice + system;
}

/** utime, stime, cutime and cstime: the 14th to 17th field, counted from behind the name, which may have spaces. */
export function ownTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

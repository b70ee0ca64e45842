/** How long another client's pings take while much is done at once. */

import { quantile } from "../harness/statistics.ts";
import type { Pinger, PlaceNode } from "./nodes.ts";
import type { Task } from "./tasks.ts";

export interface Disturbance {
  readonly what: string;
  /** Sessions or the like, of all times together. */
  readonly counted: number;
  /** Milliseconds of each time. */
  readonly took: readonly number[];
  /** Milliseconds of each ping meanwhile. */
  readonly pings: readonly number[];
}

export interface Disturbing {
  readonly node: PlaceNode;
  readonly pinger: Pinger;
  readonly times: number;
  readonly task: Task;
  /** Between two times, beside no pings that count. */
  readonly before?: Task;
}

export async function disturbed(what: string, { node, pinger, times, task, before }: Disturbing): Promise<Disturbance> {
  const took: number[] = [];
  const pings: number[] = [];
  let counted = 0;
  for (let time = 0; time < times; time++) {
    if (before !== undefined && time > 0) await node.task(before);
    const meanwhile = await pinger.during(async () => {
      const startedAt = performance.now();
      counted += await node.task(task);
      took.push(performance.now() - startedAt);
    });
    pings.push(...meanwhile);
  }
  return { what, counted, took, pings };
}

export const DISTURBANCE_COLUMNS = [
  "meanwhile",
  "times",
  "sessions",
  "median ms",
  "pings",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "most ms",
];

export function disturbanceRow({ what, counted, took, pings }: Disturbance, text: (value: number) => string): string[] {
  const counts = [what, took.length, counted, text(quantile(took, 0.5)), pings.length].map(String);
  return [...counts, ...[0.5, 0.99, 0.999, 1].map((q) => text(quantile(pings, q)))];
}

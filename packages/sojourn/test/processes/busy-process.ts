/** A process that only computes, 3 ms a turn: how long its event loop stands still is the machine's doing. Argument: for how long (ms). */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";

const TURN_MS = 3;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const until = performance.now() + Number(process.argv[2]);
while (performance.now() < until) {
  const turn = performance.now() + TURN_MS;
  while (performance.now() < turn);
  await nextTurn();
}
process.send?.(delay.max / 1e6 - 1);
process.disconnect?.();

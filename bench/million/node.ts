/**
 * A process of its own at one place. Argument: `PlaceOptions` as JSON. Does what it is told by messages, one at a time,
 * and answers each; how many sessions it has made it tells in between.
 */

import { operationsOf, type Run } from "./operations.ts";
import { Place, type PlaceOptions } from "./place.ts";
import { type Task, TASKS } from "./tasks.ts";

export type Order =
  | { readonly order: "fill" }
  | { readonly order: "operations" }
  | { readonly order: "begin"; readonly operation: string; readonly from: number; readonly calls: number }
  /** Answers how long each of the calls that were begun took, in microseconds. */
  | { readonly order: "call" }
  | { readonly order: "after" }
  /** Answers what it counted. */
  | { readonly order: Task };

export interface OperationFacts {
  readonly name: string;
  readonly calls: number;
}

export type NodeAnswer = { readonly progress: number } | { readonly answer: unknown } | { readonly failed: string };

const place = await Place.open(JSON.parse(process.argv[2] ?? "{}") as PlaceOptions);
const operations = operationsOf(place);
let begun: { run: Run; calls: number } | null = null;

async function obey(message: Order): Promise<unknown> {
  if (message.order === "fill") return place.fill((made) => say({ progress: made }));
  if (message.order === "operations") return operations.map(({ name, calls }): OperationFacts => ({ name, calls }));
  if (message.order === "begin") {
    const operation = operations.find(({ name }) => name === message.operation);
    if (operation === undefined) throw new TypeError(`there is no operation ${message.operation}`);
    begun = { run: await operation.begin(message.from, message.calls), calls: message.calls };
    return null;
  }
  if (message.order === "call") return begun === null ? [] : timed(begun.run, begun.calls);
  if (message.order === "after") return begun?.run.after?.();
  return TASKS[message.order](place);
}

async function timed(run: Run, calls: number): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < calls; n++) {
    const sentAt = performance.now();
    await run.call(n);
    took.push((performance.now() - sentAt) * 1_000);
  }
  return took;
}

function say(answer: NodeAnswer): void {
  process.send?.(answer);
}

process.on("message", (message) => {
  obey(message as Order).then(
    (answer) => say({ answer: answer ?? null }),
    (error: unknown) => say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.once("disconnect", () => void place.close().finally(() => process.exit()));
say({ answer: "ready" });

/** The same operations at two places that take turns. */

import { bootstrap, compare, type Comparison, median, quantile } from "../harness/statistics.ts";
import type { OperationFacts } from "./node.ts";
import type { PlaceNode } from "./nodes.ts";

export interface Side {
  readonly node: PlaceNode;
  /** CPU that its server has used so far, in microseconds; null where it has none of its own. */
  readonly cpuMicros: (() => Promise<number>) | null;
}

export interface Samples {
  /** Microseconds of each call. */
  readonly took: number[];
  /** Median of each round. */
  readonly medians: number[];
  /** Microseconds of the server's CPU for a call, of each round. */
  readonly cpu: number[];
}

export interface Compared {
  readonly name: string;
  readonly small: Samples;
  readonly large: Samples;
}

/** A first round that does not count, then the rounds: each begins with the other place. */
export async function compareOperations(small: Side, large: Side, rounds: number): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const operation of await large.node.operations()) {
    const of = { name: operation.name, small: noSamples(), large: noSamples() };
    const sides = [
      [small, of.small],
      [large, of.large],
    ] as const;
    for (const [side] of sides) await sample(side, operation, 0, noSamples());
    for (let round = 1; round <= rounds; round++) {
      const order = round % 2 === 0 ? sides : sides.toReversed();
      for (const [side, samples] of order) await sample(side, operation, round, samples);
    }
    compared.push(of);
  }
  return compared;
}

function noSamples(): Samples {
  return { took: [], medians: [], cpu: [] };
}

async function sample({ node, cpuMicros }: Side, operation: OperationFacts, round: number, to: Samples): Promise<void> {
  await node.round(operation, round * operation.calls, async (calling) => {
    const before = (await cpuMicros?.()) ?? 0;
    const took = await calling();
    if (cpuMicros !== null) to.cpu.push(((await cpuMicros()) - before) / operation.calls);
    to.took.push(...took);
    to.medians.push(median(took));
  });
}

/** Time at the large place ÷ at the small one. */
export function timeRatio({ small, large }: Compared): Comparison["ratio"] {
  return compare(large.medians, small.medians).ratio;
}

export const COLUMNS = ["operation", "p50 µs, small", "large", "p99 µs, small", "large", "ratio", "95 % interval"];
export const CPU_COLUMNS = ["server's CPU µs, small", "large", "ratio"];

/** A row of `COLUMNS`, and of `CPU_COLUMNS` where that was measured. */
export function rowOf(compared: Compared, text: (value: number) => string): string[] {
  const { name, small, large } = compared;
  const { median: ratio, low, high } = timeRatio(compared);
  const times = [0.5, 0.99].flatMap((q) => [small, large].map(({ took }) => text(quantile(took, q))));
  const row = [name, ...times, text(ratio), `${text(low)} – ${text(high)}`];
  if (small.cpu.length === 0) return row;
  const cpu = bootstrap(large.cpu.map((micros, i) => micros / (small.cpu[i] ?? Number.NaN)));
  return [...row, text(median(small.cpu)), text(median(large.cpu)), text(cpu.median)];
}

/** Processes that read sessions over and over, and their comparison with a bare `GET` and `JSON.parse`. */

import type { Measured } from "../budgets.ts";
import type { Contestant } from "../harness/contestants.ts";
import type { RateTable } from "../harness/result.ts";
import { alternate } from "../harness/rounds.ts";
import type { Bench } from "../harness/scenario.ts";
import type { Connection } from "../subjects/redis-clients.ts";

export const SAMPLE_MS = 300;
const PROFILE_MS = 1_000;

export const BARE = "GET + JSON.parse";
export const USER_ID = "validate, userId read";
export const DATA = "validate, data read";

const peers = new URL("../peers/bare-redis.ts", import.meta.url);
const subjects = new URL("../subjects/sojourn-calls.ts", import.meta.url);

/** The bare one and two through Sojourn. */
export async function startedReaders(bench: Bench, to: Connection): Promise<Contestant[]> {
  return [
    await bench.contestant({ name: BARE, module: peers, export: "getAndParse", parameters: to }),
    await startedReader(bench, to, USER_ID, "validateUserId"),
    await startedReader(bench, to, DATA, "validateData"),
  ];
}

export function startedReader(
  bench: Bench,
  to: Connection,
  name: string,
  exported: "validateUserId" | "validateData",
  nearCache = false,
): Promise<Contestant> {
  const parameters = { ...to, namespace: `${exported}-${String(nearCache)}`, nearCache };
  return bench.contestant({ name, module: subjects, export: exported, parameters });
}

export async function compared(
  bench: Bench,
  readers: readonly Contestant[],
  client: string,
  inFlight: number,
): Promise<RateTable> {
  const rows = await alternate(
    readers.map((each) => each.sampler(() => each.run(SAMPLE_MS, inFlight, inFlight === 1))),
    bench.rounds,
  );
  return { title: `${client}, ${inFlight} in flight`, unit: "ops/s", baseline: BARE, rows };
}

export type OfRow = readonly [row: string, measured: Measured];

/** With a profile of what missed. */
export async function judged(
  bench: Bench,
  readers: readonly Contestant[],
  all: readonly OfRow[],
  inFlight: number,
): Promise<Measured[]> {
  const results: Measured[] = [];
  for (const [row, measured] of all) {
    const reader = readers.find(({ name }) => name === row);
    if (reader === undefined) throw new RangeError(`no reader ${row}`);
    results.push(await bench.judged(measured, reader, () => reader.run(PROFILE_MS, inFlight)));
  }
  return results;
}

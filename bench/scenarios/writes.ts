/** A write of one field beside a bare `SET` of the whole. */

import { type ClientName, CLIENTS, type Measured } from "../budgets.ts";
import { type RateTable, ratioFor } from "../harness/result.ts";
import { alternate } from "../harness/rounds.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";

const SIZES = [
  { kilobytes: 1, inFlight: [1, 64] },
  { kilobytes: 10, inFlight: [1] },
] as const;
const SAMPLE_MS = 300;
const PROFILE_MS = 1_000;
const BARE = "SET of JSON.stringify";
const OURS = "set(field, value)";

export const writes: Scenario = {
  name: "writes",
  title: "Writes",
  isQuick: false,
  async run(bench) {
    const rates: RateTable[] = [];
    const measured: Measured[] = [];
    for (const client of CLIENTS) {
      for (const { kilobytes, inFlight } of SIZES) {
        for (const table of await compared(bench, client, kilobytes, inFlight)) {
          rates.push(table.rates);
          measured.push(table.measured);
        }
      }
    }
    return {
      method: [
        `2,000 sessions, written in turn; samples of ${SAMPLE_MS} ms, ${bench.rounds} rounds; each contestant a process of its own.`,
        "set(field, value) is one script that changes one field and nothing else, whoever writes the others meanwhile; SET replaces everything, so that of two writers one is lost.",
        REDIS_NOTE,
      ],
      rates,
      facts: [],
      measured,
    };
  },
};

async function compared(
  bench: Bench,
  client: ClientName,
  kilobytes: number,
  inFlights: readonly number[],
): Promise<{ rates: RateTable; measured: Measured }[]> {
  const { port } = await bench.redis();
  const bytes = kilobytes * 1_000;
  const parameters = { client, port, bytes, namespace: "writes" };
  const bare = await bench.contestant({
    name: BARE,
    module: new URL("../peers/bare-redis.ts", import.meta.url),
    export: "setJson",
    parameters,
  });
  const ours = await bench.contestant({
    name: OURS,
    module: new URL("../subjects/sojourn-calls.ts", import.meta.url),
    export: "writeField",
    parameters,
  });
  const contestants = [bare, ours];
  const tables: { rates: RateTable; measured: Measured }[] = [];
  for (const inFlight of inFlights) {
    const rows = await alternate(
      contestants.map((each) => each.sampler(() => each.run(SAMPLE_MS, inFlight, inFlight === 1))),
      bench.rounds,
    );
    const title = `${client}, records of ${kilobytes} kB, ${inFlight} in flight`;
    const rates: RateTable = { title, unit: "ops/s", baseline: BARE, rows };
    const measured = ratioFor(`writes.${client}.${kilobytes}.${inFlight}`, rates, OURS, BARE);
    tables.push({ rates, measured: await bench.judged(measured, ours, () => ours.run(PROFILE_MS, inFlight)) });
  }
  await Promise.all(contestants.map((each) => each.stop()));
  return tables;
}

/** Reads through `validate`, with and without the near cache, beside a bare `GET` and `JSON.parse` of the same client. */

import { type ClientName, CLIENTS, type Measured } from "../budgets.ts";
import { getLimits } from "../harness/redis-benchmark.ts";
import { type RateTable, ratioFor } from "../harness/result.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { median } from "../harness/statistics.ts";
import {
  BARE,
  compared,
  DATA,
  judged,
  type OfRow,
  SAMPLE_MS,
  startedReader,
  startedReaders,
  USER_ID,
} from "./readers.ts";

const IN_FLIGHT = [1, 64, 512];
/** What it is compared with at 512 in flight would be no other than at 64: a hit waits for nothing. */
const NEAR_IN_FLIGHT = [1, 64];
const LIMIT_REQUESTS = 60_000;
const LIMIT_SHAPES = [
  { connections: 1, pipeline: 1 },
  { connections: 64, pipeline: 1 },
  { connections: 512, pipeline: 1 },
  { connections: 1, pipeline: 64 },
];

const NEAR = "validate, near-cache hit";
/** The same, but for what decoding costs. */
const NEAR_DATA = "validate, near-cache hit, data read";

export const reads: Scenario = {
  name: "reads",
  title: "Reads",
  isQuick: true,
  async run(bench) {
    const rates: RateTable[] = [];
    const measured: Measured[] = [];
    for (const client of CLIENTS) {
      const to = { client, port: (await bench.redis()).port };
      const contestants = [
        ...(await startedReaders(bench, to)),
        await startedReader(bench, to, NEAR, "validateUserId", true),
        await startedReader(bench, to, NEAR_DATA, "validateData", true),
      ];
      for (const inFlight of IN_FLIGHT) {
        const taking = contestants.filter(({ name }) => !name.startsWith(NEAR) || NEAR_IN_FLIGHT.includes(inFlight));
        const table = await compared(bench, taking, client, inFlight);
        rates.push(table);
        measured.push(...(await judged(bench, taking, budgetsOf(table, client, inFlight), inFlight)));
      }
      await Promise.all(contestants.map((each) => each.stop()));
    }
    const limits = await getLimits((await bench.redis()).port, LIMIT_SHAPES, LIMIT_REQUESTS);
    return {
      method: [
        `2,000 sessions of 400 bytes of JSON in ten fields, asked for in turn; samples of ${SAMPLE_MS} ms, ${bench.rounds} rounds.`,
        "A contestant is a process of its own, alone at work during its sample; both clients as they are out of the box.",
        "validate verifies the token, batches the reads of one turn and judges the record; the bare read does none of it.",
        "Near-cache hits include the misses that a lease of 5 s brings.",
        REDIS_NOTE,
      ],
      rates,
      facts: [
        {
          title: "The limit: GET of 400 bytes by redis-benchmark",
          columns: ["connections", "commands sent at once by each", "ops/s"],
          rows: limits.map(({ connections, pipeline, rate }) => [connections, pipeline, Math.round(rate)].map(String)),
        },
      ],
      measured,
    };
  },
};

function budgetsOf(table: RateTable, client: ClientName, inFlight: number): OfRow[] {
  const of = (kind: string, row: string): OfRow => [
    row,
    ratioFor(`reads.${client}.${inFlight}.${kind}`, table, row, BARE),
  ];
  return [
    of("userId", USER_ID),
    of("data", DATA),
    ...(NEAR_IN_FLIGHT.includes(inFlight) ? [of("near", NEAR)] : []),
    ...(inFlight === 1 ? [[USER_ID, { budget: `reads.${client}.p50`, value: p50Ms(table) }] satisfies OfRow] : []),
  ];
}

function p50Ms(table: RateTable): number {
  const row = table.rows.find(({ name }) => name === USER_ID);
  return median((row?.samples ?? []).flatMap((sample) => sample.latencyMicros?.p50 ?? [])) / 1_000;
}

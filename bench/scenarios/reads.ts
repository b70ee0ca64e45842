/** Reads through `validate`, with and without the near cache, beside a bare `GET` and `JSON.parse` of the same client. */

import { type ClientName, CLIENTS, type Measured } from "../budgets.ts";
import type { Contestant } from "../harness/contestants.ts";
import { getLimits } from "../harness/redis-benchmark.ts";
import { type RateTable, ratioFor } from "../harness/result.ts";
import { alternate } from "../harness/rounds.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { median } from "../harness/statistics.ts";

const IN_FLIGHT = [1, 64, 512];
/** What it is compared with at 512 in flight would be no other than at 64: a hit waits for nothing. */
const NEAR_IN_FLIGHT = [1, 64];
const SAMPLE_MS = 300;
const PROFILE_MS = 1_000;

const LIMIT_REQUESTS = 60_000;
const LIMIT_SHAPES = [
  { connections: 1, pipeline: 1 },
  { connections: 64, pipeline: 1 },
  { connections: 512, pipeline: 1 },
  { connections: 1, pipeline: 64 },
];

const BARE = "GET + JSON.parse";
const USER_ID = "validate, userId read";
const DATA = "validate, data read";
const NEAR = "validate, near-cache hit";

const peers = new URL("../peers/bare-redis.ts", import.meta.url);
const subjects = new URL("../subjects/sojourn-calls.ts", import.meta.url);

export const reads: Scenario = {
  name: "reads",
  title: "Reads",
  isQuick: true,
  async run(bench) {
    const rates: RateTable[] = [];
    const measured: Measured[] = [];
    for (const client of CLIENTS) {
      const contestants = await started(bench, client);
      for (const inFlight of IN_FLIGHT) {
        const table = await compared(bench, contestants, client, inFlight);
        rates.push(table);
        measured.push(...(await judged(bench, contestants, table, client, inFlight)));
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

async function started(bench: Bench, client: ClientName): Promise<Contestant[]> {
  const { port } = await bench.redis();
  const subject = (name: string, exported: string, nearCache: boolean) =>
    bench.contestant({
      name,
      module: subjects,
      export: exported,
      parameters: { client, port, namespace: `${exported}-${String(nearCache)}`, nearCache },
    });
  return [
    await bench.contestant({ name: BARE, module: peers, export: "getAndParse", parameters: { client, port } }),
    await subject(USER_ID, "validateUserId", false),
    await subject(DATA, "validateData", false),
    await subject(NEAR, "validateUserId", true),
  ];
}

async function compared(
  bench: Bench,
  contestants: readonly Contestant[],
  client: ClientName,
  inFlight: number,
): Promise<RateTable> {
  const taking = contestants.filter(({ name }) => name !== NEAR || NEAR_IN_FLIGHT.includes(inFlight));
  const rows = await alternate(
    taking.map((each) => each.sampler(() => each.run(SAMPLE_MS, inFlight, inFlight === 1))),
    bench.rounds,
  );
  return { title: `${client}, ${inFlight} in flight`, unit: "ops/s", baseline: BARE, rows };
}

function budgetsOf(table: RateTable, client: ClientName, inFlight: number): [row: string, Measured][] {
  const of = (kind: string, row: string): [string, Measured] => [
    row,
    ratioFor(`reads.${client}.${inFlight}.${kind}`, table, row, BARE),
  ];
  return [
    of("userId", USER_ID),
    of("data", DATA),
    ...(NEAR_IN_FLIGHT.includes(inFlight) ? [of("near", NEAR)] : []),
    ...(inFlight === 1
      ? [[USER_ID, { budget: `reads.${client}.p50`, value: p50Ms(table) }] satisfies [string, Measured]]
      : []),
  ];
}

/** With a profile of what missed. */
async function judged(
  bench: Bench,
  contestants: readonly Contestant[],
  table: RateTable,
  client: ClientName,
  inFlight: number,
): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const [row, measured] of budgetsOf(table, client, inFlight)) {
    const contestant = contestants.find(({ name }) => name === row);
    if (contestant === undefined) throw new RangeError(`no contestant ${row}`);
    all.push(await bench.judged(measured, contestant, () => contestant.run(PROFILE_MS, inFlight)));
  }
  return all;
}

function p50Ms(table: RateTable): number {
  const row = table.rows.find(({ name }) => name === USER_ID);
  return median((row?.samples ?? []).flatMap((sample) => sample.latencyMicros?.p50 ?? [])) / 1_000;
}

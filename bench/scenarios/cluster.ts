/** Reads through `validate` on a cluster, beside a bare `GET` and `JSON.parse` of the same cluster client. */

import { type ClientName, CLIENTS, type Measured } from "../budgets.ts";
import { type RateTable, ratioFor } from "../harness/result.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { BARE, compared, DATA, judged, type OfRow, startedReaders, USER_ID } from "./readers.ts";

const IN_FLIGHT = [1, 64];

export const cluster: Scenario = {
  name: "cluster",
  title: "Reads on a cluster",
  isQuick: false,
  async run(bench) {
    const rates: RateTable[] = [];
    const measured: Measured[] = [];
    for (const client of CLIENTS) {
      const readers = await startedReaders(bench, { client, port: await bench.cluster(), cluster: true });
      for (const inFlight of IN_FLIGHT) {
        const table = await compared(bench, readers, client, inFlight);
        rates.push(table);
        measured.push(...(await judged(bench, readers, budgetsOf(table, client, inFlight), inFlight)));
      }
      await Promise.all(readers.map((each) => each.stop()));
    }
    return {
      method: [
        `As the scenario "reads", ${bench.rounds} rounds, on three servers that share a core with the harness; createCluster of node-redis and Cluster of ioredis as they are out of the box.`,
        REDIS_NOTE,
      ],
      rates,
      facts: [],
      measured,
    };
  },
};

function budgetsOf(table: RateTable, client: ClientName, inFlight: number): OfRow[] {
  const of = (kind: string, row: string): OfRow => [
    row,
    ratioFor(`cluster.${client}.${inFlight}.${kind}`, table, row, BARE),
  ];
  return [of("userId", USER_ID), of("data", DATA)];
}

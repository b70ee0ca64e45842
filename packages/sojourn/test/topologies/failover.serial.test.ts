/** Failovers under load. `npm run test:failover` runs more of them, with every fault, and prints what was measured. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FAILOVER_TOPOLOGIES, FailoverRun, type RoundResult } from "../support/failover-run.ts";

const SHORT = [
  ["Sentinel", "ioredis with sentinels"],
  ["Cluster", "node-redis cluster"],
] as const satisfies readonly (readonly [keyof typeof FAILOVER_TOPOLOGIES, string])[];

describe.each(SHORT)("%s, %s", (topology, kind) => {
  let failover: FailoverRun;
  beforeAll(async () => {
    failover = await FailoverRun.on(topology, kind);
  });
  afterAll(() => failover.close());

  test("the primary is killed under load, its replicas behind: what it lost is told to the next, nobody else is refused", {
    timeout: 60_000,
  }, async () => {
    const result = await failover.round("kill -9, replicas behind");
    expect(result).toMatchObject<Partial<RoundResult>>({ falseLogouts: [], acceptedByOwn: 0 });
    expect(result.plain).toMatchObject({ undone: 0 });
    expect(result.logins.lost).toBeGreaterThan(0);
    expect(result.plain.toldAgain).toBeGreaterThan(0);
    expect(result.durable).toMatchObject({ undone: 0 });
    // Behind Sentinels there are two replicas, and the one that is promoted need not be the one that confirmed.
    if (topology === "Cluster") expect(result.durable.toldAgain).toBe(0);
    for (const { acknowledged } of [result.plain, result.durable, result.logins])
      expect(acknowledged).toBeGreaterThan(10);
    expect(result.firstWriteMs).toBeLessThan(15_000);
    expect(Object.keys(result.errors).filter((said) => !/: \w+, (?:unknown|not_executed)$/.test(said))).toEqual([]);
  });
});

/** Failovers under load. `npm run test:failover` runs more of them, with every fault, and prints what was measured. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RoundResult } from "../support/failover-result.ts";
import { type FAILOVER_TOPOLOGIES, FailoverRun } from "../support/failover-run.ts";

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

  test("D7 the primary is killed under load, its replicas behind: what it lost is told to the next, nobody else is refused, and no durable ending is lost", {
    timeout: 60_000,
  }, async () => {
    const result = await failover.round("kill -9, replicas behind");
    expect(result).toMatchObject<Partial<RoundResult>>({ falseLogouts: [], acceptedByOwn: 0, again: false });
    expect(result.plain).toMatchObject({ undone: 0 });
    expect(result.logins.lost).toBeGreaterThan(0);
    expect(result.plain.toldAgain).toBeGreaterThan(0);
    // The cluster loses so few that perhaps nobody looks at one.
    if (topology === "Sentinel") expect(result.deniedMs).toBeLessThan(15_000);
    expect(result.toldMs).toBeLessThan(15_000);
    for (const each of [result.durable, result.everywhere]) expect(each).toMatchObject({ toldAgain: 0, undone: 0 });
    const durable = result.durable.acknowledged + result.everywhere.acknowledged;
    for (const acknowledged of [result.plain.acknowledged, durable, result.logins.acknowledged]) {
      expect(acknowledged).toBeGreaterThan(10);
    }
    expect(result.firstWriteMs).toBeLessThan(15_000);
    expect(Object.keys(result.errors).filter((said) => !/: \w+, (?:unknown|not_executed)$/.test(said))).toEqual([]);
  });
});

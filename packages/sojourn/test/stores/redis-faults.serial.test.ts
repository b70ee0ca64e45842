/** Row M4 on real servers: each fault of the network and the server, with each client, ends as the failure contract says. */

import { describe, expect, test } from "vitest";
import { DEFAULTS } from "../../src/options.ts";
import { type FaultResult, runFault } from "../support/fault-run.ts";
import { IOREDIS, IOREDIS_RECOMMENDED, NODE_REDIS_DEFAULTS, NODE_REDIS_RECOMMENDED } from "../support/redis-clients.ts";
import { type Fault, FAULTS } from "../support/redis-faults.ts";

/** On a busy machine. */
const SLACK_MS = 250;
const KINDS = [NODE_REDIS_DEFAULTS, NODE_REDIS_RECOMMENDED, IOREDIS, IOREDIS_RECOMMENDED];
/** The clients' own pauses before they connect again are up to 2 s out of the box, and 0.5 s as recommended. */
const RECOVERY_MS = { byDefault: 4_000, recommended: 2_000 };

function expectContract(fault: Fault, result: FaultResult): void {
  const isRecommended = result.client.includes("recommended");
  expect([...result.reads.answers.keys()].filter((said) => ![...fault.reads, "ok"].includes(said))).toEqual([]);
  expect([...result.writes.answers.keys()].filter((said) => ![...fault.writes, "ok"].includes(said))).toEqual([]);
  expect(result.reads.worstMs).toBeLessThan(DEFAULTS.readDeadlineMs + SLACK_MS);
  expect(result.writes.worstMs).toBeLessThan(DEFAULTS.writeDeadlineMs + SLACK_MS);
  const { acknowledged, unknown, counted } = result.increments;
  expect(counted).toBeGreaterThanOrEqual(acknowledged);
  expect(counted).toBeLessThanOrEqual(acknowledged + unknown);
  if (fault.needsSocketTimeout && !isRecommended) return;
  expect(result.recoveryMs).not.toBeNull();
  expect(result.recoveryMs).toBeLessThan(isRecommended ? RECOVERY_MS.recommended : RECOVERY_MS.byDefault);
}

describe("M4: Redis is slow, gone or refuses: unavailable within the deadline, each write once, and it recovers", () => {
  test.each(FAULTS)("$name", async (fault) => {
    const results = await runFault(fault, KINDS, { lastsMs: 1_000, patienceMs: 4_000 });
    for (const result of results) {
      expectContract(fault, result);
    }
  });
});

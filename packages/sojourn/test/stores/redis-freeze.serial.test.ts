/** Row M4: an application under load, in a process of its own, while its Redis is frozen. The full ten seconds: npm run faults. */

import { expect, test } from "vitest";
import { DEFAULTS } from "../../src/options.ts";
import { freezeUnderLoad } from "../support/freeze-run.ts";

/** On a busy machine. */
const SLACK_MS = 400;

test.each(["node-redis", "ioredis"])(
  "M4: Redis frozen under 500 requests/s (%s): each is answered 200 or 503 in time, nothing lands late, and it recovers",
  async (client) => {
    const result = await freezeUnderLoad({ client, frozenMs: 3_000, perSecond: 500 });
    expect(Object.keys(result.statuses)).toEqual(["200", "503"]);
    expect(result.statuses["503"]).toBeGreaterThan(1_000);
    expect(result.withoutRetryAfter).toBe(0);
    expect(result.worstReadMs).toBeLessThan(DEFAULTS.readDeadlineMs + SLACK_MS);
    expect(result.worstWriteMs).toBeLessThan(DEFAULTS.writeDeadlineMs + SLACK_MS);
    expect(result.recoveryMs).toBeLessThan(2_000);
    expect(result.grownBytes).toBeLessThan(50e6);
    expect(result.logLines.length).toBeLessThanOrEqual(10);
    expect(result.unhandledRejections).toBe(0);
    expect(result.acknowledged).toBeGreaterThan(200);
    expect([result.lost, result.landedLate]).toEqual([0, 0]);
  },
);

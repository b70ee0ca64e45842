/** A short run; `npm run simulate` has as many as you like. */

import { expect, test } from "vitest";
import { reportOf } from "./report.ts";
import { simulate } from "./simulation.ts";

/** It takes 3 s alone; a busy machine may need much more. */
const TIMEOUT = 60_000;

test(
  "E5 E4 browsers with three tabs and bad networks: no false alarm; copied cookies are caught, or there was nothing to see",
  async () => {
    const simulation = await simulate({ seed: "short", sessions: 300, stolen: 120 });
    expect(simulation.alarms).toEqual([]);
    expect(simulation.missed).toEqual([]);
    // What makes it so: no response ever brings an older token back.
    expect(simulation.setBack).toBe(0);
    expect(simulation.renewals).toBeGreaterThan(3 * 300);
    expect(simulation.lostResponses / simulation.requests).toBeGreaterThan(0.04);
    const counts = [...simulation.copies.values()];
    const caught = counts.flatMap((each) => each.caught).reduce((a, b) => a + b);
    const explained = counts.flatMap((each) => [...each.notCaught.values()]).reduce((a, b) => a + b);
    expect(caught).toBeGreaterThan(20);
    expect(caught + explained).toBe(120);
    expect(reportOf(simulation)).toContain("0 false alarms");
  },
  TIMEOUT,
);

test(
  "a seed repeats its simulation",
  async () => {
    const options = { seed: "again", sessions: 10, stolen: 10 };
    expect(reportOf(await simulate(options))).toBe(reportOf(await simulate(options)));
  },
  TIMEOUT,
);

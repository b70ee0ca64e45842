import { expect, test } from "vitest";
import { reapWithProcesses } from "../support/reaping.ts";

test("eight reaping processes, one killed every 200 ms: each of 10,000 due sessions ends once, those touched in time stay", async () => {
  const { stats, drift, killed } = await reapWithProcesses({ due: 10_000, touched: 200, processes: 8 });
  expect(killed).toBe(7);
  expect(stats).toMatchObject({
    created: 10_200,
    ended: 10_000,
    endedByReason: { expired: 10_000 },
    activeSessions: 200,
  });
  expect(drift).toBe(0);
}, 60_000);

/** What four writing processes are promised on sqlite, but for how long the event loop stands still: `npm run sqlite-load`. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEFAULTS } from "../../src/options.ts";
import { killed, powerCut, writeUnderLoad } from "./sqlite-load.ts";

/** A machine that is busy with other tests may be late to say that the deadline is over. */
const LATE_MS = 1_000;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-load-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("D7 four processes on a file: every call ends in its deadline, and what was acknowledged is there", async () => {
  const { reports, verdict } = await writeUnderLoad({ folder, ms: 1_500, crowd: 200 });
  expect(reports).toHaveLength(4);
  for (const { acknowledged, longestMs } of reports) {
    expect(acknowledged).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(DEFAULTS.writeDeadlineMs + LATE_MS);
  }
  expect(verdict).toMatchObject({ revived: 0, lost: 0 });
  expect(Math.min(verdict.ended, verdict.written)).toBeGreaterThan(0);
});

test.each([
  ["they are killed", killed],
  ["the power fails", powerCut],
])("D7 four processes on a file, and %s: no acknowledged end is undone, no acknowledged write lost", async (_, end) => {
  const verdict = await end({ folder, ms: 1_000, crowd: 100 });
  expect(verdict).toMatchObject({ revived: 0, lost: 0 });
  expect(Math.min(verdict.ended, verdict.written)).toBeGreaterThan(0);
});

/** Four processes on one sqlite file, as a program: `npm run sqlite-load`. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULTS } from "../../src/options.ts";
import {
  killed,
  longestStallWithout,
  powerCut,
  type Verdict,
  type WriterReport,
  writeUnderLoad,
} from "./sqlite-load.ts";

const USAGE = `Usage: npm run sqlite-load -- [--seconds N] [--crowd N] [--rounds N]
  --seconds  of writing by four processes (default: 10)
  --crowd    sessions of the user that one of them signs out everywhere, again and again (default: 5000)
  --rounds   of killing the processes, and of cutting the power (default: 5)`;
/** Design §4. */
const STALL_BUDGET_MS = 20;
const SCHEDULING_MS = 250;
const CRASH_AFTER_MS = 1_000;

/** Answers the exit code: 1 when a budget was missed or something acknowledged was gone. */
export async function sqliteLoad(args: readonly string[]): Promise<number> {
  const wanted = parsed(args);
  if (wanted === null) {
    console.error(USAGE);
    return 2;
  }
  const { seconds, crowd, rounds } = wanted;
  const { reports, verdict } = await inFolder((folder) => writeUnderLoad({ folder, ms: seconds * 1_000, crowd }));
  const verdicts = { "orderly end": [verdict], "kill -9": [] as Verdict[], "power cut": [] as Verdict[] };
  for (let round = 0; round < rounds; round++) {
    const load = { ms: CRASH_AFTER_MS, crowd: Math.min(crowd, 500) };
    verdicts["kill -9"].push(await inFolder((folder) => killed({ folder, ...load })));
    verdicts["power cut"].push(await inFolder((folder) => powerCut({ folder, ...load })));
  }
  const control = await longestStallWithout(seconds * 500);
  const withinBudget = printed(reports, seconds);
  console.log(`four processes that only compute, here and now: longest stall ${control.toFixed(1)} ms`);
  const nothingLost = Object.entries(verdicts).map(([what, some]) => isSound(what, some));
  return withinBudget && !nothingLost.includes(false) ? 0 : 1;
}

function printed(reports: readonly WriterReport[], seconds: number): boolean {
  console.log("process  acknowledged/s  refused  longest call ms  longest stall ms");
  reports.forEach(({ acknowledged, failures, longestMs, longestStallMs }, i) => {
    const cells = [
      i,
      Math.round(acknowledged / seconds),
      failures.length,
      longestMs.toFixed(1),
      longestStallMs.toFixed(1),
    ];
    const widths = [7, 15, 8, 16, 17];
    console.log(cells.map((cell, column) => String(cell).padStart(widths[column] ?? 0)).join(" "));
  });
  const stall = Math.max(...reports.map((each) => each.longestStallMs));
  const call = Math.max(...reports.map((each) => each.longestMs));
  const inTime = call <= DEFAULTS.writeDeadlineMs + SCHEDULING_MS;
  console.log(
    `longest stall ${stall.toFixed(1)} ms, budget ${STALL_BUDGET_MS} ms: ${stall <= STALL_BUDGET_MS ? "kept" : "MISSED"}`,
  );
  console.log(
    `longest call ${call.toFixed(1)} ms, deadline ${DEFAULTS.writeDeadlineMs} ms: ${inTime ? "kept" : "MISSED"}`,
  );
  return stall <= STALL_BUDGET_MS && inTime;
}

function isSound(what: string, verdicts: readonly Verdict[]): boolean {
  const sum = (of: keyof Verdict): number => verdicts.reduce((total, verdict) => total + verdict[of], 0);
  const [ended, revived, written, lost] = [sum("ended"), sum("revived"), sum("written"), sum("lost")];
  console.log(
    `${what}, ${verdicts.length} times: ${ended} acknowledged ends, ${revived} undone; ${written} counters written, ${lost} behind`,
  );
  return revived === 0 && lost === 0;
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-load-"));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parsed(args: readonly string[]): { seconds: number; crowd: number; rounds: number } | null {
  try {
    const options = { seconds: { type: "string" }, crowd: { type: "string" }, rounds: { type: "string" } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const wanted = {
      seconds: Number(values.seconds ?? 10),
      crowd: Number(values.crowd ?? 5_000),
      rounds: Number(values.rounds ?? 5),
    };
    return Object.values(wanted).every((each) => Number.isSafeInteger(each) && each >= 0) && wanted.seconds > 0
      ? wanted
      : null;
  } catch {
    return null;
  }
}

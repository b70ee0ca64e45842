/**
 * A process of its own that writes to a file as fast as it is let, until it is told to stop, and notes in a journal what
 * was acknowledged. Arguments: file, journal, name, sessions of a user that is signed out everywhere in between (0: of none).
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createSessions, StoreUnavailableError } from "../../src/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import type { WriterReport } from "./sqlite-load.ts";

const LOOPS = 8;
const WRITES_OF_A_SESSION = 5;
const RESOLUTION_MS = 1;

const [file = "", journalFile = "", name = "", crowd = "0"] = process.argv.slice(2);
const sessions = createSessions({ store: sqliteStore(file), secrets: [TEST_SECRET], background: false });
const journal = openSync(journalFile, "a");
const report = { acknowledged: 0, failures: [] as string[], longestMs: 0, longestStallMs: 0 };
const stop = new AbortController();

/** Null when the store did not do it in time. */
async function timed<T>(work: () => Promise<T>): Promise<T | null> {
  const began = performance.now();
  try {
    const answer = await work();
    report.acknowledged++;
    return answer;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    report.failures.push(error.message);
    return null;
  } finally {
    report.longestMs = Math.max(report.longestMs, performance.now() - began);
  }
}

/** In the kernel's hands when this returns: a process that is killed afterwards takes none of it along. */
function note(what: "ended" | "wrote", of: string, n = 0): void {
  writeSync(journal, `${what} ${of} ${n}\n`);
}

async function loop(number: number): Promise<void> {
  for (let round = 0; !stop.signal.aborted; round++) {
    const created = await timed(() => sessions.create({ userId: `${name}-${number}`, data: { n: 0 } }));
    if (created === null) continue;
    const { token, session } = created;
    for (let i = 0; i < WRITES_OF_A_SESSION; i++) {
      const n = await timed(() => sessions.data(session.id).increment("n"));
      if (n !== null) note("wrote", session.id, n);
    }
    await timed(() => sessions.validate(token, { touch: true }));
    // Some stay, for what they were written to be looked for.
    if (round % 4 !== 0 && (await timed(() => sessions.logout(token))) === true) note("ended", token);
  }
}

async function signOutEverywhere(size: number): Promise<void> {
  while (!stop.signal.aborted) {
    const tokens: string[] = [];
    while (tokens.length < size && !stop.signal.aborted) {
      const made = await Promise.all(
        Array.from({ length: Math.min(50, size) }, () => timed(() => sessions.create({ userId: `${name}-all` }))),
      );
      tokens.push(...made.flatMap((each) => each?.token ?? []));
    }
    // Many writes, each with a deadline of its own.
    await sessions.revokeUser(`${name}-all`);
    for (const token of tokens) note("ended", token);
  }
}

await sessions.ready();
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.once("message", () => stop.abort());
const loops = Array.from({ length: LOOPS }, (_, i) => loop(i));
await Promise.all(Number(crowd) > 0 ? [...loops, signOutEverywhere(Number(crowd))] : loops);
delay.disable();
report.longestStallMs = delay.max / 1e6 - RESOLUTION_MS;
process.send?.(report satisfies WriterReport);
await sessions.close();
closeSync(journal);
process.disconnect?.();

/**
 * Four processes that write to one sqlite file: how long each call took and the event loop stood still; and what is left of
 * what was acknowledged when they are killed, or the power fails.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessions } from "../../src/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";

export interface WriterReport {
  readonly acknowledged: number;
  readonly failures: readonly string[];
  /** Of a call. */
  readonly longestMs: number;
  /** Of the event loop. */
  readonly longestStallMs: number;
}

/** What a file has of what was acknowledged to its writers. */
export interface Verdict {
  /** Sessions whose end was acknowledged, and those of them that are good again. */
  readonly ended: number;
  readonly revived: number;
  /** Counters that were written to, and those that are behind the last acknowledged value. */
  readonly written: number;
  readonly lost: number;
}

export interface Load {
  readonly folder: string;
  readonly ms: number;
  /** Sessions of the user that the first process signs out everywhere, again and again. */
  readonly crowd: number;
}

const SCRIPT = fileURLToPath(new URL("./sqlite-writer.ts", import.meta.url));
const BUSY = fileURLToPath(new URL("./busy-process.ts", import.meta.url));
const PROCESSES = 4;

/** Writes for so long, then looks whether all is there. */
export async function writeUnderLoad(load: Load): Promise<{ reports: WriterReport[]; verdict: Verdict }> {
  const children = await started(load);
  await sleep(load.ms);
  const reports = children.map(async (child) => (await once(child, "message"))[0] as WriterReport);
  const exits = children.map((child) => once(child, "exit"));
  for (const child of children) child.send("stop");
  const told = await Promise.all(reports);
  await Promise.all(exits);
  return { reports: told, verdict: await judge(fileIn(load.folder), await journalOf(load.folder)) };
}

/** SIGKILL to all of them in the midst of their writes. */
export async function killed(load: Load): Promise<Verdict> {
  const children = await started(load);
  await sleep(load.ms);
  await kill(children);
  return judge(fileIn(load.folder), await journalOf(load.folder));
}

/**
 * The files as they are at one moment of the writing, with noise in place of what the log holds behind its last commit, which
 * no `fsync` has yet promised; opened afresh in another place.
 */
export async function powerCut(load: Load): Promise<Verdict> {
  const children = await started(load);
  await sleep(load.ms);
  for (const child of children) child.kill("SIGSTOP");
  await sleep(20);
  const copied = join(load.folder, "copy");
  await mkdir(copied);
  for (const suffix of ["", "-wal", "-shm"]) await copyFile(fileIn(load.folder) + suffix, fileIn(copied) + suffix);
  const journal = await journalOf(load.folder);
  await kill(children);
  const log = `${fileIn(copied)}-wal`;
  await writeFile(log, tornBehindItsLastCommit(await readFile(log)));
  return judge(fileIn(copied), journal);
}

/** How long the event loops of as many processes stand still that only compute: what is asked of the file cannot be less. */
export async function longestStallWithout(ms: number): Promise<number> {
  const children = Array.from({ length: PROCESSES }, () => fork(BUSY, [String(ms)]));
  const stalls = await Promise.all(children.map(async (child) => (await once(child, "message"))[0] as number));
  return Math.max(...stalls);
}

async function started({ folder, crowd }: Load): Promise<ChildProcess[]> {
  const children = Array.from({ length: PROCESSES }, (_, i) =>
    fork(SCRIPT, [fileIn(folder), journalIn(folder, i), `w${i}`, String(i === 0 ? crowd : 0)], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
    }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  for (const child of children) child.send("go");
  return children;
}

async function kill(children: readonly ChildProcess[]): Promise<void> {
  const exits = children.map((child) => once(child, "exit"));
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(exits);
}

interface Journal {
  readonly ended: readonly string[];
  readonly written: ReadonlyMap<string, number>;
}

async function journalOf(folder: string): Promise<Journal> {
  const files = Array.from({ length: PROCESSES }, (_, i) => readFile(journalIn(folder, i), "utf8"));
  const ended: string[] = [];
  const written = new Map<string, number>();
  for (const line of (await Promise.all(files)).join("").split("\n")) {
    const [what, of = "", n = ""] = line.split(" ");
    if (what === "ended") ended.push(of);
    if (what === "wrote") written.set(of, Number(n));
  }
  return { ended, written };
}

async function judge(file: string, { ended, written }: Journal): Promise<Verdict> {
  const sessions = createSessions({ store: sqliteStore(file), secrets: [TEST_SECRET], background: false });
  let revived = 0;
  let lost = 0;
  for (const token of ended) if ((await sessions.validate(token, { touch: false })).valid) revived++;
  for (const [id, n] of written) {
    const session = await sessions.get(id);
    // Most have ended since.
    if (session === null) lost += (await sessions.revoke(id)) ? 0 : 1;
    else if (Number(session.data["n"]) < n) lost++;
  }
  await sessions.close();
  return { ended: ended.length, revived, written: written.size, lost };
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Format: https://sqlite.org/fileformat2.html#walformat */
function tornBehindItsLastCommit(log: Buffer): Buffer {
  const frame = FRAME_HEADER_BYTES + (log.length < HEADER_BYTES ? 0 : log.readUInt32BE(8));
  let end = HEADER_BYTES;
  for (let at = HEADER_BYTES; at + frame <= log.length; at += frame) {
    const isCurrent = log.compare(log, 16, 24, at + 8, at + 16) === 0;
    if (isCurrent && log.readUInt32BE(at + 4) > 0) end = at + frame;
  }
  return Buffer.concat([log.subarray(0, end), Buffer.alloc(Math.max(0, log.length - end), 0xa5)]);
}

function fileIn(folder: string): string {
  return join(folder, "sessions.db");
}
function journalIn(folder: string, i: number): string {
  return join(folder, `journal-${i}`);
}

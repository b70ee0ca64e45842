/** What an SQLite file and the disk that it lies on say. */

import { statfsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { StoreClosedError } from "../../errors.ts";
import { type Finding, inBytes, problem, type Verdict, warning, well } from "../../store/diagnosis.ts";

const LITTLE_BYTES = 1e9;
const TOO_LITTLE_BYTES = 1e8;
const SYNCHRONOUS = ["OFF", "NORMAL", "FULL", "EXTRA"];

/** @throws StoreClosedError */
export async function diagnoseFile(path: string, open: () => Promise<DatabaseSync>): Promise<Finding[]> {
  try {
    const database = await open();
    const { version } = database.prepare("SELECT sqlite_version() AS version").get() ?? {};
    const found: Finding[] = [
      { check: "connection", ...well("it opens") },
      { check: "server", ...well(`SQLite ${String(version)}`) },
      { check: "persistence", ...persistence(path, database) },
    ];
    if (path === ":memory:") return found;
    const { bavail, bsize } = statfsSync(path);
    return [...found, { check: "disk", ...disk(bavail * bsize) }];
  } catch (error) {
    if (error instanceof StoreClosedError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const fix = "See whether the folder is there and this process may write in it, and whether the disk is full.";
    return [{ check: "connection", ...problem(message, fix) }];
  }
}

function persistence(path: string, database: DatabaseSync): Verdict {
  if (path === ":memory:") {
    return warning("in memory: sessions end with this process", "Give sqliteStore a file for anything but tests.");
  }
  const journal = String(database.prepare("PRAGMA journal_mode").get()?.["journal_mode"]);
  const synchronous = SYNCHRONOUS[Number(database.prepare("PRAGMA synchronous").get()?.["synchronous"])];
  const found = `journal mode ${journal}, synchronous ${synchronous}`;
  if (journal === "wal") return well(found);
  return warning(
    `${found}: this file system has no shared memory, so that readers wait for writers`,
    "Keep the file on a local disk, not on a network drive.",
  );
}

export function disk(freeBytes: number): Verdict {
  const found = `${inBytes(freeBytes)} free`;
  const fix = "Make room on its disk: on a full one logins and revocations fail.";
  if (freeBytes < TOO_LITTLE_BYTES) return problem(found, fix);
  return freeBytes < LITTLE_BYTES ? warning(found, fix) : well(found);
}

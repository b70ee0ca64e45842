/** Sessions from one server to another. */

import { isSessionId } from "../data/session-id.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { MAX_SERVER_ID_BYTES } from "../options.ts";
import { amend, type Amendment } from "./amendment.ts";
import type { PageItem } from "../store/paging.ts";
import type { EventNote } from "../store/events.ts";
import type { Core } from "./core.ts";

export interface DrainProgress {
  /** Sessions that were given to the other server so far, by this call. */
  readonly moved: number;
  /** Sessions that were looked at so far. */
  readonly scanned: number;
  /** To take the job up again: everything before it is done. Null at the end. */
  readonly cursor: string | null;
}

export interface DrainOptions {
  /** Told, and waited for, after each hundred sessions. Answer false to stop. */
  readonly onProgress?: (progress: DrainProgress) => unknown;
  /** Where an earlier job stopped. */
  readonly cursor?: string | null;
}

export interface DrainResult extends DrainProgress {
  /** False when `onProgress` stopped it. */
  readonly done: boolean;
}

/** Sessions looked at between two reports. */
const PAGE = 100;

/** False when the session is gone. @throws TypeError @internal */
export async function migrate(core: Core, id: string, toServerId: string): Promise<boolean> {
  checkServerId("migrate", toServerId);
  if (!isSessionId(id)) return false;
  const migratedAt = core.store.now();
  const record = await amend(core, id, (stored) => {
    const metadata = core.metadataOf(id, stored);
    // Migrated already, by whoever did the same meanwhile.
    if (metadata.serverId === toServerId && metadata.migratedAt !== undefined) return null;
    return { metadata: { ...metadata, serverId: toServerId, migratedAt }, event: migrated(toServerId) };
  });
  return record !== null;
}

/** Whether this call moved it: nothing is done with a session that is another server's. */
async function moved(core: Core, { id, record: bytes }: PageItem, from: string, serverId: string): Promise<boolean> {
  const known = core.parse(id, bytes);
  if (known === null) return false;
  const migratedAt = core.store.now();
  let isMoved = false;
  const change = (stored: SessionRecord): Amendment | null => {
    const metadata = core.metadataOf(id, stored);
    isMoved = metadata.serverId === from;
    return isMoved ? { metadata: { ...metadata, serverId, migratedAt }, event: migrated(serverId) } : null;
  };
  return (await amend(core, id, change, known)) !== null && isMoved;
}

/** @throws TypeError @internal */
export async function drain(
  core: Core,
  fromServerId: string,
  toServerId: string,
  { onProgress, cursor = null }: DrainOptions,
): Promise<DrainResult> {
  checkServerId("drain", fromServerId);
  checkServerId("drain", toServerId);
  if (fromServerId === toServerId) throw new TypeError("drain: the two servers must be different ones.");
  let progress: DrainProgress = { moved: 0, scanned: 0, cursor };
  for (;;) {
    const page = await core.store.page({ cursor: progress.cursor, limit: PAGE });
    const results = await Promise.all(page.items.map((item) => moved(core, item, fromServerId, toServerId)));
    progress = {
      moved: progress.moved + results.filter(Boolean).length,
      scanned: progress.scanned + page.scanned,
      cursor: page.cursor,
    };
    const goesOn = (await onProgress?.(progress)) !== false;
    if (page.done || !goesOn) return { ...progress, done: page.done };
  }
}

function checkServerId(operation: string, serverId: unknown): void {
  if (typeof serverId === "string" && serverId !== "" && Buffer.byteLength(serverId) <= MAX_SERVER_ID_BYTES) return;
  throw new TypeError(`${operation}: a server id must be a string of 1 to ${MAX_SERVER_ID_BYTES} bytes.`);
}

function migrated(toServerId: string): EventNote {
  return { type: "migrated", detail: toServerId };
}

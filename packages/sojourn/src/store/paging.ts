/** Walking all live sessions, a page at a time: for administration, where no index answers. */

import { isSessionId } from "../data/session-id.ts";

export interface PageInput {
  /** Where to go on: of the page before, or of one of its items. Null to begin. */
  readonly cursor: string | null;
  /** Most sessions of the page. */
  readonly limit: number;
}

export interface PageItem {
  readonly id: string;
  readonly record: Buffer;
  /** Goes on behind this session. */
  readonly cursor: string;
}

export interface Page {
  readonly items: readonly PageItem[];
  /** Null when this was the last page. */
  readonly cursor: string | null;
  /** Sessions that were looked at. */
  readonly scanned: number;
  readonly done: boolean;
}

/** A page of an engine whose cursor is the id of a session. @param found the sessions behind it, one more than the page holds if there are more */
export function pageOf(found: readonly Omit<PageItem, "cursor">[], limit: number): Page {
  const items = found.slice(0, limit).map((session) => ({ ...session, cursor: session.id }));
  const done = found.length <= limit;
  return { items, cursor: done ? null : (items.at(-1)?.cursor ?? null), scanned: items.length, done };
}

/** @throws TypeError */
export function idCursor(cursor: string | null): string {
  if (cursor === null || isSessionId(cursor)) return cursor ?? "";
  throw unknownCursor();
}

export function unknownCursor(): TypeError {
  return new TypeError("cursor must be one that an earlier page answered, or null.");
}

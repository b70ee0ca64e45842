/** What steps on records are as events, for the engines that run in this process. The Redis engine has the same in Lua. */

import { HEADER_LENGTH, OFFSET, userHashOf } from "../data/record.ts";
import { detailOfEnding, detailOfNote, type EventFacts } from "./event-record.ts";
import type { EventNote } from "./events.ts";
import type { StoredSession, Tombstone } from "./store.ts";

export function createdEvent(session: StoredSession, now: number): EventFacts {
  return { ...ofSession(session), type: "created", at: now, detail: "" };
}

export function endedEvent(session: StoredSession, tombstone: Tombstone): EventFacts {
  return { ...ofSession(session), type: "ended", at: tombstone.endedAt, detail: detailOfEnding(tombstone) };
}

export function changeEvent(session: StoredSession, note: EventNote, now: number): EventFacts {
  return { ...ofSession(session), type: note.type, at: now, detail: detailOfNote(note) };
}

/** A corrupt record may be shorter than a header: nothing is known of its session. */
function ofSession({ id, record }: StoredSession): Pick<EventFacts, "sessionId" | "sessionCreatedAt" | "userHash"> {
  const isWhole = record.length >= HEADER_LENGTH;
  const sessionCreatedAt = isWhole ? record.readUIntBE(OFFSET.createdAt, 6) : 0;
  return { sessionId: id, sessionCreatedAt, userHash: isWhole ? userHashOf(record) : null };
}

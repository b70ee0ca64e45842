/** An event as all engines store it: one packed string. */

import {
  CHANGES,
  type ChangeType,
  type EventNote,
  type EventType,
  type GapEvent,
  type SessionEvent,
} from "./events.ts";

type StoredType = Exclude<EventType, "gap">;

const LETTERS = { created: "c", ended: "e", ...CHANGES } as const;
const TYPES: ReadonlyMap<string, StoredType> = new Map(
  Object.entries(LETTERS).map(([type, letter]) => [letter, type as StoredType]),
);

export interface EventFacts {
  readonly type: StoredType;
  readonly at: number;
  /** 0 if unknown. */
  readonly sessionCreatedAt: number;
  readonly sessionId: string;
  readonly userHash: string | null;
  /** JSON: of an ending `{"r":reason,"a":actor}`, of a change its detail; '' for none. */
  readonly detail: string;
}

const ID_AT = 13;
const ID_LENGTH = 24;
const HASH_AT = ID_AT + ID_LENGTH + 1;

/** Letter 1, at 6, began 6, session id 24, length of user hash 1, user hash, detail. The scripts hold the same (`_history.lua`). */
export function encodeEvent({ type, at, sessionCreatedAt, sessionId, userHash, detail }: EventFacts): Buffer {
  const head = Buffer.alloc(ID_AT);
  head.write(LETTERS[type], 0, "latin1");
  head.writeUIntBE(at, 1, 6);
  head.writeUIntBE(sessionCreatedAt, 7, 6);
  const hash = userHash ?? "";
  return Buffer.concat([head, Buffer.from(`${sessionId}${String.fromCharCode(hash.length)}${hash}${detail}`, "utf8")]);
}

/** Null for what a newer version wrote, or nobody did. */
export function decodeEvent(id: string, packed: Buffer): Exclude<SessionEvent, GapEvent> | null {
  const type = TYPES.get(packed.toString("latin1", 0, 1));
  if (type === undefined || packed.length < HASH_AT) return null;
  const detailAt = HASH_AT + (packed[HASH_AT - 1] ?? 0);
  const [at, began] = [packed.readUIntBE(1, 6), packed.readUIntBE(7, 6)];
  const event = {
    id,
    at,
    sessionId: packed.toString("latin1", ID_AT, ID_AT + ID_LENGTH),
    userHash: detailAt === HASH_AT ? null : packed.toString("latin1", HASH_AT, detailAt),
    sessionCreatedAt: began === 0 ? null : began,
  };
  if (type === "created") return { ...event, type };
  const detail = parsed(packed.toString("utf8", detailAt));
  if (type !== "ended") return { ...event, type, detail: typeof detail === "string" ? detail : null };
  const { r: reason, a: actor } = (detail ?? {}) as { r?: unknown; a?: unknown };
  return {
    ...event,
    type,
    reason: typeof reason === "string" ? reason : "unknown",
    actor: typeof actor === "string" ? actor : null,
    durationMs: began === 0 ? null : Math.max(0, at - began),
  };
}

function parsed(json: string): unknown {
  try {
    return json === "" ? null : JSON.parse(json);
  } catch {
    return null;
  }
}

/** The detail of a change as it is stored. */
export function detailOfNote(note: EventNote): string {
  return note.detail === undefined ? "" : JSON.stringify(note.detail);
}

/** The letter of a type, for scripts. */
export function letterOf(type: ChangeType): string {
  return CHANGES[type];
}

/** The detail of an ending, as tombstones of the Redis engine and events hold it. */
export function detailOfEnding({ reason, actor }: { readonly reason: string; readonly actor: string | null }): string {
  return JSON.stringify(actor === null ? { r: reason } : { r: reason, a: actor });
}

/** Sessions as seen from outside: what was read, and what must be, in the same words. */

import { SessionRecord } from "../../src/data/session-record.ts";
import { isRecord, type ReadOutcome, type Tombstone } from "../../src/store/store.ts";
import { moment } from "./grid.ts";
import type { Answer, Model, ModelRotation, ModelSession, ModelTombstone } from "./model.ts";

/** A record that an engine answered. @throws CorruptRecordError */
export function viewOfRecord(bytes: Buffer): Answer {
  const record = new SessionRecord(bytes);
  return viewOfSession({
    id: "",
    user: record.userId,
    epoch: record.userEpoch,
    revision: record.revision,
    generation: record.generation,
    floor: record.floor,
    aal: record.aal,
    confirmed: record.confirmed,
    locked: record.locked,
    createdAt: record.createdAt,
    lastSeenAt: record.lastSeenAt,
    absoluteExpiresAt: record.absoluteExpiresAt,
    idleMs: record.idleMs,
    authenticatedAt: record.authenticatedAt,
    tokenHash: record.tokenHash.toString("hex"),
    rotation: rotationOf(record),
    metadata: record.metadataBytes().toString("utf8"),
    fields: new Map(
      record.fields().map((field) => [field.name, field.encrypted ? sealed(field.bytes) : field.bytes.toString()]),
    ),
  });
}

/** How ciphertext stands among JSON texts: none begins like this. */
export function sealed(bytes: Buffer): string {
  return `sealed ${bytes.toString("hex")}`;
}

function rotationOf({ rotation }: SessionRecord): ModelRotation | null {
  if (rotation === null) return null;
  return { ...rotation, otherHash: rotation.otherHash.toString("hex"), wrap: rotation.wrap.toString("hex") };
}

/** What must be read of a session. Of its epoch only whether it has one: the numbers are the engine's. */
export function viewOfSession(session: ModelSession): Answer {
  const { id: _, epoch, fields, rotation, ...rest } = session;
  return {
    ...rest,
    stamped: epoch > 0,
    createdAt: moment(session.createdAt),
    lastSeenAt: moment(session.lastSeenAt),
    absoluteExpiresAt: moment(session.absoluteExpiresAt),
    authenticatedAt: moment(session.authenticatedAt),
    rotation:
      rotation === null
        ? null
        : { ...rotation, graceUntil: moment(rotation.graceUntil), since: moment(rotation.since) },
    data: Object.fromEntries([...fields].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

export function viewOfTombstone(tombstone: Tombstone | ModelTombstone): Answer {
  const { reason, actor, createdAt, endedAt } = tombstone;
  return { ended: reason, actor, createdAt: moment(createdAt), endedAt: moment(endedAt) };
}

/** What `read` answered. */
export function viewOfRead(outcome: ReadOutcome): Answer {
  if (outcome === null) return { nothing: true };
  return isRecord(outcome) ? viewOfRecord(outcome) : viewOfTombstone(outcome);
}

/** What `read` must answer. */
export function readIn(model: Model, id: string): Answer {
  const session = model.stored(id);
  if (session !== null) return viewOfSession(session);
  const tombstone = model.tombstone(id);
  return tombstone === null ? { nothing: true } : viewOfTombstone(tombstone);
}

/** An answer `gone` of the contract, or of the model. */
export function viewOfGone(tombstone: Tombstone | ModelTombstone | null): Answer {
  return { status: "gone", tombstone: tombstone === null ? null : viewOfTombstone(tombstone) };
}

/** Why a write met no live session. */
export function goneIn(model: Model, id: string): Answer {
  return viewOfGone(model.stored(id) === null ? model.tombstone(id) : null);
}

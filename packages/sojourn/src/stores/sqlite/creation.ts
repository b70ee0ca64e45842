/** Storing a new session, within the limit of its user: one transaction of a bounded size. */

import { expiresAtOf, OFFSET, withUserEpoch } from "../../data/record.ts";
import { createdEvent } from "../../store/event-facts.ts";
import type { CreateOutcome, NewSession } from "../../store/store.ts";
import { gone, tombstoneOf } from "../../store/transitions.ts";
import { ENDED_AT_ONCE, EVICTION, type Limited, makeRoom } from "../../store/user-limit.ts";
import { cutOffsOf, earliestOf, endSession, epochOf, recordOf, tombstoneIn } from "./rows.ts";
import type { Statements } from "./statements.ts";
import { countCreated } from "./totals.ts";

/** A part of the sessions over the limit was ended and nothing stored: it takes another transaction. */
export interface Again {
  readonly status: "again";
}

export function createSession(session: NewSession, sql: Statements, now: number): CreateOutcome | Again {
  const { id, userKey, record, replaces } = session;
  const ended = tombstoneIn(sql, id, now) ?? cutOffsOf(sql).endingOf(record);
  if (ended !== null) return gone(ended);
  const stored = recordOf(sql, id, now);
  if (stored !== null) return { status: "created", userEpoch: stored.readUIntBE(OFFSET.userEpoch, 6) };
  if (userKey !== null && sql.isDisabled.get(userKey) !== undefined) return { status: "disabled" };
  const userEpoch = userKey === null ? 0 : epochOf(sql, userKey);
  const refusal = makeRoomFor(session, userEpoch, sql, now);
  if (refusal !== null) return refusal;
  const replaced = replaces === undefined ? null : recordOf(sql, replaces.id, now);
  if (replaces !== undefined && replaced !== null) {
    endSession(sql, replaces.id, tombstoneOf(replaced, replaces, now));
  }
  sql.insert.run(id, userKey, expiresAtOf(record), withUserEpoch(record, userEpoch));
  countCreated(sql);
  sql.events.write(createdEvent({ id, record }, now));
  return { status: "created", userEpoch };
}

/** Ends whoever is over the limit; answers why the session cannot be stored, or cannot be yet. */
function makeRoomFor(session: NewSession, userEpoch: number, sql: Statements, now: number): Limited | Again | null {
  const { userKey, limit, replaces } = session;
  if (userKey === null || limit === undefined) return null;
  const most = limit.perUser + ENDED_AT_ONCE;
  const some = earliestOf(sql, userKey, now, most);
  const sessions = some.filter(({ id }) => id !== replaces?.id);
  const room = makeRoom({ sessions, userEpoch, now }, limit);
  if (room.status === "limited") return room;
  for (const { id, record } of room.victims) endSession(sql, id, tombstoneOf(record, EVICTION, now));
  return some.length === most ? { status: "again" } : null;
}

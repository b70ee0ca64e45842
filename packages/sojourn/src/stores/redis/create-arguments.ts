/** What `create.lua` is told, behind its fence. */

import { bucketOf } from "../../data/session-id.ts";
import { userHashIn } from "../../store/placement.ts";
import { type NewSession, REAP_GRACE_MS } from "../../store/store.ts";
import { detailOfEnding } from "../../store/event-record.ts";
import type { Retention } from "../../store/retention.ts";
import { countedReason } from "../../store/totals.ts";
import { ENDED_AT_ONCE } from "../../store/user-limit.ts";
import type { Argument } from "./driver.ts";
import type { Keys } from "./keys.ts";

/** @param retention of a bucket */
export function createArguments(session: NewSession, keys: Keys, retention: Retention): Argument[] {
  const { id, userKey, record, limit, replaces } = session;
  return [
    id,
    record,
    String(REAP_GRACE_MS),
    userKey === null ? "" : userHashIn(userKey),
    String(retention.eventsKept),
    ...(limit === undefined && replaces === undefined ? [] : endingArguments(session, keys, retention)),
  ];
}

/** For one in whose favour others may end. */
function endingArguments({ id, limit, replaces }: NewSession, keys: Keys, retention: Retention): string[] {
  const bucket = bucketOf(id);
  return [
    keys.sessionPrefix(bucket),
    keys.tombstonePrefix(bucket),
    keys.userSessionsPrefix(bucket),
    String(retention.endedMs),
    replaces?.id ?? "",
    replaces === undefined ? "" : detailOfEnding(replaces),
    replaces === undefined ? "" : countedReason(replaces.reason),
    String(limit?.perUser ?? 0),
    limit?.onExceed === "reject" ? "1" : "",
    String(limit?.confirmGraceMs ?? 0),
    String(ENDED_AT_ONCE),
  ];
}

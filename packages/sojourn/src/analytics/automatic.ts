/** Activities that are noted by themselves, heard from the events of this process's own operations. */

import type { Core } from "../lifecycle/core.ts";
import { DEFAULTS } from "../options.ts";
import { RecentCounts } from "../security/recent-counts.ts";
import type { ChangeType, SessionEvent } from "../store/events.ts";
import type { ActivityLog } from "./activity.ts";

const ACTIONS: Partial<Record<ChangeType, string>> = {
  rotated: "rotation",
  elevated: "elevation",
  password_changed: "password_changed",
  suspicious: "mismatch",
  locked: "locked",
  migrated: "migration",
  login_failed: "login_failed",
};

/** Of one session, in this process and within `failedLoginWindowMs`: whoever guesses must not push out what else happened. */
const MOST_FAILED_LOGINS = 10;

/** Notes login, logout, rotation, elevation and mismatch among the activities of their session, behind the call's answer. */
export function recordByItself(core: Core, log: ActivityLog): void {
  const failures = new RecentCounts(DEFAULTS.failedLoginWindowMs, () => core.clock.monotonic());
  core.store.onEvent((event) => {
    const action = actionOf(event);
    if (action === null || event.type === "gap") return;
    if (event.type === "login_failed" && failures.add(event.sessionId) > MOST_FAILED_LOGINS) return;
    const metadata = "detail" in event && event.detail !== null ? { detail: event.detail } : undefined;
    const recorded =
      event.type === "ended"
        ? log.recordEnding(event.sessionId, action, metadata)
        : log.record(event.sessionId, action, metadata);
    core.background("noting an activity", recorded);
  });
}

function actionOf(event: SessionEvent): string | null {
  switch (event.type) {
    case "created":
      return event.userHash === null ? null : "login";
    case "ended":
      // Of the other endings a thousand may come at once, and nobody asks an ended session why it expired.
      return event.reason === "logout" ? "logout" : null;
    case "gap":
      return null;
    default:
      return ACTIONS[event.type] ?? null;
  }
}

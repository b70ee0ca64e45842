/** Activities that are noted by themselves, heard from the events of this process's own operations. */

import type { Core } from "../lifecycle/core.ts";
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

/** Notes login, logout, rotation, elevation and mismatch among the activities of their session, behind the call's answer. */
export function recordByItself(core: Core, log: ActivityLog): void {
  core.store.onEvent((event) => {
    const action = actionOf(event);
    if (action === null || event.type === "gap") return;
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

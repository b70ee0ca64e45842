/** Checks of what lies between this process and the server. */

import { problem, type Verdict, warning, well } from "../../../store/diagnosis.ts";
import type { ServerReport } from "./server-report.ts";

/** Parts of the deadline of a read. */
const SLOW = 1 / 10;
const TOO_SLOW = 1 / 2;
const MAX_CLOCK_OFFSET_MS = 1_000;
const MAX_CLOCK_MOVE_MS = 500;
/** With less a burst of endings cuts a listener off. */
const LEAST_PUBSUB_BYTES = 1_000_000;

export function latency({ roundTrips }: ServerReport, readDeadlineMs: number): Verdict {
  const [middle = Number.NaN, longest = Number.NaN] = [
    roundTrips[Math.floor(roundTrips.length / 2)],
    roundTrips.at(-1),
  ];
  const found = `a round trip takes ${inMs(middle)}, the longest of ${roundTrips.length} ${inMs(longest)}`;
  const fix = "Bring application and Redis closer together, see what else keeps them busy, or raise deadline.readMs.";
  if (middle >= readDeadlineMs * TOO_SLOW) return problem(`${found}; reads may take ${readDeadlineMs} ms`, fix);
  if (middle >= readDeadlineMs * SLOW || longest >= readDeadlineMs * TOO_SLOW) return warning(found, fix);
  return well(found);
}

/** @param moved since it was last looked at; null the first time */
export function clock(
  { clockOffsetMs }: ServerReport,
  moved: { readonly ms: number; readonly inMs: number } | null,
): Verdict {
  if (clockOffsetMs === null) return warning("not known: the user may not ask", "Allow +time in its ACL.");
  const fix = "Let both machines follow the same time servers (chrony, NTP).";
  const found = `${inMs(Math.abs(clockOffsetMs))} ${clockOffsetMs < 0 ? "behind" : "ahead of"} this machine's`;
  if (moved !== null && Math.abs(moved.ms) > MAX_CLOCK_MOVE_MS) {
    return warning(`${found}; it moved by ${inMs(Math.abs(moved.ms))} in ${Math.round(moved.inMs / 1000)} s`, fix);
  }
  return Math.abs(clockOffsetMs) > MAX_CLOCK_OFFSET_MS ? warning(found, fix) : well(found);
}

export function rights({ user, settings }: ServerReport): Verdict {
  const who = user === null ? "the user" : `user ${user}`;
  if (settings.size === 0) return well(`${who} may not read the server's settings`);
  return warning(
    `${who} may read the server's settings, and so most likely do all else`,
    "Connect as the user of deploy/redis/users.acl, which may do no more than Sojourn needs.",
  );
}

export function subscribers({ settings }: ServerReport): Verdict {
  const limits = settings.get("client-output-buffer-limit");
  const [, hard, soft] = /pubsub (\d+) (\d+)/.exec(limits ?? "")?.map(Number) ?? [];
  if (hard === undefined || soft === undefined) return notKnown("client-output-buffer-limit");
  const least = Math.min(...[hard, soft].filter((limit) => limit > 0));
  if (least >= LEAST_PUBSUB_BYTES) return well(`client-output-buffer-limit pubsub ${hard} ${soft}`);
  return warning(
    `client-output-buffer-limit pubsub ${hard} ${soft}: a burst of endings cuts listeners off, and near caches begin anew`,
    'CONFIG SET client-output-buffer-limit "pubsub 33554432 8388608 60", as it is by default.',
  );
}

export function idleTimeout({ settings }: ServerReport): Verdict {
  const seconds = settings.get("timeout");
  if (seconds === undefined) return notKnown("timeout");
  if (seconds === "0") return well("connections may be idle");
  return warning(
    `connections that are idle for ${seconds} s are closed, and the next call may fail`,
    "CONFIG SET timeout 0, or have the client ping more often than that.",
  );
}

function notKnown(setting: string): Verdict {
  return warning("not known: the user may not ask", `Look yourself: CONFIG GET ${setting}.`);
}

function inMs(ms: number): string {
  return `${Number(ms.toPrecision(ms < 1 ? 1 : 2))} ms`;
}

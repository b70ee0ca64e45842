/** What one failover is judged by, from what the processes under load were told. */

import { Keys } from "../../src/stores/redis/keys.ts";
import type { FaultName } from "./failover-ground.ts";
import type { Ending, LoadReport } from "./failover-load.ts";

/** Of acknowledged endings. */
export interface EndingCounts {
  readonly acknowledged: number;
  /** The new primary did not know of them, and was told again. */
  readonly toldAgain: number;
  /** The session was still valid at the end. */
  readonly undone: number;
}

export interface RoundResult {
  readonly fault: FaultName;
  /** Milliseconds from the fault until another server was primary, and until each process had a login accepted there. */
  readonly promotedMs: number;
  readonly firstWriteMs: number;
  /** Whether yet another server took over later, without a fault. */
  readonly again: boolean;
  /** Until no process accepted a session any more whose end had been acknowledged; 0 when none ever did. */
  readonly refusedMs: number;
  /**
   * Until a process first refused, with another server as primary, a session that the other process had ended and whose
   * end that server did not have. Null: none was lost, or nobody looked at one.
   */
  readonly deniedMs: number | null;
  /** Until the last of those ends was told to it again. Null: none was lost. */
  readonly toldMs: number | null;
  readonly logins: { readonly acknowledged: number; readonly lost: number };
  readonly plain: EndingCounts;
  /** Acknowledged when one replica had them. */
  readonly durable: EndingCounts;
  /** Acknowledged when every replica had them, where there are several. */
  readonly everywhere: EndingCounts;
  /** Sessions said not to be valid: those that the store really lost, and others. */
  readonly lostSessionsRefused: number;
  readonly falseLogouts: readonly string[];
  /** Ended sessions that the very process which had ended them accepted. */
  readonly acceptedByOwn: number;
  readonly acceptedByOther: number;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
}

type Listed = "logins" | "endings" | "refused" | "accepted" | "denied" | "toldAgain" | "live" | "lost";

export interface Found {
  /** Sessions that are valid though their end was acknowledged. */
  readonly undone: ReadonlySet<string>;
  /** Sessions that nobody ended and that are gone. */
  readonly gone: ReadonlySet<string>;
  readonly faultAt: number;
  /** When another server was primary. */
  readonly promotedAt: number;
  /** Whether the server that the fault befell had the key. */
  readonly holds: (key: string) => boolean;
}

export function allOf<K extends Listed>(reports: readonly LoadReport[], what: K): LoadReport[K][number][] {
  return reports.flatMap((report) => [...report[what]] as LoadReport[K][number][]);
}

export function resultOf(reports: readonly LoadReport[], { undone, gone, faultAt, promotedAt, holds }: Found) {
  const [accepted, refused] = [allOf(reports, "accepted"), allOf(reports, "refused")];
  const live = new Set(allOf(reports, "live"));
  return {
    ...timesOf(reports, faultAt, promotedAt),
    promotedMs: promotedAt - faultAt,
    ...endingsOf(reports, undone),
    firstWriteMs: Math.max(...reports.map((report) => firstWrite(report, faultAt, holds))) - faultAt,
    refusedMs: Math.max(0, ...accepted.map(({ at }) => at - faultAt)),
    logins: { acknowledged: allOf(reports, "logins").length, lost: gone.size },
    lostSessionsRefused: refused.filter(({ id }) => gone.has(id)).length,
    falseLogouts: refused.filter(({ id }) => live.has(id) && !gone.has(id)).map(({ reason }) => reason),
    acceptedByOwn: accepted.filter(({ own }) => own).length,
    acceptedByOther: accepted.filter(({ own }) => !own).length,
    calls: reports.reduce((sum, { calls }) => sum + calls, 0),
    errors: summed(reports.map(({ errors }) => errors)),
  };
}

function endingsOf(reports: readonly LoadReport[], undone: ReadonlySet<string>) {
  const endings = allOf(reports, "endings");
  const told = new Set(allOf(reports, "toldAgain").map(({ id }) => id));
  const counts = (isOne: (ending: Ending) => boolean): EndingCounts => {
    const some = endings.filter(isOne);
    const among = (ids: ReadonlySet<string>): number => some.filter(({ id }) => ids.has(id)).length;
    return { acknowledged: some.length, toldAgain: among(told), undone: among(undone) };
  };
  return {
    plain: counts(({ replicas }) => replicas === 0),
    durable: counts(({ replicas }) => replicas === 1),
    everywhere: counts(({ replicas }) => replicas > 1),
  };
}

/** Of the ends that the server had lost, which shows in their being told to it again. */
function timesOf(reports: readonly LoadReport[], faultAt: number, promotedAt: number) {
  const told = allOf(reports, "toldAgain").filter(({ at }) => at >= faultAt);
  if (told.length === 0) return { deniedMs: null, toldMs: null };
  const lost = new Set(told.map(({ id }) => id));
  const denied = allOf(reports, "denied").filter(({ id, at, own }) => !own && at >= promotedAt && lost.has(id));
  return {
    deniedMs: denied.length === 0 ? null : Math.min(...denied.map(({ at }) => at)) - faultAt,
    toldMs: Math.max(...told.map(({ at }) => at)) - faultAt,
  };
}

/** When a login was acknowledged that began after the fault, on the server that it befell. */
function firstWrite({ logins }: LoadReport, faultAt: number, holds: (key: string) => boolean): number {
  const keys = new Keys("sojourn");
  const after = logins.filter(({ id, begunAt }) => begunAt >= faultAt && holds(keys.session(id)));
  return Math.min(...after.map(({ endedAt }) => endedAt));
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [said, count] of all.flatMap((each) => Object.entries(each))) sum[said] = (sum[said] ?? 0) + count;
  return sum;
}

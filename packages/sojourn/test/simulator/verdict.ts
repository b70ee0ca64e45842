/** What one world shows: false alarms, and of a copied cookie whether it was caught, or why it could not be. */

import type { Confirmation, Journal, Party } from "./journal.ts";

/** The store judges a token a little later than it arrives: that much. */
const STORE_MS = 60;

/** What the owner of a session that nobody stole must never see. */
export function falseAlarms({ ending, logoutAt, presentations }: Journal): string[] {
  const alarms: string[] = [];
  if (ending !== null && ending.reason !== "logout") alarms.push(`ended: ${ending.reason}`);
  const loggedOut = presentations.filter(({ loggedIn, at }) => !loggedIn && (logoutAt === null || at < logoutAt));
  if (loggedOut.length > 0) alarms.push(`${loggedOut.length} requests were taken for logged out`);
  return alarms;
}

/** Why a copy was not caught within two renewals of its first use: there was nothing to be seen. */
export type Reason =
  | "the copy was never used while the session lived"
  | "no renewal followed its first use"
  | "the thief had gone before the grace of the renewal was over"
  | "the owner never came back after the renewal"
  | "both came within the grace of the renewals that followed";

export type Verdict =
  | { readonly kind: "caught"; readonly renewals: 0 | 1 | 2 }
  | { readonly kind: "not caught"; readonly reason: Reason; readonly caughtLater: boolean }
  /** The rule was broken: a token from before a renewal was presented after its grace, and the session went on. */
  | { readonly kind: "missed"; readonly what: string };

export function verdictOn(journal: Journal): Verdict {
  const missed = missedReuse(journal);
  if (missed !== null) return { kind: "missed", what: missed };
  const { presentations, confirmations, ending } = journal;
  const caughtAt = ending?.reason === "reused" ? ending.at : null;
  const firstUse = presentations.find(({ party, loggedIn }) => party === "thief" && loggedIn)?.at ?? caughtAt;
  if (firstUse === null) return notCaught("the copy was never used while the session lived");
  const renewals = confirmations.filter(({ at }) => at >= firstUse);
  const before = caughtAt === null ? null : renewals.filter(({ at }) => at < caughtAt).length;
  if (before === 0 || before === 1 || before === 2) return { kind: "caught", renewals: before };
  return notCaught(reasonOf(journal, renewals.slice(0, 2)), caughtAt !== null);
}

function notCaught(reason: Reason, caughtLater = false): Verdict {
  return { kind: "not caught", reason, caughtLater };
}

function reasonOf(journal: Journal, renewals: readonly Confirmation[]): Reason {
  if (renewals.length === 0) return "no renewal followed its first use";
  for (const { graceUntil } of renewals) {
    if (!cameAfter(journal, "thief", graceUntil)) return "the thief had gone before the grace of the renewal was over";
    if (!cameAfter(journal, "owner", graceUntil)) return "the owner never came back after the renewal";
  }
  // Each presented a token later and was not refused, so each had been given the successor in time.
  return "both came within the grace of the renewals that followed";
}

function cameAfter({ presentations }: Journal, party: Party, time: number): boolean {
  return presentations.some((each) => each.party === party && each.at > time);
}

/** While the grace of any renewal runs, an older token is refused without an alarm. */
function missedReuse({ presentations, confirmations, ending }: Journal): string | null {
  const end = ending?.at ?? Number.POSITIVE_INFINITY;
  for (const { party, at, generation } of presentations) {
    const latest = confirmations.findLast((each) => each.at <= at + STORE_MS);
    if (latest === undefined || latest.generation <= generation) continue;
    if (at > latest.graceUntil + STORE_MS && end > at + STORE_MS) {
      return `${party} presented generation ${generation} after the grace of ${latest.generation}, and the session went on`;
    }
  }
  return null;
}

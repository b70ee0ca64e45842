/** `sessions.rotate`: a new token for the same session, the same one for everybody who asks meanwhile. */

import type { ClientSignals } from "../security/signals.ts";
import type { Presented, Renewal } from "./renewal.ts";
import type { Good, TokenCheck } from "./token-check.ts";

/** What was presented, with the token to have from now on in its place. Null when it is not good. */
export async function rotate(
  token: unknown,
  signals: ClientSignals,
  check: TokenCheck,
  renewal: Renewal,
): Promise<Presented | null> {
  const checked = await check.check(token, { signals });
  if (!checked.valid) return null;
  const { presented, standing } = checked;
  if (checked.differing.length > 0) return presented;
  const isMade = standing === "previous" || presented.record.rotation?.state === "pending";
  if (isMade && checked.token !== undefined) return current(checked);
  // Renewed a moment ago: this is the new token.
  if (standing === "successor" || renewal.isSettling(presented.record)) return current(checked);
  const renewed = await renewal.renew(presented);
  if (renewed !== null) return { ...presented, ...renewed };
  // Somebody was faster: their successor has been presented already, or the session is over.
  const now = await check.check(token);
  return now.valid ? current(now) : null;
}

function current({ presented, token = presented.token }: Good): Presented {
  return { ...presented, token };
}

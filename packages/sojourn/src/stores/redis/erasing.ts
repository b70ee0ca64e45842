/** What is kept of a user besides sessions, forgotten. */

import { bucketOf } from "../../data/session-id.ts";
import { userHashIn } from "../../store/placement.ts";
import type { Keys } from "./keys.ts";
import type { ScriptRunner } from "./script-runner.ts";

/** Events that one script looks at: well under a millisecond. */
const AT_ONCE = 250;

export async function eraseUser(userKey: string, keys: Keys, scripts: ScriptRunner): Promise<void> {
  const bucket = bucketOf(userKey);
  for (let from = "-"; from !== ""; ) {
    const first = from;
    const answer = await scripts.run("eraseUser", [keys.totals(bucket), keys.userEpoch(userKey)], undefined, () => [
      userHashIn(userKey),
      keys.activityPrefix(bucket),
      first,
      String(AT_ONCE),
    ]);
    from = answer.text(2);
  }
}

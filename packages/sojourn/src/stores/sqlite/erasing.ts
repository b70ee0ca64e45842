/** What is kept of a user besides sessions, forgotten: in steps that hold neither the event loop nor other writers for long. */

import { userHashIn } from "../../store/placement.ts";
import type { Statements } from "./statements.ts";

/** Events looked at in one transaction. */
const AT_ONCE = 1_000;

/** @param write runs a step in a transaction of its own */
export async function eraseUser(
  userKey: string,
  write: <T>(step: (sql: Statements) => T) => Promise<T>,
): Promise<void> {
  const hash = userHashIn(userKey);
  await write((sql) => sql.removeEpoch.run(userKey));
  for (let from: number | null = 0; from !== null; ) {
    const after: number = from;
    from = await write((sql) => {
      const events = sql.events.after(after, AT_ONCE);
      const ids = new Set(events.filter(({ userHash }) => userHash === hash).map(({ sessionId }) => sessionId));
      for (const id of ids) sql.removeActivities.run(id);
      return events.length === AT_ONCE ? Number(events.at(-1)?.id) : null;
    });
  }
}

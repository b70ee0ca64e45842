/** Changing the data of all sessions of a user, such as taking a role away. */

import type { DataObject } from "../data/draft.ts";
import type { Core } from "./core.ts";
import type { FieldWriter } from "./field-writer.ts";
import { checkedUserId } from "./new-session.ts";
import { SessionDataById } from "./session-data.ts";

/** Sessions written to at once. */
const AT_ONCE = 50;

/**
 * Writes to every live session of the user, and looks again until it finds none that it has not written to: one that
 * began meanwhile is reached too. A session that cannot take the patch keeps none from getting it.
 * @throws TypeError; the first error that a session answered, once all were tried
 */
export async function patchUser(
  core: Core,
  writer: FieldWriter,
  userId: string,
  patch: Readonly<DataObject>,
): Promise<{ patched: number }> {
  checkedUserId("patchUser", userId);
  if (typeof patch !== "object" || patch === null) throw new TypeError("patchUser: patch must be an object of fields.");
  for (const [name, value] of Object.entries(patch)) {
    writer.fields.change(value === undefined ? { kind: "delete", name } : { kind: "set", name, value });
  }
  const placement = await core.placement();
  const userKey = placement.userKey(userId);
  const seen = new Set<string>();
  const results: PromiseSettledResult<boolean>[] = [];
  for (;;) {
    const ids = (await core.store.listUser(userKey)).map(({ id }) => id).filter((id) => !seen.has(id));
    if (ids.length === 0) break;
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const some = ids.slice(i, i + AT_ONCE);
      for (const id of some) seen.add(id);
      results.push(...(await Promise.allSettled(some.map((id) => patchSession(writer, id, patch)))));
    }
  }
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return { patched: results.filter((result) => result.status === "fulfilled" && result.value).length };
}

async function patchSession(writer: FieldWriter, id: string, patch: Readonly<DataObject>): Promise<boolean> {
  const patched = await new SessionDataById(id, writer).update((draft) => {
    for (const [name, value] of Object.entries(patch)) {
      if (value === undefined) delete draft[name];
      else draft[name] = value;
    }
  });
  return patched !== null;
}

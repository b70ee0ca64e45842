/** Whether a user may begin sessions. */

import type { Core } from "./core.ts";
import { checkedUserId } from "./new-session.ts";

/** @throws TypeError, StoreUnavailableError @internal */
export async function setDisabled(core: Core, userId: string, disabled: boolean): Promise<void> {
  checkedUserId(disabled ? "disableUser" : "enableUser", userId);
  const placement = await core.placement();
  await core.store.disableUser({ userKey: placement.userKey(userId), disabled });
}

/** Users are disabled: no session of theirs begins. */

import fc from "fast-check";
import { callOf, envelope, type Family, rarely } from "../plan.ts";
import { USERS } from "../world.ts";
import { fenceOf } from "../write.ts";

export const disableUser: Family = {
  weight: 1,
  // It shows in no answer but those of later logins.
  alone: true,
  plan: fc.tuple(fc.constantFrom(...USERS), rarely(2), envelope).map(([user, disabled, sealed]) => ({
    isPossible: () => true,
    make: (world) => {
      const call = callOf(world, sealed);
      const input = { userKey: world.userKey(user), disabled };
      const text = `${disabled ? "disable" : "enable"} ${user}`;
      return {
        text,
        call,
        session: null,
        needsOperationIds: true,
        send: (store) => store.disableUser(input, call),
        view: () => ({ status: "done" }),
        *messages(model, traits) {
          const { notAfter, keptMs } = fenceOf(call, model, traits);
          const operation = call.operationId ?? `own-${world.serial()}`;
          return yield {
            text,
            notAfter,
            recall: (now) => (traits.operationIds ? now.remembered(operation) : undefined),
            apply(now) {
              now.setDisabled(user, disabled);
              now.remember(operation, { status: "done" }, keptMs);
              return { status: "done" };
            },
          };
        },
      };
    },
  })),
};

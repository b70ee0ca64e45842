/**
 * Opt-in types of `req.session`: `import "sojourn/express/augment"`.
 * To have your own data's types, say once:
 *
 * ```ts
 * declare module "sojourn" { interface Register { sessions: typeof sessions } }
 * ```
 */

import type { Register } from "../register.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import type { RequestSession } from "./request-session.ts";

/** The data of registered sessions; any names and unknown values while none are registered. */
export type RegisteredData<R> = R extends { sessions: Sessions<infer D> } ? D : Record<string, unknown>;

declare global {
  namespace Express {
    interface Request {
      /** The session of this request; anonymous until something is written or a user logs in. */
      session: RequestSession<RegisteredData<Register>>;
    }
  }
}

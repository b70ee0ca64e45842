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

type RegisteredData = Register extends { sessions: Sessions<infer D> } ? D : Record<string, unknown>;

declare global {
  namespace Express {
    interface Request {
      /** The session of this request; anonymous until something is written or a user logs in. */
      session: RequestSession<RegisteredData>;
    }
  }
}

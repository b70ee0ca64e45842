/**
 * Opt-in types of `req.session`: `import "sojourn/express/augment"`.
 * To have your own data's types, say once:
 *
 * ```ts
 * declare module "sojourn" { interface Register { sessions: typeof sessions } }
 * ```
 */

import type { RegisteredData } from "./registered-data.ts";
import type { RequestSession } from "./request-session.ts";

declare global {
  namespace Express {
    interface Request {
      /** The session of this request; anonymous until something is written or a user logs in. */
      session: RequestSession<RegisteredData>;
    }
  }
}

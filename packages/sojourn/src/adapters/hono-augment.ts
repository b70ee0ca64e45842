/**
 * Opt-in types of `c.var.session` and `c.get("session")`: `import "sojourn/hono/augment"`.
 * To have your own data's types, say once:
 *
 * ```ts
 * declare module "sojourn" { interface Register { sessions: typeof sessions } }
 * ```
 */

import type { RegisteredData } from "./registered-data.ts";
import type { RequestSession } from "./request-session.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The session of this request; anonymous until something is written or a user logs in. */
    session: RequestSession<RegisteredData>;
  }
}

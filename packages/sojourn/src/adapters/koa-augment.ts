/**
 * Opt-in types of `ctx.session`: `import "sojourn/koa/augment"`.
 * To have your own data's types, say once:
 *
 * ```ts
 * declare module "sojourn" { interface Register { sessions: typeof sessions } }
 * ```
 */

import type { RegisteredData } from "./registered-data.ts";
import type { RequestSession } from "./request-session.ts";

declare module "koa" {
  interface DefaultContext {
    /** The session of this request; anonymous until something is written or a user logs in. */
    readonly session: RequestSession<RegisteredData>;
  }
}

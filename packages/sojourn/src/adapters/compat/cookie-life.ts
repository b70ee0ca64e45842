/** How long a stored session lasts by the settings of its cookie, and how often its use is stored for that. */

import type { Session } from "../../lifecycle/session.ts";
import type { CompatCookie } from "./cookie.ts";
import { COOKIE } from "./field-texts.ts";
import type { CompatRules, Fields } from "./rules.ts";

const MAX_TOUCH_INTERVAL_MS = 600_000;

/** @internal */
export class CookieLife {
  readonly #host: CompatRules["host"];
  readonly #common: CompatCookie;

  /** @param common what stored cookies are told apart from */
  constructor(host: CompatRules["host"], common: CompatCookie) {
    this.#host = host;
    this.#common = common;
  }

  cookieOf({ data, lastSeenAt }: Session<Fields>): CompatCookie {
    const own = data[COOKIE];
    return this.#common.with(typeof own === "object" && own !== null ? (own as Fields) : {}, lastSeenAt);
  }

  /** It was not used for longer than its cookie was to last. */
  isOver(stored: Session<Fields> | null): boolean {
    if (stored === null) return false;
    const { originalMaxAge } = this.cookieOf(stored);
    return originalMaxAge !== null && this.#host.now() >= stored.lastSeenAt + originalMaxAge;
  }

  /** What the policy asks for is stored by whoever read the session; a cookie of a shorter life needs it more often. */
  isTouchDue({ lastSeenAt, policy, idleMs }: Session<Fields>, maxAge: number | null): boolean {
    if (maxAge === null) return false;
    const unseenMs = this.#host.now() - lastSeenAt;
    const isDue = unseenMs >= Math.min(maxAge / 20, MAX_TOUCH_INTERVAL_MS);
    return isDue && unseenMs < this.#host.policies.touchIntervalOf(policy, idleMs);
  }
}

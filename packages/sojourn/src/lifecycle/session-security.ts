/** `sessions.security`: failed logins, suspicion, a changed password. */

import { randomBytes } from "node:crypto";
import { type Metadata, NO_SECURITY_FACTS, type SecurityFacts, withSecurity } from "../data/metadata.ts";
import { isSessionId } from "../data/session-id.ts";
import { DEFAULTS } from "../options.ts";
import { networkOf } from "../security/address.ts";
import { RecentCounts } from "../security/recent-counts.ts";
import type { EventNote } from "../store/events.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { amend } from "./amendment.ts";
import type { Core } from "./core.ts";
import type { Elevation } from "./elevation.ts";
import { sessionsOfUser } from "./find.ts";
import { checkedUserId } from "./new-session.ts";
import type { Invalid } from "./invalid.ts";
import type { Good } from "./token-check.ts";

/** Where a login failed, as far as it is known. */
export interface FailedLogin {
  readonly userId?: string | undefined;
  /** Of a session whose user had to prove again who they are. */
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
}

/** How often it failed before, this time included; null for what was not named. */
export interface FailedLogins {
  /** On that session since it began; null as well when there is no such session. */
  readonly session: number | null;
  /** For that user within 15 minutes, in this process. */
  readonly user: number | null;
  /** From the /24 or /64 of that address within 15 minutes, in this process. */
  readonly network: number | null;
}

/** The session that was kept, with its new token; or nothing. */
export type PasswordChanged<Kept> = Kept | { readonly token?: undefined };

/** What of `Sessions` is needed here. @internal */
export interface SecurityParts<Kept> {
  check(token: unknown): Promise<Good | Invalid>;
  revokeOthers(userId: string, except: string | null): Promise<unknown>;
  elevated(checked: Good, elevation: Elevation): Promise<Kept | null>;
}

/** A failed login looks at no more sessions than this, however many the user has, those that expire last; … */
const MAX_READ_SESSIONS = 100;
/** … and writes to no more of them than this, those seen last. */
const MAX_NOTED_SESSIONS = 20;
const MAX_WHY_BYTES = 256;
/** What is no address may be anything that a client wrote. */
const MAX_ADDRESS_LENGTH = 64;

/** `Kept`: what `create` answers. */
export class SessionSecurity<Kept> {
  readonly #core: Core;
  readonly #parts: SecurityParts<Kept>;
  readonly #ofUsers: RecentCounts;
  readonly #ofNetworks: RecentCounts;
  /** Failures of one session at once wait for each other, rather than race in the store. */
  readonly #queue = new KeyedQueue();

  /** @internal */
  constructor(core: Core, parts: SecurityParts<Kept>) {
    this.#core = core;
    this.#parts = parts;
    const counts = (): RecentCounts => new RecentCounts(DEFAULTS.failedLoginWindowMs, () => core.clock.monotonic());
    // Apart: whoever has many addresses must not push out what is counted of users.
    [this.#ofUsers, this.#ofNetworks] = [counts(), counts()];
  }

  /**
   * Notes a failed login: on the session, and on the user's live sessions (of the 100 that expire last the 20
   * seen last), for them to see in
   * `session.security.failedLogins`. The answer is for you to slow down or refuse further tries; nothing here does.
   * @throws TypeError, StoreUnavailableError
   */
  async recordFailedLogin({ userId, sessionId, ip }: FailedLogin): Promise<FailedLogins> {
    const network = ip === undefined ? null : this.#ofNetworks.add(networkOf(ip) ?? ip.slice(0, MAX_ADDRESS_LENGTH));
    const user = userId === undefined ? null : this.#ofUsers.add(checkedUserId("recordFailedLogin", userId));
    const others = userId === undefined ? [] : await this.#latestSessions(userId);
    const counts = await Promise.all([
      sessionId === undefined ? null : this.#noteFailure(sessionId),
      ...others.filter((id) => id !== sessionId).map((id) => this.#noteFailure(id)),
    ]);
    return { session: counts[0] ?? null, user, network };
  }

  /**
   * Marks a session, for its user and for administrators to see in `session.security.suspicious`. It goes on.
   * False when there is no such session. @throws TypeError, StoreUnavailableError
   */
  async flagSuspicious(id: string, why: string): Promise<boolean> {
    if (typeof why !== "string" || !why.isWellFormed() || Buffer.byteLength(why) > MAX_WHY_BYTES) {
      throw new TypeError(`flagSuspicious: why must be a string of at most ${MAX_WHY_BYTES} bytes.`);
    }
    const suspicious = { why, at: this.#core.store.now() };
    const event = { type: "suspicious", detail: why } as const;
    return (await this.#note(id, event, () => ({ suspicious }))) !== null;
  }

  /**
   * After the user changed their password, having proved who they are: ends all their sessions but that of `keep`,
   * which gets a new token, an authentication as of now, and `session.security.passwordChangedAt`; a copy of its old
   * token is superseded at once (ASVS 7.4.3). `{}` when `keep` is absent or no good token of theirs: then all are ended.
   * For `req.session` there is `req.session.passwordChanged()`, which sets the cookie.
   * @throws TypeError, StoreUnavailableError: call it again
   */
  async passwordChanged(
    userId: string,
    { keep }: { readonly keep?: string | null } = {},
  ): Promise<PasswordChanged<Kept>> {
    checkedUserId("passwordChanged", userId);
    const checked = keep === undefined || keep === null ? null : await this.#parts.check(keep);
    const isKept =
      checked?.valid === true && checked.standing !== "previous" && checked.presented.record.userId === userId;
    // First: should the answer to what follows be lost, the user has to sign in again, and nobody else can stay.
    await this.#parts.revokeOthers(userId, isKept ? checked.presented.verified.id : null);
    return (isKept ? await this.#parts.elevated(checked, { passwordChanged: true }) : null) ?? {};
  }

  async #latestSessions(userId: string): Promise<string[]> {
    const found = await sessionsOfUser(this.#core, "recordFailedLogin", userId, { latest: MAX_READ_SESSIONS });
    return found.slice(0, MAX_NOTED_SESSIONS).map(({ id }) => id);
  }

  #noteFailure(id: string): Promise<number | null> {
    return this.#queue.run(id, async () => {
      // The store takes equal changes for one that was sent twice: this tells two failures apart.
      const mark = randomBytes(6).toString("base64url");
      const more = ({ failedLogins }: SecurityFacts) => ({ failedLogins: failedLogins + 1 });
      const facts = await this.#note(id, { type: "login_failed" }, more, { mark });
      return facts?.failedLogins ?? null;
    });
  }

  async #note(
    id: string,
    event: EventNote,
    change: (facts: SecurityFacts) => Partial<SecurityFacts>,
    more: Pick<Metadata, "mark"> = {},
  ): Promise<SecurityFacts | null> {
    if (!isSessionId(id)) return null;
    const factsOf = ({ security }: Metadata): SecurityFacts => security ?? NO_SECURITY_FACTS;
    const record = await amend(this.#core, id, (stored) => {
      const metadata = this.#core.metadataOf(id, stored);
      return { metadata: { ...withSecurity(metadata, change(factsOf(metadata))), ...more }, event };
    });
    return record === null ? null : factsOf(this.#core.metadataOf(id, record));
  }
}

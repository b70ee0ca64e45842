/** Login with credentials and logout: the pattern that most applications start from. */

import type { DataObject } from "../data/draft.ts";
import type { Session } from "../lifecycle/session.ts";
import type { LoginInput } from "../lifecycle/operations.ts";
import type { Sessions } from "../lifecycle/sessions.ts";

/** What `verify` answers for good credentials. */
export interface AuthUser {
  readonly id: string;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  /** More fields to store in the session. */
  readonly data?: Readonly<DataObject>;
}

export interface AuthOptions<Credentials, User extends AuthUser> {
  /** Answers the user of good credentials, null for bad ones. Take the same time for an unknown user as for a wrong password. */
  verify(credentials: Credentials): User | null | Promise<User | null>;
  /** Stored as `session.loginMethod`. Default "password". */
  readonly loginMethod?: string;
  /** Stored as `session.amr` (RFC 8176). Default `["pwd"]`. */
  readonly amr?: readonly string[];
}

/** What can log in for a request: `req.session` of any adapter, whatever the types of its data. */
export interface LoginTarget {
  login(input: never): Promise<unknown>;
  logout(): Promise<boolean>;
}

export interface AuthLoginOptions extends Omit<LoginInput<never>, "userId" | "data" | "keep"> {
  /** `req.session`: sets the cookie. Without it the answer carries the token. */
  readonly via?: LoginTarget;
  /** Without `via`: the token that the client has, ended by the login. */
  readonly token?: string | null;
  /** Fields to carry over from an anonymous session, such as `["cart"]`. */
  readonly keep?: readonly string[];
}

export interface AuthLogin<User, D extends object> {
  readonly user: User;
  readonly session: Session<D>;
  /** See `sessions.csrf`. */
  readonly csrfToken: string;
  /** Give it to the client. Absent with `via`, which set the cookie. */
  readonly token?: string;
}

export interface Auth<Credentials, User, D extends object> {
  /** Null for bad credentials: then nothing changed. @throws what `sessions.login` throws */
  login(credentials: Credentials, options?: AuthLoginOptions): Promise<AuthLogin<User, D> | null>;
  /** Ends the session of a token, or of `req.session`. False when there was none. */
  logout(target: string | null | undefined | LoginTarget): Promise<boolean>;
}

/**
 * `authenticated: true`, `roles` and `permissions` are stored in the session's data: a `schema` must name them.
 *
 * ```ts
 * const { login } = auth(sessions, { verify: ({ name, password }) => users.check(name, password) });
 * const result = await login(req.body, { via: req.session, keep: ["cart"] });
 * if (result === null) res.status(401).send("Wrong name or password.");
 * ```
 */
export function auth<Credentials, User extends AuthUser, D extends object = DataObject>(
  sessions: Sessions<D>,
  options: AuthOptions<Credentials, User>,
): Auth<Credentials, User, D> {
  const { loginMethod = "password", amr = ["pwd"] } = options;
  return {
    async login(credentials, { via, token = null, ...rest } = {}) {
      const user = await options.verify(credentials);
      if (user === null) return null;
      const { roles = [], permissions = [] } = user;
      const data = { ...user.data, authenticated: true, roles, permissions };
      const input = { loginMethod, amr, ...rest, userId: user.id, data };
      if (via === undefined) return { user, ...(await sessions.login(token, input as unknown as LoginInput<D>)) };
      const session = (await via.login(input as never)) as Session<D>;
      return { user, session, csrfToken: sessions.csrf.token(session) };
    },
    async logout(target) {
      if (target === null || target === undefined) return false;
      return typeof target === "string" ? sessions.logout(target) : target.logout();
    },
  };
}

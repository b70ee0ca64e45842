/** Options of the compatibility modes: express-session's own, each honoured or refused with the reason. */

import { ConfigError } from "../../errors.ts";
import type { Sessions } from "../../lifecycle/sessions.ts";
import type { CookieAttributes } from "../../security/cookie.ts";
import { type AdapterOptions, ExchangeRules } from "../exchange-rules.ts";
import type { RawRequest } from "../node-request.ts";
import { CompatCookie, type CompatCookieOptions } from "./cookie.ts";
import type { CompatSession } from "./session-object.ts";

/** Session data as these applications write it. */
export type Fields = Record<string, unknown>;

/** The framework's request, as far as the session stands on it. @internal */
export interface CompatRequest {
  session?: unknown;
  sessionID?: string;
}

/** `R` is the framework's request. */
export interface CompatOptions<R> extends Omit<AdapterOptions, "load"> {
  /**
   * Who the user of a session is, as your application notes it there: `(session) => session.passport?.user`. A session
   * that has a user gets a new id and token, and is that user's from then on: `sessions.list`, `revokeUser`, limits,
   * `requireUser()`. One that has none any more ends. Default: sessions are nobody's, and have the default policy.
   */
  readonly userId?: (session: Fields, request: R) => string | number | null | undefined;
  /** Name of the cookie. Default "connect.sid". */
  readonly name?: string;
  /**
   * Settings of the cookie, or a function of the request that answers them.
   * Default `{ path: "/", httpOnly: true, secure: false, maxAge: null }`.
   */
  readonly cookie?: CompatCookieOptions | ((request: R) => CompatCookieOptions);
  /** Whether every response gives the cookie its whole life again. Default false. */
  readonly rolling?: boolean;
  /** Whether a session begins though nothing was written. Default false. */
  readonly saveUninitialized?: boolean;
  /** Whether `delete req.session` ends the session, or only drops what the request changed. Default "keep". */
  readonly unset?: "destroy" | "keep";
  /** `true`: X-Forwarded-Proto says whether a request is secure; `false`: it does not. Default: as the framework has it. */
  readonly proxy?: boolean | undefined;
  /** Only `false`: what nobody changed is not written. */
  readonly resave?: false;
}

/** What cannot be: the option, why, and what there is in its place. */
const REFUSED: Readonly<Record<string, string>> = {
  secret: "tokens are signed with createSessions({ secrets: [current, ...previous] }); give yours there",
  store:
    "sessions are where createSessions({ store }) keeps them; to keep express-session itself use SojournStore of sojourn/express-session",
  genid: "ids are made by createSessions, with 128 random bits; keep an id of your own in a field of the session",
  idGenerator: "ids are made by createSessions, with 128 random bits; keep an id of your own in a field of the session",
  key: "it is called name",
  load: "handlers read req.session without waiting, so it is read before them; mount the middleware after what needs no session",
  property: "in compatibility mode the session is req.session",
  algorithm: "tokens are signed by createSessions",
  cookiePrefix: "the cookie holds a token, which has no prefix",
};

/** @internal */
export class CompatRules<R = never> extends ExchangeRules<Fields> {
  /** Scripts and old clients say nothing; what browsers say of other sites is believed. */
  override readonly demandsOrigin = false;
  readonly name: string;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly unset: "destroy" | "keep";
  readonly proxy: boolean | undefined;
  /** As @fastify/session has it: where "auto" finds no https, SameSite is Lax. */
  readonly #laxOnHttp: boolean;
  readonly #cookie: NonNullable<CompatOptions<R>["cookie"]>;
  readonly #userId: CompatOptions<R>["userId"];

  /** @throws TypeError, ConfigError */
  constructor(sessions: Sessions<never>, options: CompatOptions<R> & { readonly compat?: string }) {
    super(sessions, options);
    refuse(options as Fields);
    this.#laxOnHttp = options.compat === "@fastify/session";
    this.name = options.name ?? "connect.sid";
    this.rolling = options.rolling ?? false;
    this.saveUninitialized = options.saveUninitialized ?? false;
    this.unset = options.unset ?? "keep";
    this.proxy = options.proxy;
    this.#cookie = options.cookie ?? {};
    this.#userId = options.userId;
    if (typeof this.#cookie !== "function") this.#check(this.#cookie);
    if (this.host.adoption?.cookies.some(({ name }) => name === this.name) === true) {
      throw new ConfigError(
        `Option name must not be ${JSON.stringify(this.name)}, the cookie whose sessions are adopted (createSessions({ adopt })): name the new one otherwise.`,
      );
    }
  }

  #check(options: CompatCookieOptions): void {
    const now = (): number => 0;
    // Refuses what could not be sent, before anybody asks for it.
    new CompatCookie(options, now).serialize(this.name, "");
    if (this.origins === null && (options.sameSite === "none" || options.sameSite === "auto")) {
      throw new ConfigError(
        `originCheck: false cannot stand beside cookie.sameSite "${options.sameSite}": any site could act as your users. Name the sites that may in origins.`,
      );
    }
  }

  override cookieFor(): CookieAttributes {
    return { ...this.host.cookie, name: this.name };
  }

  /** @param secure as the framework has it */
  isSecure({ socket, headers }: RawRequest, secure: boolean): boolean {
    if (this.proxy === undefined || ("encrypted" in socket && socket.encrypted === true)) return secure;
    const forwarded = this.proxy ? headers["x-forwarded-proto"] : undefined;
    return typeof forwarded === "string" && forwarded.split(",", 1)[0]?.trim().toLowerCase() === "https";
  }

  /** The cookie that a session begins with. @throws ConfigError for what a function answered */
  cookieOf(request: R, secure: boolean): CompatCookie {
    const options = typeof this.#cookie === "function" ? this.#cookie(request) : this.#cookie;
    const cookie = new CompatCookie(options, this.host.now);
    if (cookie.secure === "auto") {
      cookie.secure = secure;
      if (this.#laxOnHttp && !secure) cookie.sameSite = "lax";
    }
    if (cookie.sameSite === "auto") cookie.sameSite = secure ? "none" : "lax";
    if (options !== this.#cookie) cookie.check(this.name);
    return cookie;
  }

  /** What is not stored of a session's cookie: as the options have it, unless each request has it otherwise. */
  commonCookie(cookie: CompatCookie): CompatCookie {
    return typeof this.#cookie === "function" ? new CompatCookie({}, this.host.now) : cookie;
  }

  /** Undefined: the application does not say. @throws TypeError */
  userOf(session: CompatSession, request: R): string | null | undefined {
    if (this.#userId === undefined) return undefined;
    const userId: unknown = this.#userId(session, request) ?? null;
    if (userId === null || typeof userId === "string") return userId;
    if (typeof userId === "number") return String(userId);
    throw new TypeError(`userId must answer a string, a number, null or undefined, not ${typeof userId}.`);
  }

  /** The policy that a session begins under. */
  policyFor(userId: string | null | undefined, maxAge: number | null): string {
    const { policies, notices } = this.host;
    const policy = policies.lasting(policies.named(userId === null ? "anonymous" : undefined).name, maxAge ?? 0);
    if (policies.idleMsOf(policy, 0) < (maxAge ?? 0)) {
      notices.once(
        "maxAge",
        `a cookie.maxAge of ${maxAge} ms is longer than policy ${policy} lets a session go unused: give createSessions a persistent policy that is as long`,
      );
    }
    return policy;
  }
}

function refuse(options: Fields): void {
  for (const [name, why] of Object.entries(REFUSED)) {
    if (options[name] !== undefined) throw new ConfigError(`Option ${name} is refused in compatibility mode: ${why}.`);
  }
  const { resave = false, unset = "keep", name = "connect.sid" } = options;
  if (resave !== false) {
    throw new ConfigError(
      "Option resave: true is refused in compatibility mode: it writes what nobody changed over what another request wrote. Activity is stored without it: write resave: false.",
    );
  }
  if (unset !== "destroy" && unset !== "keep") throw new ConfigError('Option unset must be "destroy" or "keep".');
  if (typeof name !== "string") throw new ConfigError("Option name must be a string.");
}

/** What guards ask of a request, in any framework: an adapter answers the refusal, or lets the request through. */

import {
  CsrfInvalidError,
  ForbiddenError,
  LoginRequiredError,
  type SojournError,
  StepUpRequiredError,
} from "../errors.ts";
import { type Duration, parseDuration } from "../duration.ts";
import type { Session } from "../lifecycle/session.ts";
import { isSafeMethod } from "../security/origin-check.ts";
import type { Exchange } from "./exchange.ts";

/** Where a guard sends browsers. */
export interface GuardOptions {
  /** Where browsers asking for a page are sent instead of getting the error. */
  readonly redirectTo?: string;
}

/** What a guard is shown of a request. @internal */
export interface Guarded {
  readonly exchange: Exchange<never>;
  /** A field of the form that was sent, if one was. */
  formField(name: string): unknown;
}

/** The guards of one framework, whose handlers are `G`. @internal */
export interface Guards<G> {
  readonly requireUser: (options?: GuardOptions) => G;
  readonly requireRole: (role: string) => G;
  readonly requirePermission: (permission: string) => G;
  readonly requireFresh: (options: FreshOptions) => G;
  readonly csrf: () => G;
}

/** @internal */
export function guardsFor<G>(guard: (name: string, requirement: Requirement, options: GuardOptions) => G): Guards<G> {
  return {
    requireUser: (options = {}) => guard("requireUser()", userRequired, options),
    requireRole: (role) => guard("requireRole()", listed("requireRole", "roles", role), {}),
    requirePermission: (permission) =>
      guard("requirePermission()", listed("requirePermission", "permissions", permission), {}),
    requireFresh: (options) => guard("requireFresh()", freshnessRequired(options), options),
    csrf: () => guard("csrf()", csrfTokenRequired, {}),
  };
}

/** Why the request is refused, or null. @throws StoreUnavailableError @internal */
export type Requirement = (guarded: Guarded) => Promise<SojournError | null>;

/** What `requireFresh` asks for. */
export interface FreshOptions extends GuardOptions {
  /** How long ago the user may have proved who they are, as in `"10m"`. */
  readonly maxAge: Duration;
  /** The least assurance level. Default any. */
  readonly aal?: 1 | 2 | 3;
}

/** The user's session as the store has it, whatever a cache says; or why there is none. */
async function userSession({ exchange }: Guarded): Promise<Session<never> | SojournError> {
  const { current, locked } = await exchange.loadFresh();
  if (locked) return new StepUpRequiredError();
  return current === null || current.userId === null ? new LoginRequiredError() : current;
}

/** @internal */
export const userRequired: Requirement = async (guarded) => {
  const session = await userSession(guarded);
  return session instanceof Error ? session : null;
};

/** Roles and permissions stand in the session's data as `auth` stores them: lists of strings. @internal */
export function listed(guard: string, field: "roles" | "permissions", value: string): Requirement {
  if (typeof value !== "string" || value === "")
    throw new TypeError(`${guard} takes the name of one of the user's ${field}.`);
  return async (guarded) => {
    const session = await userSession(guarded);
    if (session instanceof Error) return session;
    const names: unknown = (session.data as Readonly<Record<string, unknown>>)[field];
    return Array.isArray(names) && names.includes(value) ? null : new ForbiddenError();
  };
}

/** Source: ASVS 7.5.3, NIST SP 800-63B-4 §5.2; row I1. @internal */
export function freshnessRequired({ maxAge, aal }: FreshOptions): Requirement {
  const maxAgeMs = parseDuration("maxAge", maxAge);
  const least: number = aal ?? 0;
  if (![0, 1, 2, 3].includes(least)) throw new TypeError(`requireFresh: aal must be 1, 2 or 3, not ${String(aal)}.`);
  return async (guarded) => {
    const session = await userSession(guarded);
    if (session instanceof Error) return session;
    const { exchange } = guarded;
    const fresh = exchange.now() - session.authenticatedAt < maxAgeMs && session.aal >= least;
    // A copy of a token that was renewed must not be enough; its successor goes out with the refusal.
    return fresh && !exchange.isPrevious ? null : new StepUpRequiredError();
  };
}

/** A bearer token in a header is no authority that another page could borrow (row H6). @internal */
export const csrfTokenRequired: Requirement = async (guarded) => {
  const { exchange } = guarded;
  const { request, session } = exchange;
  if (isSafeMethod(request.method) || exchange.transport === "header") return null;
  await exchange.loadFresh();
  // Never from the address, which ends up in logs (row H4).
  const token =
    session.csrfToken === null ? null : (request.header("x-csrf-token") ?? (await guarded.formField("_csrf")));
  return (await session.isCsrfToken(token)) ? null : new CsrfInvalidError();
};

/** What becomes of a request: null lets it through; else where its browser is sent, or the error to answer. @internal */
export async function verdictOf(
  requirement: Requirement,
  guarded: Guarded,
  { redirectTo }: GuardOptions,
): Promise<null | string | SojournError> {
  const refusal = await requirement(guarded);
  const sent = redirectTo !== undefined && refusal !== null && refusal.status < 500 && asksForPage(guarded.exchange);
  return sent ? redirectTo : refusal;
}

function asksForPage({ request }: Exchange<never>): boolean {
  const reads = request.method === "GET" || request.method === "HEAD";
  return reads && /\btext\/html\b/i.test(request.header("accept") ?? "");
}

/** A field of a body that a parser made. @internal */
export function fieldIn(body: unknown, name: string): unknown {
  return (body as Readonly<Record<string, unknown>> | null | undefined)?.[name];
}

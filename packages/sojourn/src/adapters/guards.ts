/** What guards ask of a request, in any framework: an adapter answers the refusal, or lets the request through. */

import { CsrfInvalidError, LoginRequiredError, type SojournError, StepUpRequiredError } from "../errors.ts";
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
  readonly formField: (name: string) => unknown;
}

/** Why the request is refused, or null. @throws StoreUnavailableError @internal */
export type Requirement = (guarded: Guarded) => Promise<SojournError | null>;

/** @internal */
export const userRequired: Requirement = async ({ exchange }) => {
  const { userId, locked } = await exchange.session.load();
  if (locked) return new StepUpRequiredError();
  return userId === null ? new LoginRequiredError() : null;
};

/** A bearer token in a header is no authority that another page could borrow (row H6). @internal */
export const csrfTokenRequired: Requirement = async ({ exchange, formField }) => {
  const { request, session } = exchange;
  if (isSafeMethod(request.method) || exchange.transport === "header") return null;
  await session.load();
  // Never from the address, which ends up in logs (row H4).
  const token = session.active ? (request.header("x-csrf-token") ?? (await formField("_csrf"))) : null;
  return (await session.isCsrfToken(token)) ? null : new CsrfInvalidError();
};

/** Where a refused request is sent instead, if it is a browser asking for a page. @internal */
export function redirectFor(refusal: SojournError, { request }: Exchange<never>, options: GuardOptions): string | null {
  const { redirectTo = null } = options;
  const isPage =
    (request.method === "GET" || request.method === "HEAD") && /\btext\/html\b/i.test(request.header("accept") ?? "");
  return isPage && refusal.status < 500 ? redirectTo : null;
}

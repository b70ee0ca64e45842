/** Servers of `node:http`, and middleware of the connect kind. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { MiddlewareMissingError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { Exchange } from "./exchange.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { fieldIn, type Guarded, type GuardOptions, guardsFor, type Requirement, verdictOf } from "./guards.ts";
import { type FailureAnswerer, forgetAnswer } from "./held-sends.ts";
import { type DirectOptions, DirectRequest } from "./node-request.ts";
import { NodeResponse } from "./node-response.ts";
import type { RequestSession } from "./request-session.ts";

export interface NodeOptions extends AdapterOptions, DirectOptions {
  /** Where the session stands on the request. Default "session". */
  readonly property?: "session" | "sojourn";
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a guard found no
   * user (401): `"answer"` sends a small JSON body, `"next"` passes the error, with its `status` and `headers`, to
   * `next`, or rejects where none was given. Default "answer". The session of an unsafe request from elsewhere can be
   * read there (`await req.session.load()`), not written to, and no guard lets it by.
   */
  readonly onError?: "answer" | "next";
}

/**
 * Middleware of the connect kind, which can be awaited as well: `next` is called, and the promise is true, when the
 * request may go on; else it has been answered. @throws MiddlewareMissingError; rejects, or calls `next`, with what is a bug
 */
export type NodeStep = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => Promise<boolean>;

/** A request with the session on it. */
export type SessionRequest<
  D extends object = DataObject,
  Property extends "session" | "sojourn" = "session",
> = IncomingMessage & Readonly<Record<Property, RequestSession<D>>>;

export interface NodeAdapter<D extends object = DataObject, Property extends "session" | "sojourn" = "session">
  extends NodeStep {
  /**
   * The listener for a server: yours, for requests that may go on. What it throws or rejects with is answered: an
   * error of a session with its status, as JSON (503 while the store is down), anything else with 500 and a line in
   * the log. Nothing ends the process.
   */
  handler(listener: (req: SessionRequest<D, Property>, res: ServerResponse) => unknown): RequestListener;
}

const VISIT = Symbol("sojourn visit");
type Visited = IncomingMessage & { [VISIT]?: Visit };

/**
 * Sessions on `req.session`.
 *
 * ```ts
 * createServer(sojourn(sessions).handler(async (req, res) => {
 *   res.end(`visit ${await req.session.increment("visits")}`);
 * }));
 * app.use(sojourn(sessions)); // connect and its like
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject, Property extends "session" | "sojourn" = "session">(
  sessions: Sessions<D>,
  options: NodeOptions & { readonly property?: Property } = {},
): NodeAdapter<D, Property> {
  const rules = new ExchangeRules<D>(sessions, options) as unknown as ExchangeRules<never>;
  const property = options.property ?? "session";
  const step: NodeStep = (req, res, next) => {
    const visit = new Visit(rules, options, req, res);
    (req as Visited)[VISIT] = visit;
    (req as unknown as Record<string, unknown>)[property] = visit.exchange.session;
    return visit.begin(next);
  };
  type Session = SessionRequest<D, Property>;
  const handler: NodeAdapter<D, Property>["handler"] = (listener) => (req, res) => {
    const run = async (): Promise<void> => {
      if (await step(req, res)) await listener(req as Session, res);
    };
    run().catch((error: unknown) => (req as Visited)[VISIT]?.crash(error));
  };
  return Object.assign(step, { handler });
}

export const {
  /** Guard: lets through requests of a user; others get 401, or a redirect if they are a browser's page loads. */
  requireUser,
  /** Guard: lets through users with this role in `data.roles`; others get 403, nobody 401. */
  requireRole,
  /** Guard: lets through users with this permission in `data.permissions`; others get 403, nobody 401. */
  requirePermission,
  /**
   * Guard for what matters most: lets through who proved not longer ago than `maxAge` who they are, at least at level
   * `aal`. Others get 403 `step_up_required`, or a redirect: ask them, then `await req.session.reauthenticate({ userId, aal })`.
   * @throws ConfigError, TypeError
   */
  requireFresh,
  /**
   * Guard: unsafe requests must bring the session's CSRF token, in the header `X-CSRF-Token` or the form field
   * `_csrf` (`req.session.csrfToken`; needs the form parsed into `req.body` before it); others get 403. The cross-site check of the
   * middleware protects forms without it: this is for sites that cannot rely on what browsers say of origins.
   */
  csrf,
} = guardsFor(guard);

function guard(name: string, requirement: Requirement, options: GuardOptions): NodeStep {
  return (req, _res, next) => {
    const visit = (req as Visited)[VISIT];
    if (visit === undefined) throw new MiddlewareMissingError(name);
    return verdictOf(requirement, visit, options).then(
      (verdict) => {
        if (verdict === null) return proceed(next);
        if (typeof verdict !== "string") return visit.fail(verdict, next);
        visit.redirect(verdict);
        return false;
      },
      (error: unknown) => visit.fail(error, next),
    );
  };
}

type Next = Parameters<NodeStep>[2];

function proceed(next: Next): Promise<boolean> {
  next?.();
  return Promise.resolve(true);
}

/** One request and its response. */
class Visit extends DirectRequest implements FailureAnswerer, Guarded {
  readonly exchange: Exchange<never>;
  readonly #res: ServerResponse;
  readonly #response: NodeResponse;
  readonly #rules: ExchangeRules<never>;
  readonly #passesOn: boolean;

  constructor(rules: ExchangeRules<never>, options: NodeOptions, req: IncomingMessage, res: ServerResponse) {
    super(req, options);
    this.#res = res;
    this.#rules = rules;
    this.#passesOn = options.onError === "next";
    this.#response = new NodeResponse(res, this);
    this.exchange = new Exchange(rules, this, this.#response);
    this.#response.watch();
  }
  formField(name: string): unknown {
    return fieldIn((this.request as { body?: unknown }).body, name);
  }

  begin(next: Next): Promise<boolean> {
    const refusal = this.exchange.refusal();
    if (refusal !== null) return this.fail(refusal, next);
    const loading = this.exchange.begun();
    if (loading === null) return proceed(next);
    return loading.then(
      () => proceed(next),
      (error: unknown) => this.fail(error, next),
    );
  }

  redirect(location: string): void {
    if (this.#res.headersSent) return;
    this.#res.writeHead(303, { Location: location }).end();
  }

  /** Answers an error, or hands it on: always what is a bug. */
  fail(error: unknown, next: Next): Promise<boolean> {
    const ours = error instanceof SojournError && !this.#passesOn && !this.#res.headersSent;
    if (ours) this.answerFailure(error);
    else if (next === undefined) return Promise.reject(error);
    else next(error);
    return Promise.resolve(false);
  }

  /** What a listener threw. */
  crash(error: unknown): void {
    const res = this.#res;
    if (!res.headersSent) {
      forgetAnswer(res);
      this.answerFailure(error);
    } else {
      this.#log(error);
      // Half an answer must not look like a whole one.
      if (!res.writableEnded) res.destroy();
    }
  }

  answerFailure(error: unknown): void {
    if (error instanceof SojournError) {
      this.#response.answer(error, this.exchange.answerTo(error));
      return;
    }
    this.#log(error);
    this.#res.statusCode = 500;
    this.#res.end();
  }

  #log(error: unknown): void {
    const { notices } = this.#rules.host;
    notices.warn(
      "handler",
      `a request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}

export type { FreshOptions, GuardOptions } from "./guards.ts";
export type { RequestLoginInput, RequestSession } from "./request-session.ts";
export type { Transport } from "./session-carrier.ts";

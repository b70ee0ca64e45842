/** One request to an Express application, and its response. */

import type { NextFunction, Request, Response } from "express";
import { SojournError } from "../errors.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeRules } from "./exchange-rules.ts";
import { fieldIn, type Guarded } from "./guards.ts";
import type { FailureAnswerer } from "./held-sends.ts";
import { NodeRequest } from "./node-request.ts";
import { isShared, NodeResponse } from "./node-response.ts";
import { RequestSession } from "./request-session.ts";
import { putErrorHeaders } from "./response-headers.ts";
import type { RequestOptions } from "./views.ts";

/** What concerns each request. */
export interface VisitOptions extends RequestOptions<Request> {
  /**
   * What happens when the store is unavailable (503), an unsafe request came from elsewhere (403) or a
   * guard found no user (401): `"answer"` sends a small JSON body, `"next"` passes the error, with its
   * `status` and `headers`, to the application's error handler. Default "answer". The session of an
   * unsafe request from elsewhere can be read there (`await req.session.load()`), not written to, and no guard lets it by.
   */
  readonly onError?: "answer" | "next";
}

/** Where guards find the visit. @internal */
export const VISIT = Symbol("sojourn visit");
/** @internal */
export type Visited = Request & { [VISIT]?: Visit };

/** A request that Express may not have seen: `ws` and socket.io hand over Node's own. */
type Outside = Pick<Request, "headers" | "socket"> & Partial<Pick<Request, "app" | "secure">>;

/** @internal */
export class Visit extends NodeRequest<Request> implements FailureAnswerer, Guarded {
  readonly #rules: ExchangeRules<never>;
  readonly #res: Response;
  readonly #onError: VisitOptions["onError"];
  readonly #next: NextFunction;
  readonly #isShared: boolean;
  #response: NodeResponse | null = null;
  #exchange: Exchange<never> | null = null;
  #session: RequestSession<never> | null = null;

  constructor(rules: ExchangeRules<never>, options: VisitOptions, req: Request, res: Response, next: NextFunction) {
    super(req, req, options);
    this.#rules = rules;
    this.#res = res;
    this.#onError = options.onError;
    this.#next = next;
    this.#isShared = isShared(res);
    if (!this.#isShared) this.#response = this.#watched();
  }

  #watched(): NodeResponse {
    const response = new NodeResponse(this.#res, this);
    response.watch(this.#isShared);
    return response;
  }
  get response(): NodeResponse {
    this.#response ??= this.#watched();
    return this.#response;
  }
  get exchange(): Exchange<never> {
    this.#exchange ??= new Exchange(this.#rules, this, this.response, this.#session);
    return this.#exchange;
  }

  /** Most requests of many sites have no session: no exchange is made until somebody looks. */
  get session(): RequestSession<never> {
    this.#session ??= this.#rules.concerns(this)
      ? this.exchange.session
      : new RequestSession(this.#rules.sessions, this, true);
    return this.#session;
  }

  /** Whether there is something to be done before the handler runs. */
  get isOpen(): boolean {
    return this.#exchange !== null;
  }

  get secure(): boolean {
    const { secure, socket }: Outside = this.request;
    return secure ?? "encrypted" in socket;
  }
  get host(): string | undefined {
    return hostOf(this.request);
  }
  get ip(): string | undefined {
    return this.request.ip ?? this.peer;
  }
  formField(name: string): unknown {
    return fieldIn(this.request.body, name);
  }

  /** Only errors made on purpose are answered here; anything else is a bug and goes to the error handler. */
  answerFailure(error: unknown, next = this.#next): void {
    const res = this.#res;
    if (!(error instanceof SojournError) || this.#onError === "next" || res.headersSent || !("json" in res)) {
      next(error);
      return;
    }
    putErrorHeaders(this.response, error);
    res.status(error.status).json(this.exchange.answerTo(error));
  }
}

/** Express 4 has only the name without the port; this is what `req.host` of Express 5 says. */
function hostOf(req: Outside): string | undefined {
  const trusted = req.app?.get("trust proxy fn") as ((address: string | undefined, hop: number) => boolean) | undefined;
  const forwarded = req.headers["x-forwarded-host"];
  if (typeof forwarded !== "string" || forwarded === "" || trusted?.(req.socket.remoteAddress, 0) !== true)
    return req.headers.host;
  return forwarded.split(",", 1)[0]?.trimEnd();
}

/** What adapters on Node's `http` tell of a request. */

import type { IncomingMessage } from "node:http";
import { type RequestOptions, type RequestView, ToldRequest } from "./views.ts";

/** The request as Node knows it. @internal */
export type RawRequest = Pick<IncomingMessage, "method" | "headers" | "socket">;

/** @internal */
export abstract class NodeRequest<R> extends ToldRequest<R> implements RequestView {
  readonly #raw: RawRequest;

  constructor(raw: RawRequest, request: R, options: RequestOptions<R>) {
    super(request, options);
    this.#raw = raw;
  }
  abstract get secure(): boolean;
  abstract get host(): string | undefined;
  abstract get ip(): string | undefined;

  get method(): string {
    return this.#raw.method ?? "GET";
  }
  get peer(): string | undefined {
    return this.#raw.socket.remoteAddress;
  }
  header(name: string): string | undefined {
    const value = this.#raw.headers[name];
    return typeof value === "string" ? value : undefined;
  }
}

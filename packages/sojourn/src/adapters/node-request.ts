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

/** What the application tells of requests that no framework has looked at. */
export interface DirectOptions extends RequestOptions<IncomingMessage> {
  /**
   * The URL as the client sees it: decides which cookie is looked for and what "this site" is. Behind a proxy that ends
   * TLS: ``(request) => `https://${request.headers.host}` ``. Default from the connection and the Host header.
   */
  readonly url?: (request: IncomingMessage) => string | URL;
}

/** A request as `node:http` hands it over. @internal */
export class DirectRequest extends NodeRequest<IncomingMessage> {
  readonly #options: DirectOptions;
  #url: URL | null = null;

  constructor(request: IncomingMessage, options: DirectOptions) {
    super(request, request, options);
    this.#options = options;
  }
  get secure(): boolean {
    return this.#seen?.protocol === "https:";
  }
  get host(): string | undefined {
    return this.#seen?.host;
  }
  get ip(): string | undefined {
    return this.peer;
  }
  /** Null for what is no URL: a client may send any Host header. */
  get #seen(): URL | null {
    this.#url ??= URL.parse(this.#options.url?.(this.request) ?? this.#own());
    return this.#url;
  }
  #own(): string {
    const scheme = "encrypted" in this.request.socket ? "https" : "http";
    return `${scheme}://${this.request.headers.host ?? ""}`;
  }
}

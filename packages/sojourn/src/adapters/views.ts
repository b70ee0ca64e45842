/** What an adapter tells the exchange of its framework's request and response. */

import { inspect } from "node:util";
import type { OnUnavailable } from "../lifecycle/on-unavailable.ts";
import type { Failure } from "./pending-writes.ts";
import type { ClientView } from "./request-client.ts";
import type { HeaderSink } from "./response-headers.ts";

/** Read only when needed. @internal */
export interface RequestView extends ClientView {
  readonly method: string;
  /** As the client sees it: behind a proxy the proxy's, if the framework trusts it. */
  readonly secure: boolean;
  readonly host: string | undefined;
  /** False for what pages do by themselves: it keeps no session alive. */
  readonly countsAsActivity: boolean;
  /** What it gets while its session cannot be read; undefined: as `createSessions` was told. */
  readonly onUnavailable: OnUnavailable | undefined;
}

/** What a response asks of the exchange. @internal */
export interface HeadRules {
  /** Whether a response that is about to begin must wait for session writes, or for its replacement. */
  readonly mustWait: boolean;
  /** Waits for the writes under way. Answers the failure that is to be answered in place of the response, or null. */
  settled(): Promise<Failure | null>;
  /** Puts cookie and caching rules on headers; called again, it takes back what it put before. */
  applyTo(headers: HeaderSink): void;
}

/** What an adapter does for the exchange. @internal */
export interface ResponseView {
  /** The headers have left: nothing can be put on them any more. */
  readonly headersSent: boolean;
  /** The application has begun to answer: the headers have left, or wait for session writes. */
  readonly begun: boolean;
  /** The headers will need `rules.applyTo`. Called once. */
  onHeaders(rules: HeadRules): void;
  /** A session write is about to begin: from now on the response may have to wait. */
  onWrites(rules: HeadRules): void;
}

/** What the application tells of its requests. */
export interface RequestOptions<R> {
  /** What you tell clients apart by, for the option `binding` of createSessions. Default none. */
  readonly fingerprint?: (request: R) => string | null | undefined;
  /** Whether a request keeps its session alive: answer false for what open pages ask by themselves. Default all do. */
  readonly countsAsActivity?: (request: R) => boolean;
  /**
   * What a request gets whose session cannot be read: `"reject"` the error (503); `"stale"` the last that the near cache
   * knows of it, `staleFor` old at most, with `req.session.stale` true, or the error; `"anonymous"` the page as nobody sees
   * it, with `req.session.unavailable` true, for pages that are public anyway. The cookie stays; guards, and what writes to
   * the session, reject all the same. A function decides for each request. Default: the option of `createSessions`.
   */
  readonly onUnavailable?: OnUnavailable | ((request: R) => OnUnavailable);
}

/** A request, and what the application tells of it. @internal */
export abstract class ToldRequest<R> {
  readonly #options: RequestOptions<R>;
  protected readonly request: R;

  constructor(request: R, options: RequestOptions<R>) {
    this.request = request;
    this.#options = options;
  }
  get fingerprint(): string | null | undefined {
    const { fingerprint } = this.#options;
    return fingerprint === undefined ? undefined : (fingerprint(this.request) ?? null);
  }
  get countsAsActivity(): boolean {
    return this.#options.countsAsActivity?.(this.request) ?? true;
  }
  get onUnavailable(): OnUnavailable | undefined {
    const { onUnavailable } = this.#options;
    return typeof onUnavailable === "function" ? onUnavailable(this.request) : onUnavailable;
  }

  /** Its headers have the token in them. */
  [inspect.custom](): string {
    return this.constructor.name;
  }
}

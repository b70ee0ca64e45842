/**
 * What adapters on Node's `http` share: the session's headers are put on in
 * `writeHead`, through which every response goes, and a response waits for
 * session writes under way.
 */

import type { ServerResponse } from "node:http";
import type { SojournError } from "../errors.ts";
import { type FailureAnswerer, HeldSends, isHeld, type SendName, type Sends, sends } from "./held-sends.ts";
import { type HeaderSink, putErrorHeaders } from "./response-headers.ts";
import type { HeadRules, ResponseView } from "./views.ts";

type WriteHeadArguments = [status: number, ...rest: unknown[]];
type WriteHead = (this: void, ...args: WriteHeadArguments) => ServerResponse;
type HeaderValue = number | string | readonly string[];
type GivenHeaders = Readonly<Record<string, HeaderValue>>;

/** @internal */
export const JSON_TYPE = "application/json; charset=utf-8";

/** Whose rules the next `writeHead` goes by; several adapters on one response each wrap what was there before. */
const WRAPPED_BY = Symbol("sojourn response");
/** The adapter that is told what is about to be sent. */
const WATCHED_BY = Symbol("sojourn watch");
/** On a framework's prototype that sends through us: what it sent through before. */
const BELOW = Symbol("sojourn below");

type Wrapped = ServerResponse & {
  [WRAPPED_BY]?: NodeResponse | undefined;
  [WATCHED_BY]?: NodeResponse;
  readonly [BELOW]?: Sends;
};

/** What a response has of its own where no prototype can have it: the same functions for all of them. */
const OWN = sends((name) => {
  return function (this: Wrapped, ...args) {
    return this[WATCHED_BY]?.sendEarly(name, args);
  };
});

/** For responses of a framework that somebody watches, or watched. */
const WATCHED = sends((name) => {
  return function (this: Wrapped, ...args) {
    const watch = this[WATCHED_BY];
    return watch?.isShared === true ? watch.sendEarly(name, args) : Reflect.apply(below(this)[name], this, args);
  };
});

/**
 * What all responses of a framework have on their prototype. One text each, and arguments that are only handed on: V8
 * then goes on to Node's function without a list of them, as if nothing stood between.
 */
const SHARED: Sends = {
  writeHead(this: Wrapped, ...args) {
    return this[WATCHED_BY] === undefined
      ? Reflect.apply(below(this).writeHead, this, args)
      : Reflect.apply(WATCHED.writeHead, this, args);
  },
  write(this: Wrapped, ...args) {
    return this[WATCHED_BY]?.isHeld === true
      ? Reflect.apply(WATCHED.write, this, args)
      : Reflect.apply(below(this).write, this, args);
  },
  end(this: Wrapped, ...args) {
    return this[WATCHED_BY]?.isHeld === true
      ? Reflect.apply(WATCHED.end, this, args)
      : Reflect.apply(below(this).end, this, args);
  },
  flushHeaders(this: Wrapped, ...args) {
    return this[WATCHED_BY]?.isHeld === true
      ? Reflect.apply(WATCHED.flushHeaders, this, args)
      : Reflect.apply(below(this).flushHeaders, this, args);
  },
};

function has({ writeHead, write, end, flushHeaders }: Sends, all: Sends): boolean {
  return all.end === end && all.write === write && all.writeHead === writeHead && all.flushHeaders === flushHeaders;
}

/**
 * Once for a framework: properties of its own on every response would cost each request a microsecond. Node's own
 * prototype, which others use as well, stays as it is, and so does one that was looked at before.
 */
function share(res: Wrapped): void {
  if (res[BELOW] !== undefined) return;
  let framework: object | null = null;
  let at = prototypeOf(res);
  for (; at !== null && !Object.hasOwn(at, "writeHead"); at = prototypeOf(at)) framework = at;
  // What is no response of Node's, as an upgrade has none, must not lead to Object.prototype.
  if (framework === null || at === null) return;
  const { end, write, writeHead, flushHeaders } = framework as Sends;
  Object.assign(framework, SHARED, { [BELOW]: { end, write, writeHead, flushHeaders } });
}

function prototypeOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null;
}

/**
 * Whether what the response sends comes through us by itself, whoever wraps it from here on: then it is early enough
 * to watch it when somebody looks at the session. @internal
 */
export function isShared(res: ServerResponse): boolean {
  const methods = res as unknown as Sends;
  if (has(methods, SHARED)) return true;
  share(res);
  return has(methods, SHARED);
}

/** @internal */
export class NodeResponse implements ResponseView, HeaderSink {
  readonly #res: Wrapped;
  readonly #answerer: FailureAnswerer;
  #held: HeldSends | null = null;
  #rules: HeadRules | null = null;
  #writeHead: WriteHead | null = null;
  #outer: NodeResponse | undefined;
  /** What the response had when the handler had not run, where it is not watched through its prototype. */
  #before: Sends | null = null;
  /** It is watched since its headers had been wrapped: that comes below. */
  #isLate = false;
  /** Headers that were handed to `writeHead` and are on their way. */
  #given: GivenHeaders | null = null;

  constructor(res: ServerResponse, answerer: FailureAnswerer) {
    this.#res = res;
    this.#answerer = answerer;
  }

  get headersSent(): boolean {
    return !isHeld(this.#res) && this.#res.headersSent;
  }
  get begun(): boolean {
    return this.#held?.isSending === true || this.#res.headersSent;
  }
  /** Whether the headers tell of a session. */
  get hasRules(): boolean {
    return this.#rules !== null;
  }

  /** Answers an error, whatever was to be answered. */
  answer(error: SojournError, body: object): void {
    const res = this.#res;
    putErrorHeaders(this, error);
    res.statusCode = error.status;
    res.setHeader("Content-Type", JSON_TYPE);
    res.end(JSON.stringify(body));
  }

  /**
   * Before the handler runs, unless the response `isShared`: `res.end(await page(req.session))` looks `res.end` up
   * first, and what the session's first write puts there comes too late. Costs next to nothing, for most requests
   * write nothing.
   */
  watch(shared = isShared(this.#res)): void {
    const res = this.#res;
    // With several adapters on one response the first does it.
    if (res[WATCHED_BY] !== undefined) return;
    res[WATCHED_BY] = this;
    if (shared) return;
    // Somebody has wrapped the response, or there is no prototype but Node's.
    const { end, write, writeHead, flushHeaders } = res as unknown as Sends;
    this.#before = { end, write, writeHead, flushHeaders };
    Object.assign(res, OWN);
  }

  get isShared(): boolean {
    return this.#before === null;
  }
  /** Whether what is sent may have to wait: else only `writeHead` concerns it. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  /** Called by whoever looked the method up before it was replaced, or by what replaced it. */
  sendEarly(name: SendName, args: unknown[]): unknown {
    const held = this.#held;
    if (held !== null && !held.isSending) return held.send({ name, args });
    const isRuled = name === "writeHead" && !this.#isLate && this.#res[WRAPPED_BY] === this;
    if (isRuled) return this.writeHead(args as WriteHeadArguments);
    return Reflect.apply(this.#below[name], this.#res, args);
  }

  get #below(): Sends {
    return this.#before ?? below(this.#res);
  }

  onHeaders(rules: HeadRules): void {
    const res = this.#res;
    const isWrapped = this.#rules !== null;
    this.#rules = rules;
    if (isWrapped) return;
    this.#outer = res[WRAPPED_BY];
    res[WRAPPED_BY] = this;
    const { writeHead } = res as unknown as Sends;
    // It comes to whoever watches by itself.
    if (res[WATCHED_BY] === this && writeHead === this.#asks.writeHead) return;
    this.#writeHead = writeHead as WriteHead;
    res.writeHead = wrappedWriteHead;
  }

  onWrites(rules: HeadRules): void {
    if (this.#held !== null) return;
    const res = this.#res;
    if (res[WATCHED_BY] === undefined) {
      this.#isLate = this.#writeHead !== null;
      this.watch();
    }
    this.#held = new HeldSends(res, rules, this.#answerer, this.#isAsked(res as unknown as Sends));
  }

  /** Whether each way to send comes here first: nobody else has put theirs over it. */
  #isAsked(methods: Sends): boolean {
    return this.#res[WATCHED_BY] === this && has(methods, this.#asks);
  }

  /** What asks here when the response is watched. */
  get #asks(): Sends {
    return this.isShared ? SHARED : OWN;
  }

  /** One that throws, for a status or a header that is none, is followed by another. */
  writeHead(args: WriteHeadArguments): ServerResponse {
    const res = this.#res;
    const ruled = this.#ruled(args);
    res[WRAPPED_BY] = this.#outer;
    try {
      return Reflect.apply(this.#writeHead ?? (this.#below.writeHead as WriteHead), res, ruled);
    } catch (error) {
      res[WRAPPED_BY] = this;
      throw error;
    }
  }

  /** (status, headers) or (status, reason, headers); wrappers may pass undefined for what they were not given. */
  #ruled(args: WriteHeadArguments): WriteHeadArguments {
    if (args.length === 1) {
      this.#rules?.applyTo(this);
      return args;
    }
    const [status, ...rest] = args;
    const [reason, headers] = typeof rest[0] === "string" ? rest : [undefined, rest[1] ?? rest[0]];
    if (Array.isArray(headers)) setPairs(this.#res, headers);
    else if (typeof headers === "object" && headers !== null) this.#given = definedOf(headers);
    this.#rules?.applyTo(this);
    const given = this.#given === null ? [] : [this.#given];
    this.#given = null;
    return reason === undefined ? [status, ...given] : [status, reason, ...given];
  }

  get(name: string): HeaderValue | undefined {
    const given = this.#given;
    const key = given === null ? undefined : keyIn(given, name);
    return given === null || key === undefined ? this.#res.getHeader(name) : given[key];
  }

  set(name: string, value: string | readonly string[]): void {
    const given = this.#given;
    if (given === null) this.#res.setHeader(name, value);
    else this.#given = { ...given, [keyIn(given, name) ?? name]: value };
  }
}

function wrappedWriteHead(this: Wrapped, ...args: WriteHeadArguments): ServerResponse {
  const response = this[WRAPPED_BY];
  if (response !== undefined) return response.writeHead(args);
  // The headers have left: Node says so.
  return Reflect.apply(below(this).writeHead as WriteHead, this, args);
}

/** What sends when nobody of us does. */
function below(res: Wrapped): Sends {
  return res[BELOW] ?? (prototypeOf(res) as Sends);
}

function definedOf(headers: object): GivenHeaders {
  if (!Object.values(headers).includes(undefined)) return headers as GivenHeaders;
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

function keyIn(headers: object, name: string): string | undefined {
  const wanted = name.toLowerCase();
  // As Fastify spells all of them.
  if (Object.hasOwn(headers, wanted)) return wanted;
  return Object.keys(headers).find((key) => key.length === wanted.length && key.toLowerCase() === wanted);
}

/** A flat list of names and values, or a list of pairs. */
function setPairs(res: ServerResponse, list: readonly unknown[]): void {
  const replaced = new Set<string>();
  for (const [name, value] of pairsOf(list)) {
    const again = replaced.has(name.toLowerCase());
    replaced.add(name.toLowerCase());
    if (value === undefined) continue;
    const text = typeof value === "object" ? value.map(String) : String(value);
    if (again) res.appendHeader(name, text);
    else res.setHeader(name, text);
  }
}

type HeaderPair = [name: string, value: HeaderValue | undefined];

function pairsOf(list: readonly unknown[]): HeaderPair[] {
  if (Array.isArray(list[0])) return list as HeaderPair[];
  return Array.from({ length: Math.floor(list.length / 2) }, (_, i) => list.slice(2 * i, 2 * i + 2) as HeaderPair);
}

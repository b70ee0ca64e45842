/**
 * What adapters on Node's `http` share: the session's headers are put on in
 * `writeHead`, through which every response goes, and a response waits for
 * session writes under way.
 *
 * Waiting, in prose. From the first session write on, `writeHead`, `write`,
 * `end` and `flushHeaders` are looked at (*open*). One that comes while a write
 * is under way is not run but remembered, and so are those after it (*holding*);
 * the response looks to the application as if it had begun. When all writes have
 * settled, what was remembered is run in its order (*released*); or, if a write
 * failed, it is forgotten, headers about the body with it, and the failure is
 * answered (*failed*). After that answer what the handler still sends is ignored.
 * A replaced method is never put back, because others may have wrapped it meanwhile.
 */

import type { ServerResponse } from "node:http";
import type { ResponseView } from "./exchange.ts";
import type { HeaderSink } from "./response-headers.ts";
import type { Failure } from "./pending-writes.ts";

type SendName = "writeHead" | "write" | "end" | "flushHeaders";
type Send = (...args: unknown[]) => unknown;

interface Call {
  readonly name: SendName;
  readonly args: readonly unknown[];
}

/** What a response asks of the exchange. */
export interface HeadRules {
  readonly mustWait: boolean;
  settled(): Promise<Failure | null>;
  applyTo(headers: HeaderSink): void;
}

const SENDS: readonly SendName[] = ["writeHead", "write", "end", "flushHeaders"];
const HEADER_CHANGES = ["setHeader", "setHeaders", "appendHeader", "removeHeader"] as const;
/** Headers that tell of the body, or that the handler set believing in its success. */
const OF_THE_BODY =
  /^(?:content-(?!security-policy).*|etag|last-modified|accept-ranges|location|transfer-encoding|trailer|expires|refresh|set-cookie)$/;

export class NodeResponse implements ResponseView {
  readonly #res: ServerResponse;
  /** Answers a failure in place of the response. */
  readonly #answer: (error: unknown) => void;
  #state: "open" | "holding" | "released" | "failed" = "open";
  #originals: Readonly<Record<SendName, Send>> | null = null;
  /** Depth of sends under way: Node calls `writeHead` from within `end`, which is too late to wait. */
  #sending = 0;
  #held: Call[] = [];
  #heldBytes = 0;
  #needsDrain = false;
  #unshadow: () => void = () => undefined;

  constructor(res: ServerResponse, answer: (error: unknown) => void) {
    this.#res = res;
    this.#answer = answer;
  }

  get headersSent(): boolean {
    return this.#state !== "holding" && this.#res.headersSent;
  }
  get begun(): boolean {
    return this.#sending > 0 || this.#res.headersSent;
  }

  onHeaders(rules: HeadRules): void {
    beforeHeaders(this.#res, rules);
  }

  onWrites(rules: HeadRules): void {
    if (this.#originals !== null) return;
    const res = this.#res as unknown as Record<SendName, Send>;
    this.#originals = Object.fromEntries(SENDS.map((name) => [name, res[name]])) as Record<SendName, Send>;
    for (const name of SENDS) res[name] = (...args) => this.#send(rules, { name, args });
  }

  #send(rules: HeadRules, call: Call): unknown {
    if (this.#state === "open" && !this.begun && rules.mustWait) this.#hold(rules);
    if (this.#state === "holding") return this.#remember(call);
    if (this.#state === "failed" && this.#res.writableEnded && call.name !== "writeHead") return this.#ignore(call);
    return this.#run(call);
  }

  #run({ name, args }: Call): unknown {
    this.#sending += 1;
    try {
      return this.#originals === null ? undefined : Reflect.apply(this.#originals[name], this.#res, args);
    } finally {
      this.#sending -= 1;
    }
  }

  #hold(rules: HeadRules): void {
    this.#state = "holding";
    const { statusCode, statusMessage } = this.#res;
    this.#unshadow = shadow(this.#res, () => this.#held.some(({ name }) => name === "end"));
    void rules.settled().then((failure) => {
      this.#unshadow();
      if (failure !== null) return this.#fail(failure.error);
      this.#res.statusCode = statusCode;
      this.#res.statusMessage = statusMessage;
      return this.#release();
    });
  }

  #remember(call: Call): unknown {
    if (this.#held.some(({ name }) => name === "end")) return this.#ignore(call);
    this.#held.push(call);
    if (call.name === "flushHeaders") return undefined;
    if (call.name !== "write") return this.#res;
    this.#heldBytes += bytesOf(call.args[0]);
    const room = this.#heldBytes < this.#res.writableHighWaterMark;
    this.#needsDrain ||= !room;
    return room;
  }

  #release(): void {
    this.#state = "released";
    const calls = this.#held;
    this.#held = [];
    try {
      for (const call of calls) this.#run(call);
    } catch (error) {
      // Wrong arguments: the application should have heard of it from its own call.
      if (this.#res.headersSent) this.#res.destroy(error instanceof Error ? error : undefined);
      else this.#fail(error);
      return;
    }
    const drained = !this.#res.writableEnded && !this.#res.writableNeedDrain;
    if (this.#needsDrain && drained) this.#res.emit("drain");
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    const calls = this.#held;
    this.#held = [];
    for (const name of this.#res.getHeaderNames()) if (OF_THE_BODY.test(name)) this.#res.removeHeader(name);
    this.#res.statusCode = 200;
    this.#res.statusMessage = "";
    this.#answer(error);
    for (const call of calls) this.#ignore(call);
  }

  /** Nothing is sent; a callback hears that it was not. */
  #ignore({ name, args }: Call): unknown {
    const callback = args.find((each) => typeof each === "function") as ((error: Error) => void) | undefined;
    if (callback !== undefined) process.nextTick(callback, new Error("Not sent: the response has ended."));
    return name === "write" ? false : this.#res;
  }
}

function bytesOf(chunk: unknown): number {
  if (typeof chunk === "string") return Buffer.byteLength(chunk);
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** Makes a response look begun, as it would without waiting. Answers how to end that. */
function shadow(res: ServerResponse, ended: () => boolean): () => void {
  const looks: [name: string, descriptor: PropertyDescriptor][] = [
    ["headersSent", { get: () => true }],
    ["writableEnded", { get: ended }],
    ...HEADER_CHANGES.map((name): [string, PropertyDescriptor] => [name, { value: refuseChange }]),
  ];
  const before = looks.map(([name]) => [name, Object.getOwnPropertyDescriptor(res, name)] as const);
  for (const [name, descriptor] of looks) Object.defineProperty(res, name, { ...descriptor, configurable: true });
  return () => {
    for (const [name, descriptor] of before) {
      Reflect.deleteProperty(res, name);
      if (descriptor !== undefined) Object.defineProperty(res, name, descriptor);
    }
  };
}

function refuseChange(): never {
  const error = new Error("Cannot change headers after they are sent to the client");
  throw Object.assign(error, { code: "ERR_HTTP_HEADERS_SENT" });
}

type WriteHeadArguments = [status: number, ...rest: unknown[]];

/** Every way of sending headers in Node goes through `writeHead`; headers given to it directly count too. */
function beforeHeaders(res: ServerResponse, rules: HeadRules): void {
  const writeHead = res.writeHead.bind(res) as (...args: WriteHeadArguments) => ServerResponse;
  const sink: HeaderSink = {
    get: (name) => res.getHeader(name),
    set: (name, value) => void res.setHeader(name, value),
  };
  const replaced = (...[status, ...rest]: WriteHeadArguments): ServerResponse => {
    res.writeHead = writeHead;
    // (status, headers) or (status, reason, headers); wrappers may pass undefined for what they were not given.
    const given = typeof rest[0] === "string" ? rest[1] : (rest[1] ?? rest[0]);
    if (typeof given === "object" && given !== null) setGivenHeaders(res, given);
    rules.applyTo(sink);
    return typeof rest[0] === "string" ? writeHead(status, rest[0]) : writeHead(status);
  };
  res.writeHead = replaced;
}

type GivenHeader = [name: string, value: number | string | readonly string[] | undefined];

/** `writeHead` takes an object or a flat list of names and values. */
function setGivenHeaders(res: ServerResponse, given: object): void {
  const entries = Array.isArray(given) ? pairsOf(given) : (Object.entries(given) as GivenHeader[]);
  const replaced = new Set<string>();
  for (const [name, value] of entries) {
    const again = replaced.has(name.toLowerCase());
    replaced.add(name.toLowerCase());
    if (value === undefined) continue;
    const text = typeof value === "object" ? value.map(String) : String(value);
    if (again) res.appendHeader(name, text);
    else res.setHeader(name, text);
  }
}

function pairsOf(list: readonly unknown[]): GivenHeader[] {
  if (Array.isArray(list[0])) return list as GivenHeader[];
  return Array.from({ length: Math.floor(list.length / 2) }, (_, i) => list.slice(2 * i, 2 * i + 2) as GivenHeader);
}

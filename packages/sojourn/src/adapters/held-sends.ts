/**
 * A response that waits for session writes under way, in prose. From the first
 * session write on, `writeHead`, `write`, `end` and `flushHeaders` are looked at
 * (*open*). One that comes while a write is under way is not run but remembered,
 * and so are those after it (*holding*); the response looks to the application as
 * if it had begun. When all writes have settled, what was remembered is run in its
 * order (*released*); or, if a write failed, it is forgotten, headers about the
 * body with it, and the failure is answered (*failed*). After that answer what the
 * handler still sends is ignored. Only where somebody else wrapped the response, or a
 * second adapter holds it, are its methods replaced; they are never put back, because
 * others may have wrapped them meanwhile.
 */

import type { ServerResponse } from "node:http";
import { isOfTheBody } from "./response-headers.ts";
import type { HeadRules } from "./views.ts";

export type SendName = "writeHead" | "write" | "end" | "flushHeaders";
export type Send = (...args: unknown[]) => unknown;
export type Sends = Readonly<Record<SendName, Send>>;

/** One function for each way to send. */
export function sends(named: (name: SendName) => Send): Sends {
  return {
    writeHead: named("writeHead"),
    write: named("write"),
    end: named("end"),
    flushHeaders: named("flushHeaders"),
  };
}

interface Call {
  readonly name: SendName;
  readonly args: readonly unknown[];
}

/** Who answers a failure in place of the response. @internal */
export interface FailureAnswerer {
  answerFailure(error: unknown): void;
}

const HEADER_CHANGES = ["setHeader", "setHeaders", "appendHeader", "removeHeader"] as const;

/** @internal */
export class HeldSends {
  readonly #res: ServerResponse;
  readonly #rules: HeadRules;
  readonly #answerer: FailureAnswerer;
  #state: "open" | "holding" | "released" | "failed" = "open";
  readonly #originals: Sends;
  /** Depth of sends under way: Node calls `writeHead` from within `end`, which is too late to wait. */
  #sending = 0;
  #held: Call[] = [];
  #heldBytes = 0;
  #needsDrain = false;
  #unshadow: () => void = () => undefined;

  /** @param isAsked whether its owner hands every send over, so that nothing needs to be replaced */
  constructor(res: ServerResponse, rules: HeadRules, answerer: FailureAnswerer, isAsked: boolean) {
    this.#res = res;
    this.#rules = rules;
    this.#answerer = answerer;
    const { writeHead, write, end, flushHeaders } = res as unknown as Sends;
    this.#originals = { writeHead, write, end, flushHeaders };
    const asking = (name: SendName): Send => {
      return (...args) => this.send({ name, args });
    };
    // Functions of its own on one response make all responses of the process slower: V8 expects those of the others.
    if (!isAsked) Object.assign(res, sends(asking));
  }

  /** What the response is without us; what is made of it, as by `Object.create`, asks as well. */
  get below(): Readonly<Record<string, Send>> {
    return Object.getPrototypeOf(this.#res) as Readonly<Record<string, Send>>;
  }
  get isHolding(): boolean {
    return this.#state === "holding";
  }
  /** Whether the end of the response is among what waits. */
  get hasEnd(): boolean {
    return this.#held.some(({ name }) => name === "end");
  }
  get isSending(): boolean {
    return this.#sending > 0;
  }

  /** Runs it, or remembers it until it may be run. */
  send(call: Call): unknown {
    const begun = this.isSending || this.#res.headersSent;
    if (this.#state === "open" && !begun && this.#rules.mustWait) this.#hold();
    if (this.#state === "holding") return this.#remember(call);
    if (this.#state === "failed" && this.#res.writableEnded && call.name !== "writeHead") return this.#ignore(call);
    return this.#run(call);
  }

  #run({ name, args }: Call): unknown {
    this.#sending += 1;
    try {
      return Reflect.apply(this.#originals[name], this.#res, args);
    } finally {
      this.#sending -= 1;
    }
  }

  #hold(): void {
    this.#state = "holding";
    const { statusCode, statusMessage } = this.#res;
    this.#unshadow = shadow(this.#res, this);
    void this.#rules.settled().then((failure) => {
      this.#unshadow();
      if (failure !== null) return this.#fail(failure.error);
      this.#res.statusCode = statusCode;
      this.#res.statusMessage = statusMessage;
      return this.#release();
    });
  }

  #remember(call: Call): unknown {
    if (this.hasEnd) return this.#ignore(call);
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
    forgetAnswer(this.#res);
    this.#answerer.answerFailure(error);
    for (const call of calls) this.#ignore(call);
  }

  /** Nothing is sent; a callback hears that it was not. */
  #ignore({ name, args }: Call): unknown {
    const callback = args.find((each) => typeof each === "function") as ((error: Error) => void) | undefined;
    if (callback !== undefined) process.nextTick(callback, new Error("Not sent: the response has ended."));
    return name === "write" ? false : this.#res;
  }
}

/** Takes back what was said of a body that is not sent. @internal */
export function forgetAnswer(res: ServerResponse): void {
  for (const name of res.getHeaderNames()) if (isOfTheBody(name)) res.removeHeader(name);
  res.statusCode = 200;
  res.statusMessage = "";
}

function bytesOf(chunk: unknown): number {
  if (typeof chunk === "string") return Buffer.byteLength(chunk);
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** Makes a response look begun, as it would without waiting, while somebody holds it. Answers how to end that. */
function shadow(res: ServerResponse, by: HeldSends): () => void {
  (res as Held)[HELD_BY] = by;
  const before = LOOKS.map(([name]) => [name, Object.getOwnPropertyDescriptor(res, name)] as const);
  for (const [name, descriptor] of LOOKS) Object.defineProperty(res, name, descriptor);
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor !== undefined) Object.defineProperty(res, name, descriptor);
    }
  };
}

/** Who holds a response, or did. */
const HELD_BY = Symbol("sojourn held");
type Held = ServerResponse & { [HELD_BY]: HeldSends };

/** Whether somebody of us holds it: it looks begun, and is not. @internal */
export function isHeld(res: ServerResponse): boolean {
  return (res as Partial<Held>)[HELD_BY]?.isHolding === true;
}

/**
 * The same for all responses that ever waited, and left there: V8 makes a dictionary of one that a property is taken from,
 * and then expects dictionaries everywhere.
 */
const LOOKS: readonly (readonly [name: string, descriptor: PropertyDescriptor])[] = [
  ["headersSent", looking("headersSent", () => true)],
  ["writableEnded", looking("writableEnded", (by) => by.hasEnd)],
  ...HEADER_CHANGES.map((name) => [name, changing(name)] as const),
];

function looking(name: string, whileHeld: (by: HeldSends) => boolean): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Held) {
      const by = this[HELD_BY];
      return by.isHolding ? whileHeld(by) : (Reflect.get(by.below, name, this) as unknown);
    },
  };
}

function changing(name: string): PropertyDescriptor {
  return {
    configurable: true,
    writable: true,
    value(this: Held, ...args: unknown[]) {
      const { isHolding, below } = this[HELD_BY];
      if (isHolding) refuseChange();
      return Reflect.apply(below[name] as Send, this, args);
    },
  };
}

function refuseChange(): never {
  const error = new Error("Cannot change headers after they are sent to the client");
  throw Object.assign(error, { code: "ERR_HTTP_HEADERS_SENT" });
}

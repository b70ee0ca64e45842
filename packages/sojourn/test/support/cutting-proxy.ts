/**
 * A proxy between a client and a redis-server that does to commands what a bad network does. It reads the protocol
 * (RESP 2 and 3), so that an order falls on one command however the bytes come. Orders are for scripts: every write is one.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type ScriptName, SCRIPTS } from "../../src/stores/redis/scripts.generated.ts";

/** `cut before` and `cut after` break the connection before the server gets the command, and after it executed it. */
export type Order = "cut before" | "cut after" | "twice";

interface StandingOrder {
  readonly what: Order;
  /** Null for whatever script comes. */
  readonly script: ScriptName | null;
  /** How many of them pass before it. */
  passing: number;
  /** Lets nothing through from then on, until `thaw()`. */
  readonly thenFreeze: boolean;
  readonly done: () => void;
}

export interface Executed {
  readonly script: ScriptName;
  /** The first word of the script's answer. */
  readonly status: string;
}

const NAMES: ReadonlyMap<string, ScriptName> = new Map(
  (Object.keys(SCRIPTS) as ScriptName[]).map((name) => [SCRIPTS[name].sha1, name]),
);

/** What becomes of a reply. */
type ReplyHandler = (reply: Buffer) => void;

export class CuttingProxy {
  /** Every script that reached the server and was answered there, in order. */
  readonly executed: Executed[] = [];
  readonly #server: Server;
  readonly #names: ReadonlyMap<string, ScriptName>;
  readonly #links = new Set<Link>();
  readonly #orders: StandingOrder[] = [];
  #alwaysTwice = false;
  #frozen = false;
  #muted = false;
  #delayMs = 0;
  #cuts: () => boolean = () => false;
  #port = 0;

  /** @param names the scripts' digests */
  constructor(redisPort: number, names: ReadonlyMap<string, ScriptName>) {
    this.#names = names;
    this.#server = createServer((client) => {
      const link = new Link(client, connect(redisPort, "127.0.0.1"), (command) => this.#on(command, link));
      link.frozen = this.#frozen;
      link.delay(this.#delayMs);
      link.isMuted = () => this.#muted;
      link.cuts = () => this.#cuts();
      this.#links.add(link);
      client.once("close", () => this.#links.delete(link));
    });
  }

  static async before(redisPort: number, names = NAMES): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(redisPort, names);
    await proxy.openPort();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, the second time on the same port as before. */
  async openPort(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection; new ones are refused until `openPort()`. */
  async closePort(): Promise<void> {
    this.cutAll();
    this.#server.close();
    await once(this.#server, "close");
  }

  cutAll(): void {
    for (const link of this.#links) link.cut();
  }

  /** Breaks a connection that sends something, whenever the answer is true. */
  cutWhen(cuts: () => boolean): void {
    this.#cuts = cuts;
  }

  /** How often a script was executed. */
  times(script: ScriptName): number {
    return this.executed.filter((each) => each.script === script).length;
  }

  /** For the next call of the script; resolves when it was done. */
  once(what: Order, script: ScriptName, { thenFreeze = false } = {}): Promise<void> {
    return new Promise((done) => this.#orders.push({ what, script, thenFreeze, done, passing: 0 }));
  }

  /** For one of the next calls of whatever script: 0 for the very next. */
  onceAmong(what: Order, passing: number): void {
    this.#orders.push({ what, script: null, thenFreeze: false, done: () => undefined, passing });
  }

  /** No order that is not carried out yet will be. */
  withdraw(): void {
    this.#orders.length = 0;
  }

  /** Every script from now on is executed twice, and the second answer is the one that arrives. */
  alwaysTwice(): void {
    this.#alwaysTwice = true;
  }

  delayReplies(ms: number): void {
    this.#delayMs = ms;
    for (const link of this.#links) link.delay(ms);
  }

  /** Connections stay, and new ones are accepted; what clients send waits in the proxy. */
  freeze(): void {
    this.#frozen = true;
    for (const link of this.#links) link.frozen = true;
  }

  /** New connections are served; the frozen ones stay as they are, for ever. */
  forgetFrozen(): void {
    this.#frozen = false;
  }

  thaw(): void {
    this.#frozen = false;
    for (const link of this.#links) link.thaw();
  }

  /** Nothing reaches subscribers any more, and no connection breaks: as when a router forgets them. */
  muteSubscribers(): void {
    this.#muted = true;
  }

  unmuteSubscribers(): void {
    this.#muted = false;
  }

  /** Breaks the connections of subscribers. */
  cutSubscribers(): void {
    for (const link of this.#links) if (link.isSubscriber) link.cut();
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.closePort();
  }

  #orderFor(script: ScriptName): StandingOrder | undefined {
    const at = this.#orders.findIndex((each) => each.script === null || each.script === script);
    const order = this.#orders[at];
    if (order === undefined) return undefined;
    if (order.passing-- > 0) return undefined;
    this.#orders.splice(at, 1);
    return order;
  }

  #on(command: Buffer, link: Link): void {
    const script = this.#names.get(digestIn(command)) ?? null;
    if (script === null) return link.forward(command, link.answer);
    const seen =
      (then: ReplyHandler): ReplyHandler =>
      (reply) => {
        this.executed.push({ script, status: statusOf(reply) });
        then(reply);
      };
    const order = this.#orderFor(script);
    const done = (): void => {
      if (order?.thenFreeze) this.freeze();
      order?.done();
    };
    if (order?.what === "cut before") {
      link.cut();
      return done();
    }
    if (order?.what === "cut after") {
      const cut = (): void => {
        link.cut();
        done();
      };
      return link.forward(command, seen(cut));
    }
    if (order?.what === "twice" || this.#alwaysTwice)
      link.forward(
        command,
        seen(() => undefined),
      );
    link.forward(command, seen(link.answer));
    done();
  }
}

/** A client's connection and the server's for it. */
class Link {
  frozen = false;
  #delayMs = 0;
  readonly #delayed: { readonly reply: Buffer; readonly timer: NodeJS.Timeout }[] = [];
  isSubscriber = false;
  isMuted = (): boolean => false;
  cuts = (): boolean => false;
  readonly #client: Socket;
  readonly #redis: Socket;
  readonly #onCommand: (command: Buffer) => void;
  readonly #awaited: ReplyHandler[] = [];
  #fromClient = Buffer.alloc(0);
  #fromRedis = Buffer.alloc(0);
  #isCut = false;

  constructor(client: Socket, redis: Socket, onCommand: (command: Buffer) => void) {
    this.#client = client;
    this.#redis = redis;
    this.#onCommand = onCommand;
    for (const socket of [client, redis]) socket.setNoDelay(true).on("error", () => undefined);
    client.on("close", () => redis.destroy());
    redis.on("close", () => client.destroy());
    client.on("data", (bytes: Buffer) => {
      if (this.cuts()) return this.cut();
      this.#fromClient = Buffer.concat([this.#fromClient, bytes]);
      this.#passCommands();
    });
    redis.on("data", (bytes: Buffer) => {
      this.#fromRedis = Buffer.concat([this.#fromRedis, bytes]);
      this.#passReplies();
    });
  }

  readonly answer: ReplyHandler = (reply) => {
    if (this.#delayMs === 0) this.#client.write(reply);
    else this.#delayed.push({ reply, timer: setTimeout(() => this.#deliverNext(), this.#delayMs) });
  };

  /** Replies stay in order: with another delay, those that are on their way arrive. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const { timer } of this.#delayed) clearTimeout(timer);
    while (this.#delayed.length > 0) this.#deliverNext();
  }

  #deliverNext(): void {
    const next = this.#delayed.shift();
    if (next !== undefined) this.#client.write(next.reply);
  }

  forward(command: Buffer, onReply: ReplyHandler): void {
    this.#awaited.push(onReply);
    this.#redis.write(command);
  }

  thaw(): void {
    this.frozen = false;
    this.#passCommands();
  }

  cut(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#redis.destroy();
  }

  #passCommands(): void {
    while (!this.frozen && !this.#isCut) {
      const end = frameEnd(this.#fromClient, 0);
      if (end < 0) return;
      const command = this.#fromClient.subarray(0, end);
      this.#fromClient = this.#fromClient.subarray(end);
      this.isSubscriber ||= /\r\nsubscribe\r\n/i.test(command.toString("latin1"));
      this.#onCommand(command);
    }
  }

  #passReplies(): void {
    while (!this.#isCut) {
      const end = frameEnd(this.#fromRedis, 0);
      if (end < 0) return;
      const reply = this.#fromRedis.subarray(0, end);
      this.#fromRedis = this.#fromRedis.subarray(end);
      if (this.isSubscriber && this.isMuted()) continue;
      const isPush = reply.toString("latin1", 0, 1) === ">";
      const handler = isPush ? this.answer : (this.#awaited.shift() ?? this.answer);
      handler(reply);
    }
  }
}

/** Where the RESP value that begins at `at` ends; -1 when more bytes are needed. */
function frameEnd(bytes: Buffer, at: number): number {
  const line = bytes.indexOf("\r\n", at);
  if (line < 0) return -1;
  const type = bytes.toString("latin1", at, at + 1);
  const length = Number(bytes.toString("latin1", at + 1, line));
  let end = line + 2;
  if ("$=!".includes(type)) {
    if (length >= 0) end += length + 2;
    return end <= bytes.length ? end : -1;
  }
  if (!"*~>%|".includes(type)) return end;
  const items = "%|".includes(type) ? length * 2 : length;
  for (let i = 0; i < items; i++) {
    end = frameEnd(bytes, end);
    if (end < 0) return -1;
  }
  return end;
}

/** Of the script that a command runs; empty for other commands. */
function digestIn(command: Buffer): string {
  return /^\*\d+\r\n\$7\r\nEVALSHA\r\n\$40\r\n([0-9a-f]{40})/i.exec(command.toString("latin1"))?.[1] ?? "";
}

function statusOf(reply: Buffer): string {
  const text = reply.toString("latin1");
  return /^\*\d+\r\n\$\d+\r\n([^\r]*)/.exec(text)?.[1] ?? text.slice(0, text.indexOf("\r\n"));
}

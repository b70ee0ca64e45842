/**
 * A Redis whose every step is taken by the test: when a `GET` is executed and when answered, when a published message
 * arrives, when a connection is confirmed, breaks, or goes silent. For orders of events that a server does not give on demand.
 */

import { encodeRecord } from "../../src/data/record.ts";
import { type ScriptName, SCRIPTS } from "../../src/stores/redis/scripts.generated.ts";

/** Moved by hand; both clocks together. */
export class HandClock {
  time = 1_000_000;
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  shift(): number {
    return 0;
  }
}

interface PendingRead {
  readonly id: string;
  executed: { readonly answer: Buffer | null } | null;
  readonly answer: (value: Buffer | null) => void;
  readonly fail: (error: Error) => void;
}

type Listener = (message: string, channel: string) => void;

/** What was published, and when, counted in events of the server. */
export interface Published {
  readonly channel: string;
  readonly message: string;
  readonly at: number;
}

/** A client's second connection. */
class Subscriber {
  /** On their way to this process. */
  readonly queue: Published[] = [];
  /** Its server is not the one any more that is written to: what is published there does not come here. */
  isElsewhere = false;
  state: "connecting" | "open" | "silent" | "closed" = "connecting";
  #confirm: (() => void) | null = null;
  #listener: Listener | null = null;
  #onError: (() => void)[] = [];

  async connect(): Promise<void> {}
  unref(): void {}
  on(event: string, listener: () => void): void {
    if (event === "error") this.#onError.push(listener);
  }
  subscribe(_channels: readonly string[], listener: Listener): Promise<void> {
    this.#listener = listener;
    return new Promise((resolve) => {
      this.#confirm = resolve;
    });
  }
  destroy(): void {
    this.state = "closed";
  }

  /** True when it was waited for. */
  confirm(): boolean {
    if (this.state !== "connecting" || this.#confirm === null) return false;
    this.state = "open";
    this.#confirm();
    return true;
  }
  deliver(): Published | null {
    const next = this.state === "open" ? this.queue.shift() : undefined;
    if (next !== undefined) this.#listener?.(next.message, next.channel);
    return next ?? null;
  }
  cut(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    for (const listener of this.#onError) listener();
  }
}

/** What a client of it looks like to the driver of node-redis. */
export class OrderedRedis {
  readonly isOpen = true;
  readonly isReady = true;
  readonly reads: PendingRead[] = [];
  subscriber: Subscriber | null = null;
  /** Events of the server so far. */
  events = 0;
  readonly #clock: HandClock;
  readonly #revisions = new Map<string, number>();
  readonly #salt = Buffer.alloc(32, 7);
  readonly #onReady = new Set<() => void>();

  constructor(clock: HandClock) {
    this.#clock = clock;
  }

  on(_event: string, listener: () => void): void {
    this.#onReady.add(listener);
  }
  off(_event: string, listener: () => void): void {
    this.#onReady.delete(listener);
  }
  duplicate(): Subscriber {
    this.subscriber = new Subscriber();
    return this.subscriber;
  }
  /** The client is connected to another server with the same data; the subscription is not. */
  failOver(): void {
    this.events++;
    if (this.subscriber !== null) this.subscriber.isElsewhere = true;
    for (const listener of this.#onReady) listener();
  }

  /** The session as the server has it: its data revision, or null when it was ended. */
  revisionOf(id: string): number | null {
    return this.#revisions.get(id) ?? null;
  }
  begin(id: string): void {
    this.#revisions.set(id, 0);
  }
  /** Somebody changes its data. */
  change(id: string): void {
    const revision = this.#revisions.get(id);
    if (revision === undefined) return;
    this.#revisions.set(id, revision + 1);
    this.#publish("sojourn:i", `c ${id} ${revision + 1}`);
  }
  /** Somebody ends it. */
  end(id: string): void {
    if (this.#revisions.delete(id)) this.#publish("sojourn:i:e", `e ${id}`);
  }
  /** It goes and nobody says so, as with FLUSHALL. */
  vanish(id: string): void {
    this.events++;
    this.#revisions.delete(id);
  }

  sendCommand(args: readonly (string | Buffer)[]): Promise<unknown> {
    const [name, ...words] = args.map(String);
    switch (name) {
      case "TIME":
        return Promise.resolve([
          String(Math.floor(this.#clock.time / 1_000)),
          String((this.#clock.time % 1_000) * 1_000),
        ]);
      case "HMGET":
        return Promise.resolve([this.#salt, "1"]);
      case "PUBLISH":
        this.#publish(words[0] ?? "", words[1] ?? "");
        return Promise.resolve(0);
      case "GET":
        return words[0]?.includes(":s:") === true ? this.#read(words[0]) : Promise.resolve(null);
      case "EVALSHA":
        return this.#script(words);
      default:
        return Promise.resolve("OK");
    }
  }

  execute(at: number): void {
    const read = this.reads[at];
    if (read === undefined) return;
    const revision = this.revisionOf(read.id);
    read.executed ??= { answer: revision === null ? null : recordOf(revision, this.#clock.time) };
  }
  answer(at: number): void {
    const read = this.reads[at];
    if (read === undefined || read.executed === null) return;
    this.reads.splice(at, 1);
    read.answer(read.executed.answer);
  }
  fail(at: number): void {
    const [read] = this.reads.splice(at, 1);
    read?.fail(new Error("the connection broke"));
  }

  #read(key: string): Promise<Buffer | null> {
    return new Promise((answer, fail) => {
      this.reads.push({ id: key.slice(key.lastIndexOf(":") + 1), executed: null, answer, fail });
    });
  }

  /** A server that subscribers are connected to has what was published at once in its outgoing buffer. */
  #publish(channel: string, message: string): void {
    const { subscriber } = this;
    this.events++;
    if (subscriber === null || subscriber.isElsewhere || !["open", "silent"].includes(subscriber.state)) return;
    subscriber.queue.push({ channel, message, at: this.events });
  }

  #script([sha1 = "", ...rest]: readonly string[]): Promise<unknown> {
    const key = rest.find((word) => word.includes(":s:")) ?? "";
    const id = key.slice(key.lastIndexOf(":") + 1);
    const revision = this.revisionOf(id);
    const now = this.#clock.time;
    switch (NAMES.get(sha1)) {
      case "revoke":
        this.end(id);
        return Promise.resolve([revision === null ? "ended_before" : "ended", now, null]);
      case "patch":
        this.change(id);
        return Promise.resolve(["done", now, revision === null ? ["gone", null] : patchedTo(revision + 1), 1]);
      default:
        return Promise.reject(new Error("ERR not a script of this test"));
    }
  }
}

function patchedTo(revision: number): Buffer {
  return Buffer.from(`${revision - 1} ${revision}`);
}

const NAMES = new Map((Object.keys(SCRIPTS) as ScriptName[]).map((name) => [SCRIPTS[name].sha1, name]));
const YEAR_MS = 365 * 24 * 3_600_000;

function recordOf(revision: number, now: number): Buffer {
  return encodeRecord({
    header: {
      confirmed: true,
      locked: false,
      aal: 1,
      revision,
      generation: 0,
      floor: 0,
      createdAt: now,
      lastSeenAt: now,
      absoluteExpiresAt: now + YEAR_MS,
      idleMs: YEAR_MS,
      authenticatedAt: now,
      userEpoch: 0,
      tokenHash: Buffer.alloc(16, 1),
    },
    user: null,
    rotation: null,
    metadata: { policy: "test" },
    fields: [],
  });
}

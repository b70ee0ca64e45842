/**
 * Calls to Redis with a deadline, scripts by digest, and failures in the words
 * of `errors.ts`. A promise of this class always settles in time, whatever the
 * client does.
 */

import type { Clock } from "../../clock.ts";
import { SojournError, StoreClosedError, StoreUnavailableError } from "../../errors.ts";
import type { Argument, Driver, Reply } from "./driver.ts";
import { type ScriptName, SCRIPTS } from "./scripts.generated.ts";
import { ServerClock } from "./server-clock.ts";

export interface Deadlines {
  readonly readMs: number;
  readonly writeMs: number;
}

export class RedisConnection {
  readonly deadlines: Deadlines;
  readonly serverClock: ServerClock;
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #stopListening: (() => void)[] = [];
  #closed = false;

  constructor(driver: Driver, deadlines: Deadlines, clock: Clock) {
    this.#driver = driver;
    this.deadlines = deadlines;
    this.#clock = clock;
    this.serverClock = new ServerClock(clock);
  }

  /** A read: nothing happened when it fails. */
  read(slotKey: string | null, args: readonly Argument[]): Promise<Reply> {
    return this.within(this.deadlines.readMs, "not_executed", () => this.#driver.exec(slotKey, args));
  }

  /** A command that prepares the store: what the caller asked for did not begin when it fails. */
  prepare(slotKey: string, args: readonly Argument[]): Promise<Reply> {
    return this.within(this.deadlines.writeMs, "not_executed", () => this.#driver.exec(slotKey, args));
  }

  /** Until `close()`. */
  onReconnect(listener: () => void): void {
    this.#stopListening.push(this.#driver.onReconnect(listener));
  }

  /** Runs a script; its answer always is `[status, server time, …]`. */
  async script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly Argument[],
    deadlineMs = this.deadlines.writeMs,
  ): Promise<ScriptAnswer> {
    const { sha1 } = SCRIPTS[name];
    const command = ["EVALSHA", sha1, String(keys.length), ...keys, ...args];
    const sent = this.serverClock.sent();
    const reply = await this.within(deadlineMs, "unknown", async () => {
      try {
        return await this.#driver.exec(keys[0] ?? null, command);
      } catch (error) {
        if (leadingWord(error) !== "NOSCRIPT") throw error;
        await this.#load(name);
        return this.#driver.exec(keys[0] ?? null, command);
      }
    });
    const answer = new ScriptAnswer(reply);
    this.serverClock.sampled(answer.number(1), sent);
    return answer;
  }

  /** Loads all scripts on each primary: loaded ones are not evicted, unlike those that EVAL adds. */
  async loadScripts(): Promise<void> {
    await Promise.all((Object.keys(SCRIPTS) as ScriptName[]).map((name) => this.#load(name)));
  }

  async sampleClock(): Promise<void> {
    const sent = this.serverClock.sent();
    const reply = await this.read(null, ["TIME"]);
    const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
    if (seconds === undefined || micros === undefined) throw unexpectedReply(reply);
    this.serverClock.sampled(seconds * 1000 + Math.floor(micros / 1000) + this.#clock.shift(), sent);
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#stopListening.splice(0)) stop();
  }

  async #load(name: ScriptName): Promise<void> {
    await this.within(this.deadlines.writeMs, "not_executed", () =>
      this.#driver.primaries(["SCRIPT", "LOAD", SCRIPTS[name].source]),
    );
  }

  /** Settles within the deadline. The client may still execute a write later: its `notAfter` refuses it then. */
  within<T>(deadlineMs: number, outcome: "not_executed" | "unknown", call: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreClosedError());
    if (!this.#driver.isReady()) return Promise.reject(notConnected());
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(timedOut(deadlineMs, outcome)), deadlineMs);
      call().then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(classified(error, outcome));
        },
      );
    });
  }
}

/** A script's answer: status first, server time second. */
export class ScriptAnswer {
  readonly status: string;
  /** What the script wrote to its bucket's stream: id, entry, id, entry. */
  readonly events: readonly Reply[];
  readonly #items: readonly Reply[];

  constructor(reply: Reply) {
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    const items = reply as readonly Reply[];
    const last = items.at(-1);
    this.events = Array.isArray(last) ? (last as readonly Reply[]) : [];
    this.#items = Array.isArray(last) ? items.slice(0, -1) : items;
    this.status = this.text(0);
  }

  number(index: number): number {
    return Number(this.#items[index]);
  }
  text(index: number): string {
    return String(this.#items[index]);
  }
  bytes(index: number): Buffer | null {
    const item = this.#items[index];
    return item instanceof Buffer ? item : null;
  }
  numbersFrom(index: number): number[] {
    return this.#items.slice(index).map(Number);
  }
  itemsFrom(index: number): readonly Reply[] {
    return this.#items.slice(index);
  }
  textsFrom(index: number): string[] {
    return this.#items.slice(index).map(String);
  }
}

function leadingWord(error: unknown): string {
  return error instanceof Error ? (/^[A-Z]+(?=\s|$)/.exec(error.message)?.[0] ?? "") : "";
}

/** What Redis answers when it refuses a command before running it. */
const REFUSED = new Set([
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "NOREPLICAS",
  "MISCONF",
  "NOAUTH",
  "NOPERM",
  "NOSCRIPT",
  "OOM",
  "BUSY",
]);

function classified(error: unknown, outcome: "not_executed" | "unknown"): Error {
  if (error instanceof SojournError) return error;
  const word = leadingWord(error);
  const detail = withoutArguments(error instanceof Error ? error.message || error.constructor.name : String(error));
  if (word !== "") {
    return new StoreUnavailableError(`Redis refused the command: ${detail}`, {
      reason: "server",
      outcome: REFUSED.has(word) ? "not_executed" : outcome,
      cause: error,
    });
  }
  return new StoreUnavailableError(`The connection to Redis failed: ${detail}`, {
    reason: "connection",
    outcome,
    cause: error,
  });
}

/** Redis repeats the arguments of a command that it does not know. */
function withoutArguments(message: string): string {
  return message.replace(/, with args beginning with:.*/s, "");
}

export function timedOut(deadlineMs: number, outcome: "not_executed" | "unknown"): StoreUnavailableError {
  return new StoreUnavailableError(`Redis did not answer within ${deadlineMs} ms.`, { reason: "timeout", outcome });
}

function notConnected(): StoreUnavailableError {
  return new StoreUnavailableError("The Redis client is not connected.", {
    reason: "connection",
    outcome: "not_executed",
  });
}

export function unexpectedReply(reply: Reply): StoreUnavailableError {
  const kind = Array.isArray(reply) ? "an array" : typeof reply;
  return new StoreUnavailableError(`Redis gave an unexpected reply (${kind}).`, {
    reason: "server",
    outcome: "unknown",
  });
}

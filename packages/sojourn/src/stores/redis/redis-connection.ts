/**
 * Calls to Redis with a deadline, scripts by digest, and failures in the words
 * of `errors.ts`. A promise of this class always settles in time, whatever the
 * client does.
 */

import type { Clock } from "../../clock.ts";
import { StoreClosedError, StoreUnavailableError } from "../../errors.ts";
import { CallGate } from "./call-gate.ts";
import type { Argument, Driver, Reply } from "./driver.ts";
import { adrift, classified, leadingWord, notConnected, timedOut } from "./failures.ts";
import { PendingCall } from "./pending-call.ts";
import { Primaries } from "./primaries.ts";
import { type ScriptName, SCRIPTS } from "./scripts.generated.ts";
import { ServerClock } from "./server-clock.ts";

export interface Deadlines {
  readonly readMs: number;
  readonly writeMs: number;
}

export class RedisConnection {
  readonly deadlines: Deadlines;
  readonly isCluster: boolean;
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #primaries: Primaries;
  readonly #homeKey: string;
  readonly #onReconnect: (() => void)[] = [];
  readonly #stopListening: () => void;
  #closed = false;
  /** The server is a replica without a primary: nothing that it knows is believed. Said by whoever asks it; a new connection may be to another one. */
  isAdrift = false;

  /** @param homeKey whose primary is asked where no one key is meant */
  constructor(
    driver: Driver,
    deadlines: Deadlines,
    clock: Clock,
    homeKey: string,
    maxInFlight = CallGate.checkedMax(),
  ) {
    this.#driver = driver;
    this.isCluster = driver.isCluster;
    this.deadlines = deadlines;
    this.#clock = clock;
    this.#homeKey = homeKey;
    this.#primaries = new Primaries(driver, (keyOf) => ({
      clock: new ServerClock(clock),
      gate: new CallGate({ maxInFlight, inTimeMs: deadlines.readMs, clock, ask: () => this.#ask(keyOf()) }),
    }));
    const reconnected = (): void => {
      this.isAdrift = false;
      this.#primaries.reconnected();
      for (const listener of this.#onReconnect) listener();
    };
    this.#stopListening = driver.onReconnect(reconnected, (name) => this.#primaries.lost(name));
  }

  /** The clock of the primary that has the key. */
  clockOf(slotKey = this.#homeKey): ServerClock {
    return this.#primaries.of(slotKey).clock;
  }

  /** A read: nothing happened when it fails. */
  read(slotKey: string | null, args: readonly Argument[]): Promise<Reply> {
    if (this.isAdrift) return Promise.reject(adrift());
    return this.#call(slotKey, this.deadlines.readMs, "not_executed", () => this.#driver.exec(slotKey, args));
  }

  /** A command that prepares the store: what the caller asked for did not begin when it fails. */
  prepare(slotKey: string, args: readonly Argument[]): Promise<Reply> {
    return this.#call(slotKey, this.deadlines.writeMs, "not_executed", () => this.#driver.exec(slotKey, args));
  }

  /** A read on each primary. */
  primaries(args: readonly Argument[]): Promise<readonly Reply[]> {
    return this.#call(null, this.deadlines.readMs, "not_executed", () => Promise.all(this.#driver.primaries(args)));
  }

  /** The same with a promise for each, so that one that fails does not hide what the others say; asked also while the circuit is open. */
  eachPrimary(args: readonly Argument[]): readonly Promise<Reply>[] {
    const unusable = this.#unusable(null);
    if (unusable !== null) throw unusable;
    const asked = this.#driver.primaries(args);
    return asked.map((reply) => this.within(this.deadlines.readMs, "not_executed", () => reply));
  }

  isAway(slotKey: string): boolean {
    return this.#driver.isAway?.(slotKey) === true;
  }

  /** Until `close()`. */
  onReconnect(listener: () => void): void {
    this.#onReconnect.push(listener);
  }

  /** What makes sure of a write that was executed: if it fails, nobody knows what will be of that. */
  afterWrite<T>(slotKey: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
    const { gate } = this.#primaries.of(slotKey);
    return PendingCall.answer({ gate, deadlineMs, outcome: "unknown" }, work);
  }

  /** Runs a script; its answer always is `[status, server time, …]`. @param send over another connection than the client's */
  async script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly Argument[],
    deadlineMs = this.deadlines.writeMs,
    send?: (args: readonly Argument[]) => Promise<Reply>,
  ): Promise<ScriptAnswer> {
    const { sha1, source } = SCRIPTS[name];
    const rest = [String(keys.length), ...keys, ...args];
    const slotKey = keys[0] ?? this.#homeKey;
    const exec = send ?? ((all: readonly Argument[]) => this.#driver.exec(slotKey, all));
    const clock = this.clockOf(slotKey);
    const sent = clock.sent();
    const call = async (): Promise<Reply> => {
      try {
        return await exec(["EVALSHA", sha1, ...rest]);
      } catch (error) {
        if (leadingWord(error) !== "NOSCRIPT") throw error;
        await this.#load(name);
        // With its text: it may have been flushed again meanwhile.
        return exec(["EVAL", source, ...rest]);
      }
    };
    const answer = new ScriptAnswer(await this.#call(slotKey, deadlineMs, "unknown", call, callsIn(name, keys)));
    clock.sampled(answer.number(1), sent);
    return answer;
  }

  /** Loads all scripts on each primary: loaded ones are not evicted, unlike those that EVAL adds. */
  async loadScripts(): Promise<void> {
    await Promise.all((Object.keys(SCRIPTS) as ScriptName[]).map((name) => this.#load(name)));
  }

  async sampleClock(slotKey = this.#homeKey): Promise<void> {
    if (this.isCluster) {
      await this.script("time", [slotKey], [String(this.#clock.shift())], this.deadlines.readMs);
      return;
    }
    const clock = this.clockOf(slotKey);
    const sent = clock.sent();
    const reply = await this.read(slotKey, ["TIME"]);
    const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
    if (seconds === undefined || micros === undefined) throw unexpectedReply(reply);
    clock.sampled(seconds * 1000 + Math.floor(micros / 1000) + this.#clock.shift(), sent);
  }

  /** Of every primary that was met. */
  async sampleClocks(): Promise<void> {
    await Promise.all(this.#primaries.all().map(({ key }) => this.sampleClock(key)));
  }

  close(): void {
    this.#closed = true;
    this.#primaries.stop();
    this.#stopListening();
  }

  /** A primary that fails does not hold the others up: where a script is missing it is loaded when it is called. */
  async #load(name: ScriptName): Promise<void> {
    await this.#call(this.#homeKey, this.deadlines.writeMs, "not_executed", async () => {
      const loads = await Promise.allSettled(this.#driver.primaries(["SCRIPT", "LOAD", SCRIPTS[name].source]));
      const failed = loads.find(({ status }) => status === "rejected");
      if (failed?.status === "rejected" && loads.every(({ status }) => status === "rejected")) throw failed.reason;
    });
  }

  #call<T>(
    slotKey: string | null,
    deadlineMs: number,
    outcome: "not_executed" | "unknown",
    send: () => Promise<T>,
    calls = 1,
  ): Promise<T> {
    const { gate } = this.#primaries.of(slotKey ?? this.#homeKey);
    const refusal = this.#unusable(slotKey) ?? gate.refusal(calls);
    return refusal === null ? PendingCall.answer({ gate, deadlineMs, outcome, calls }, send) : Promise.reject(refusal);
  }

  /** Settles within the deadline what takes several calls. */
  within<T>(deadlineMs: number, outcome: "not_executed" | "unknown", work: () => Promise<T>): Promise<T> {
    const unusable = this.#unusable(null);
    if (unusable !== null) return Promise.reject(unusable);
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(timedOut(deadlineMs, outcome)), deadlineMs);
      work()
        .then(resolve, (error: unknown) => reject(classified(error, outcome)))
        .finally(() => clearTimeout(timer));
    });
  }

  #unusable(slotKey: string | null): StoreClosedError | StoreUnavailableError | null {
    if (this.#closed) return new StoreClosedError();
    if (this.#driver.isReady(slotKey)) return null;
    return notConnected(this.#driver.isClosed() ? "The Redis client has ended, or was not connected yet." : undefined);
  }

  /** The primary that has the key. */
  async #ask(key: string): Promise<void> {
    if (!this.#driver.isReady(key)) throw notConnected();
    const command = this.isCluster ? ["EVALSHA", SCRIPTS.time.sha1, "1", key, "0"] : ["TIME"];
    await this.#driver.exec(key, command).catch((error: unknown) => {
      if (leadingWord(error) === "") throw error;
    });
  }
}

/** Patches that share a script are a call each: it has a key for each of them, and one more. */
function callsIn(name: ScriptName, keys: readonly string[]): number {
  return name === "patch" ? keys.length - 1 : 1;
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

export function unexpectedReply(reply: Reply): StoreUnavailableError {
  const kind = Array.isArray(reply) ? "an array" : typeof reply;
  return new StoreUnavailableError(`Redis gave an unexpected reply (${kind}).`, {
    reason: "server",
    outcome: "unknown",
  });
}

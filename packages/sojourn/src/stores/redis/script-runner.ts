/** Writing scripts behind their fence: what reaches Redis after its `notAfter` changes nothing. */

import type { Clock } from "../../clock.ts";
import { FENCE_SLACK_MS, type WriteCall } from "../../store/write-call.ts";
import { lateWrite, unsupportedRecord } from "../../store/transitions.ts";
import { tooManySessions } from "../../store/user-limit.ts";
import type { Argument } from "./driver.ts";
import type { DurableWrites } from "./durable-writes.ts";
import { timedOut } from "./failures.ts";
import type { Preparation } from "./preparation.ts";
import type { RedisConnection, ScriptAnswer } from "./redis-connection.ts";
import type { ScriptName } from "./scripts.generated.ts";

export interface Fence {
  /** How long the answer of an operation must be kept: nothing sent again later gets past the fence. */
  readonly operationKeptMs: number;
}

/** The answer is null when the script may have run all the same. */
type SettledListener = (name: ScriptName, keys: readonly string[], answer: ScriptAnswer | null) => void;

export class ScriptRunner {
  readonly #redis: RedisConnection;
  readonly #preparation: Preparation;
  readonly #clock: Clock;
  readonly #durable: DurableWrites;
  readonly #onSettled: SettledListener;

  /** @param onSettled hears of every script that may have run, before its caller does */
  constructor(
    redis: RedisConnection,
    preparation: Preparation,
    clock: Clock,
    durable: DurableWrites,
    onSettled: SettledListener,
  ) {
    this.#redis = redis;
    this.#preparation = preparation;
    this.#clock = clock;
    this.#durable = durable;
    this.#onSettled = onSettled;
  }

  /**
   * Sends `[not after, shift, ...rest]`. A write refused as late although its caller still
   * waits met a stale clock sample: it is sent once more, in what is left of its deadline.
   * @throws StoreUnavailableError
   */
  run(
    name: ScriptName,
    keys: readonly string[],
    call: WriteCall | undefined,
    rest: (fence: Fence) => readonly Argument[],
  ): Promise<ScriptAnswer> {
    const until = this.#deadline();
    const preparing = this.#preparation.usable(keys[0], this.#redis.deadlines.writeMs);
    const run = (): Promise<ScriptAnswer> => this.#runUntil(until, name, keys, call, rest);
    return preparing === undefined ? run() : preparing.then(run);
  }

  /** The same for a script that does a part of its work at a time: again while it answers `again`, within one deadline. */
  async runInParts(
    name: ScriptName,
    keys: readonly string[],
    call: WriteCall | undefined,
    rest: (fence: Fence) => readonly Argument[],
  ): Promise<ScriptAnswer> {
    const until = this.#deadline();
    await this.#preparation.usable(keys[0], this.#redis.deadlines.writeMs);
    for (;;) {
      const answer = await this.#runUntil(until, name, keys, call, rest);
      if (answer.status !== "again") return answer;
      if (this.#clock.monotonic() >= until) throw tooManySessions();
    }
  }

  /**
   * If the call is to be durable: makes sure of all that was written to the primary of the key, by one more write.
   * @throws StoreUnavailableError of unknown outcome
   */
  async makeSure(call: WriteCall | undefined, slotKey: string, args: readonly Argument[]): Promise<void> {
    const durable = this.#durable.of(slotKey, call);
    if (durable === null) return;
    const { writeMs } = this.#redis.deadlines;
    const until = this.#deadline();
    await this.#redis.afterWrite(slotKey, writeMs, () => durable.send(args));
    await durable.confirmed(until - this.#clock.monotonic());
  }

  close(): void {
    this.#durable.close();
  }

  #deadline(): number {
    return this.#clock.monotonic() + this.#redis.deadlines.writeMs;
  }

  async #runUntil(
    until: number,
    name: ScriptName,
    keys: readonly string[],
    call: WriteCall | undefined,
    rest: (fence: Fence) => readonly Argument[],
  ): Promise<ScriptAnswer> {
    const serverClock = this.#redis.clockOf(keys[0]);
    const durable = name === "revoke" || name === "cutOff" ? this.#durable.of(keys[0] ?? "", call) : null;
    const send = async (leftMs: number): Promise<ScriptAnswer> => {
      const notAfter = call?.notAfter ?? serverClock.now() + leftMs + FENCE_SLACK_MS;
      const fence = { operationKeptMs: Math.max(1, Math.ceil(notAfter - serverClock.now())) + FENCE_SLACK_MS };
      const args = [String(notAfter), String(serverClock.shift()), ...rest(fence)];
      let answer: ScriptAnswer | null = null;
      try {
        answer = await this.#redis.script(name, keys, args, leftMs, durable?.send);
        return answer;
      } finally {
        this.#onSettled(name, keys, answer);
      }
    };
    const leftMs = (): number => Math.ceil(until - this.#clock.monotonic());
    if (leftMs() <= 0) throw timedOut(this.#redis.deadlines.writeMs, "not_executed");
    let answer = await send(leftMs());
    if (answer.status === "late" && call?.notAfter === undefined && leftMs() > 0) answer = await send(leftMs());
    if (answer.status === "late") throw lateWrite();
    if (answer.status === "unsupported") throw unsupportedRecord();
    await durable?.confirmed(leftMs());
    return answer;
  }
}

/**
 * Which calls may go to Redis at all.
 *
 * While it is closed (as a circuit is) calls pass, up to so many at a time: a client keeps what it sent until it is
 * answered, and a server that hangs answers nothing, so whatever waits grows with every request. Failures in a row,
 * with no answer in time between them, open it: from then on calls fail at once. What Redis refuses is an answer, and
 * does not count. While it is open one command of its own asks the server; when that is answered in time, or the client
 * has connected anew, calls pass again. An answer that came too late has it ask once more, at once: a server that
 * comes back is believed within milliseconds, one that is slow is not.
 */

import type { Clock } from "../../clock.ts";
import { ConfigError, StoreUnavailableError } from "../../errors.ts";
import { DEFAULTS, MIN_IN_FLIGHT } from "../../options.ts";

/** So many failures in a row are no accident. */
const FAILURES_TO_OPEN = 5;
/** Failures this close together are one: a broken connection fails everything that was sent over it. */
const ONE_FAILURE_MS = 10;
const ASK_EVERY_MS = 250;
/**
 * A question without an answer is given up then: no client promises to settle what it was asked, least of all in a
 * failover. Longer than the `socketTimeout` that is recommended: another question would be a sign of life to it.
 */
const GIVE_UP_MS = 3_000;

export interface CallGateOptions {
  readonly maxInFlight: number;
  /** What counts as an answer in time. */
  readonly inTimeMs: number;
  readonly clock: Clock;
  /** Asks the server something small. Resolves when it answers, whatever it says, and rejects when nothing was sent. */
  ask(): Promise<unknown>;
}

export class CallGate {
  readonly #options: CallGateOptions;
  /** How many more may be under way: none while it is open. */
  #room: number;
  #inFlight = 0;
  #era = 0;
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** Since when nothing was answered; null while it is closed. */
  #openedAt: number | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #questions = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: CallGateOptions) {
    this.#options = options;
    this.#room = options.maxInFlight;
  }

  /** The option `maxInFlight`, or its default. @throws ConfigError: one call of the application's may be 128 of Redis. */
  static checkedMax(given: unknown = DEFAULTS.maxInFlight): number {
    if (Number.isSafeInteger(given) && Number(given) >= MIN_IN_FLIGHT) return Number(given);
    const what = typeof given === "number" ? String(given) : `of type ${typeof given}`;
    throw new ConfigError(`Option maxInFlight must be a whole number from ${MIN_IN_FLIGHT} on, not ${what}.`);
  }

  /** Why a command for so many calls may not be sent now; null when it may. */
  refusal(calls = 1): StoreUnavailableError | null {
    return this.#inFlight + calls <= this.#room ? null : this.#refused();
  }

  /** It is sent. Answers what `ended` is to be told, when the client is done with it, in time or not. */
  begun(calls = 1): number {
    this.#inFlight += calls;
    return this.#era;
  }

  /** A client that connected anew has forgotten, or sends again, what was under way: it is not counted twice. */
  ended(era: number, calls = 1): void {
    if (era === this.#era) this.#inFlight -= calls;
  }

  /** The server answered in time. */
  answered(): void {
    this.#failures = 0;
  }

  /** A call had no answer in time, or its connection broke. */
  failed(): void {
    const now = this.#options.clock.monotonic();
    if (this.#isStopped || now - this.#failedAt < ONE_FAILURE_MS) return;
    this.#failedAt = now;
    this.#failures++;
    if (this.#failures >= FAILURES_TO_OPEN && this.#openedAt === null) this.#open(now);
  }

  /** The client connected anew. */
  reconnected(): void {
    this.#era++;
    this.#inFlight = 0;
    this.#close();
  }

  /** Nothing is asked any more. */
  stop(): void {
    this.#isStopped = true;
    this.#close();
  }

  /** Lets calls pass, and asks no more. */
  #close(): void {
    clearTimeout(this.#timer);
    this.#openedAt = null;
    this.#failures = 0;
    this.#questions++;
    this.#room = this.#options.maxInFlight;
  }

  #open(now: number): void {
    this.#openedAt = now;
    this.#room = 0;
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#tick();
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#askedAt > GIVE_UP_MS) this.#ask(now);
    this.#timer = setTimeout(() => this.#tick(), ASK_EVERY_MS).unref();
  }

  #ask(now: number): void {
    this.#askedAt = now;
    const question = ++this.#questions;
    this.#options.ask().then(
      () => {
        if (question !== this.#questions) return;
        const answeredAt = this.#options.clock.monotonic();
        if (answeredAt - now <= this.#options.inTimeMs) this.#close();
        else this.#ask(answeredAt);
      },
      () => {
        if (question === this.#questions) this.#askedAt = Number.NEGATIVE_INFINITY;
      },
    );
  }

  #refused(): StoreUnavailableError {
    if (this.#openedAt === null) {
      const { maxInFlight } = this.#options;
      return new StoreUnavailableError(`${maxInFlight} calls are waiting for Redis, as many as may (maxInFlight).`, {
        reason: "overload",
        outcome: "not_executed",
      });
    }
    const seconds = ((this.#options.clock.monotonic() - this.#openedAt) / 1000).toFixed(1);
    return new StoreUnavailableError(`Redis stopped answering ${seconds} s ago: calls fail at once until it answers.`, {
      reason: "circuit_open",
      outcome: "not_executed",
    });
  }
}

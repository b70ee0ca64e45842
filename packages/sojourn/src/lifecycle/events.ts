/** `sessions.events`: what happened to sessions, for this process at once and for consumers reliably. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Duration, parseDuration } from "../duration.ts";
import { StoreClosedError, StoreUnavailableError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import {
  type ConsumerOptions,
  EVENT_TYPES,
  type EventReader,
  type EventType,
  type SessionEvent,
} from "../store/events.ts";
import type { Core } from "./core.ts";

export interface ConsumeOptions {
  /** Each group gets every event that is kept when its first consumer begins, and every later one. 1–48 of `A-Z a-z 0-9 _ . -`. */
  readonly group: string;
  /** Name of this consumer: another one for each process, and the same after its restart, so that it goes on at once. */
  readonly consumer: string;
  /**
   * What a consumer was given and did not get done with for so long goes to another one. It is given up to 160 events at
   * once: longer than those may take. Default "1m".
   */
  readonly claimAfter?: Duration;
}

const NAME = /^[A-Za-z0-9_.-]{1,48}$/;
const WAIT_MS = 30_000;
const RETRY_MS = 1_000;

export class SessionEvents {
  readonly #core: Core;
  readonly #readers = new Set<EventReader>();
  readonly #closing = new AbortController();

  /** @internal */
  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Calls the function for each event of that type that this process causes, right after the store acknowledged it:
   * what its own calls of `create`, `revoke`, `reaper` and so on did, and nothing that other processes did. An event
   * whose acknowledgement is lost, or whose process dies before, is not heard here: `consume` gets every one.
   *
   * ```ts
   * const stop = sessions.events.on("ended", ({ sessionId, reason }) => log.info({ sessionId, reason }));
   * ```
   * @returns how to stop. @throws TypeError for an unknown type
   */
  on<Type extends EventType>(type: Type, listener: (event: Extract<SessionEvent, { type: Type }>) => void): () => void {
    if (!EVENT_TYPES.includes(type)) throw new TypeError(`events.on: type must be one of ${EVENT_TYPES.join(", ")}.`);
    if (typeof listener !== "function") throw new TypeError("events.on: listener must be a function.");
    return this.#core.store.onEvent((event) => {
      if (event.type !== type) return;
      this.#core.tell("a listener to events", listener, event as Extract<SessionEvent, { type: Type }>);
    });
  }

  /**
   * Every event of the namespace, at least once to each group: an event counts as done when the next one is asked for,
   * and one that was not done is given again, with the same id. The events of a session come in their order, unless
   * several consumers of a group share them. Ends when the sessions are closed; while the store does not answer it waits.
   *
   * ```ts
   * for await (const event of sessions.events.consume({ group: "audit", consumer: hostname() })) await write(event);
   * ```
   * @throws TypeError, ConfigError (claimAfter)
   */
  consume({ group, consumer, claimAfter = DEFAULTS.claimAfter }: ConsumeOptions): AsyncGenerator<SessionEvent> {
    for (const [option, name] of Object.entries({ group, consumer })) {
      if (typeof name === "string" && NAME.test(name)) continue;
      throw new TypeError(`events.consume: ${option} must be 1–48 characters of A-Z a-z 0-9 _ . -.`);
    }
    return this.#consume({ group, consumer, claimAfterMs: parseDuration("claimAfter", claimAfter) });
  }

  async *#consume(options: ConsumerOptions): AsyncGenerator<SessionEvent> {
    const reader = this.#core.store.readEvents(options);
    this.#readers.add(reader);
    try {
      while (!this.#closing.signal.aborted) {
        for (const event of await this.#patiently([], () => reader.take(WAIT_MS))) {
          yield event;
          await this.#patiently(undefined, () => reader.acknowledge([event]));
        }
      }
    } finally {
      this.#readers.delete(reader);
      reader.stop();
    }
  }

  /** @internal */
  stop(): void {
    this.#closing.abort();
    for (const reader of this.#readers) reader.stop();
  }

  /** A store that does not answer is no reason to end: what was not acknowledged comes again. */
  async #patiently<T>(otherwise: T, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StoreClosedError && this.#closing.signal.aborted) return otherwise;
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#core.notices.warn("consuming", `consuming events failed, and is tried again: ${error.message}`);
      await sleep(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      return otherwise;
    }
  }
}

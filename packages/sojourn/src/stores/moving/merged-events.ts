/** Events of two stores for one consumer. */

import { systemClock } from "../../clock.ts";
import type { EventReader, SessionEvent } from "../../store/events.ts";

/** How long one is waited for before the other is asked. */
const TURN_MS = 250;

export class MergedEvents implements EventReader {
  readonly #readers: readonly EventReader[];
  readonly #origins = new WeakMap<SessionEvent, EventReader>();
  #stopped = false;

  constructor(readers: readonly EventReader[]) {
    this.#readers = readers;
  }

  async take(waitMs: number): Promise<SessionEvent[]> {
    const until = systemClock.monotonic() + waitMs;
    for (let wait = 0; ; wait = TURN_MS) {
      for (const reader of this.#readers) {
        const left = Math.max(0, until - systemClock.monotonic());
        const events = this.#stopped ? [] : await reader.take(Math.min(wait, left));
        for (const event of events) this.#origins.set(event, reader);
        if (events.length > 0) return events;
      }
      if (this.#stopped || systemClock.monotonic() >= until) return [];
    }
  }

  async acknowledge(events: readonly SessionEvent[]): Promise<void> {
    const own = (reader: EventReader): SessionEvent[] => events.filter((each) => this.#origins.get(each) === reader);
    await Promise.all(this.#readers.map((reader) => reader.acknowledge(own(reader))));
  }

  stop(): void {
    this.#stopped = true;
    for (const reader of this.#readers) reader.stop();
  }
}

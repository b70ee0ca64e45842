/** Those who hear of the events that a store object wrote. */

import type { SessionEvent } from "./events.ts";

export type EventListener = (event: SessionEvent) => void;

export class EventListeners {
  readonly #listeners = new Set<EventListener>();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Answers how to stop. */
  add(listener: EventListener): () => void {
    // The same function may listen twice.
    const own: EventListener = (event) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  tell(events: readonly SessionEvent[]): void {
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }
}

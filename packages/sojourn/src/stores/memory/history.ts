/** What began and ended: counted, and told to whoever listens or consumes. */

import type { Clock } from "../../clock.ts";
import { changeEvent, createdEvent, endedEvent } from "../../store/event-facts.ts";
import { type EventListener, EventListeners } from "../../store/event-listeners.ts";
import { decodeEvent, encodeEvent, type EventFacts } from "../../store/event-record.ts";
import type { ConsumerOptions, EventNote, EventReader } from "../../store/events.ts";
import type { StoredSession, Tombstone } from "../../store/store.ts";
import { Tally, type Totals } from "../../store/totals.ts";
import { WaitingReader } from "../../store/waiting-reader.ts";
import { EventLog } from "./event-log.ts";

export class History {
  readonly #clock: Clock;
  readonly #tally = new Tally();
  readonly #log: EventLog;
  readonly #listeners = new EventListeners();

  constructor(clock: Clock, eventsKept: number) {
    this.#clock = clock;
    this.#log = new EventLog(eventsKept);
  }

  began(session: StoredSession): void {
    this.#tally.created += 1;
    this.#write(createdEvent(session, this.#clock.now()));
  }

  ended(session: StoredSession, tombstone: Tombstone): void {
    this.#tally.addEnding(tombstone);
    this.#write(endedEvent(session, tombstone));
  }

  changed(session: StoredSession, note: EventNote): void {
    this.#write(changeEvent(session, note, this.#clock.now()));
  }

  /** Sessions of a user that events still tell of. */
  sessionsOf(userHash: string): ReadonlySet<string> {
    return this.#log.sessionsOf(userHash);
  }

  totals(): Totals {
    return this.#tally.totals(this.#clock.now());
  }

  listen(listener: EventListener): () => void {
    return this.#listeners.add(listener);
  }

  reader(options: ConsumerOptions): EventReader {
    let isFirst = true;
    return new WaitingReader({
      clock: this.#clock,
      takeNow: async () => {
        const events = this.#log.take(options, isFirst, this.#clock.now());
        isFirst &&= events[0]?.type === "gap";
        return events;
      },
      acknowledge: async (events) => this.#log.acknowledge(options.group, events),
      listen: (wake) => this.#listeners.add(wake),
    });
  }

  /** Through its stored form, so that memory says no more than the other engines can. */
  #write(facts: EventFacts): void {
    const event = decodeEvent(this.#log.nextId, encodeEvent(facts));
    if (event === null) return;
    this.#log.write(event);
    // Not within the step: what it makes true is only true once it is through.
    queueMicrotask(() => this.#listeners.tell([event]));
  }
}

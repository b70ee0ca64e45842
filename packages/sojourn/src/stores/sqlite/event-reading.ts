/** A consumer of the events in the file: woken by this process's own writes, and looking every second for those of others. */

import type { Clock } from "../../clock.ts";
import type { EventListeners } from "../../store/event-listeners.ts";
import type { ConsumerOptions, EventReader } from "../../store/events.ts";
import { WaitingReader } from "../../store/waiting-reader.ts";
import type { Statements } from "./statements.ts";

export interface ReadingParts {
  readonly clock: Clock;
  readonly listeners: EventListeners;
  query<T>(query: (sql: Statements) => T): Promise<T>;
  write<T>(write: (sql: Statements) => T): Promise<T>;
}

export function eventReader(consumer: ConsumerOptions, parts: ReadingParts): EventReader {
  const { clock } = parts;
  /** At first, and where an answer was lost: what it gave must come before anything newer. */
  let asksOwn = true;
  return new WaitingReader({
    clock,
    takeNow: async () => {
      // A look takes no lock.
      const hasAny = await parts.query((sql) => sql.events.hasAny(consumer, asksOwn, clock.now()));
      if (!hasAny) return [];
      const own = asksOwn;
      asksOwn = true;
      const events = await parts.write((sql) => sql.events.take(consumer, own, clock.now()));
      asksOwn = own && events[0]?.type === "gap";
      return events;
    },
    acknowledge: (events) => parts.write((sql) => sql.events.acknowledge(consumer.group, events)),
    listen: (wake) => parts.listeners.add(wake),
  });
}

/** The latest events, and what each group of consumers got of them, in this process's memory. */

import type { ConsumerOptions, GapEvent, SessionEvent } from "../../store/events.ts";

interface Delivery {
  readonly event: SessionEvent;
  readonly consumer: string;
  readonly at: number;
}

interface Group {
  /** Number of the next event for the group. */
  next: number;
  readonly pending: Map<string, Delivery>;
}

/** Events given to a consumer at once. */
const TAKEN_AT_ONCE = 100;
const GAP = "gap-";

export class EventLog {
  readonly #kept: number;
  readonly #groups = new Map<string, Group>();
  #events: SessionEvent[] = [];
  /** Number of the first event that is kept. */
  #first = 1;

  constructor(kept: number) {
    this.#kept = kept;
  }

  get nextId(): string {
    return String(this.#first + this.#events.length);
  }

  sessionsOf(userHash: string): ReadonlySet<string> {
    const ids = this.#events.map((event) =>
      event.type !== "gap" && event.userHash === userHash ? event.sessionId : "",
    );
    return new Set(ids);
  }

  write(event: SessionEvent): void {
    this.#events.push(event);
    const excess = this.#events.length - this.#kept;
    // Seldom, because it moves all of them.
    if (excess <= this.#kept / 10) return;
    this.#events = this.#events.slice(excess);
    this.#first += excess;
  }

  /** @param own whether those that the consumer took before are asked for as well */
  take({ group: name, consumer, claimAfterMs }: ConsumerOptions, own: boolean, now: number): SessionEvent[] {
    const group = this.#group(name);
    if (group.next < this.#first) return [this.#gap(group, now)];
    const isDue = (each: Delivery): boolean => (own && each.consumer === consumer) || now - each.at >= claimAfterMs;
    const again = [...group.pending.values()].filter(isDue).slice(0, TAKEN_AT_ONCE);
    const from = group.next - this.#first;
    const fresh = this.#events.slice(from, from + TAKEN_AT_ONCE - again.length);
    group.next += fresh.length;
    const taken = [...again.map(({ event }) => event), ...fresh];
    for (const event of taken) group.pending.set(event.id, { event, consumer, at: now });
    return taken;
  }

  acknowledge(name: string, events: readonly SessionEvent[]): void {
    const group = this.#group(name);
    for (const { id, type } of events) {
      if (type === "gap") group.next = Math.max(group.next, Number(id.slice(GAP.length)));
      else group.pending.delete(id);
    }
  }

  #group(name: string): Group {
    const group = this.#groups.get(name) ?? { next: this.#first, pending: new Map<string, Delivery>() };
    this.#groups.set(name, group);
    return group;
  }

  /** Delivered until it is acknowledged, and everything after it then. */
  #gap(group: Group, now: number): GapEvent {
    return { id: GAP + String(this.#first), type: "gap", at: now, lost: this.#first - group.next };
  }
}

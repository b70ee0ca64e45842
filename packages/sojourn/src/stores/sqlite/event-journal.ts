/** Events in a table, written in the transaction of what they tell of, and what each group of consumers got of them. */

import type { StatementSync } from "node:sqlite";
import { decodeEvent, encodeEvent, type EventFacts } from "../../store/event-record.ts";
import type { ConsumerOptions, GapEvent, SessionEvent } from "../../store/events.ts";

/** Events given to a consumer at once. */
const TAKEN_AT_ONCE = 100;
/** Old events are removed after so many new ones. */
const TRIM_EVERY = 64;
/** The group that stands for the store: its cursor is the last event that was removed. */
const TRIMMED = "";
const GAP = "gap-";

type Row = Readonly<Record<string, unknown>>;

export const EVENT_SQL = {
  insertEvent: "INSERT INTO events (packed) VALUES (?)",
  // What a consumer was given is kept until it is done with it.
  trimEvents: "DELETE FROM events WHERE id <= ? AND id NOT IN (SELECT event_id FROM event_deliveries)",
  insertGroup: "INSERT OR IGNORE INTO event_groups (name, cursor) VALUES (?, ?)",
  moveGroup: "UPDATE event_groups SET cursor = MAX(cursor, ?) WHERE name = ?",
  group: "SELECT cursor FROM event_groups WHERE name = ?",
  anyEvent:
    "SELECT 1 FROM (SELECT ? AS name, ? AS consumer, ? AS before) AS mine WHERE EXISTS (SELECT 1 FROM events WHERE id > COALESCE((SELECT cursor FROM event_groups WHERE name = mine.name), 0)) OR EXISTS (SELECT 1 FROM event_deliveries WHERE group_name = mine.name AND (consumer = mine.consumer OR delivered_at <= mine.before))",
  lyingEvents:
    "SELECT id, packed FROM event_deliveries JOIN events ON id = event_id WHERE group_name = ? AND (consumer = ? OR delivered_at <= ?) ORDER BY id LIMIT ?",
  newEvents: "SELECT id, packed FROM events WHERE id > ? ORDER BY id LIMIT ?",
  deliver: "INSERT OR REPLACE INTO event_deliveries (group_name, event_id, consumer, delivered_at) VALUES (?, ?, ?, ?)",
  acknowledge: "DELETE FROM event_deliveries WHERE group_name = ? AND event_id = ?",
} as const;

type EventStatements = { readonly [Name in keyof typeof EVENT_SQL]: StatementSync };

export class EventJournal {
  readonly #sql: EventStatements;
  readonly #kept: number;
  #written: SessionEvent[] = [];

  constructor(sql: EventStatements, kept: number) {
    this.#sql = sql;
    this.#kept = kept;
  }

  write(facts: EventFacts): void {
    const packed = encodeEvent(facts);
    const id = Number(this.#sql.insertEvent.run(packed).lastInsertRowid);
    const event = decodeEvent(String(id), packed);
    if (event !== null) this.#written.push(event);
    if (id % TRIM_EVERY !== 0 || id <= this.#kept) return;
    this.#sql.insertGroup.run(TRIMMED, 0);
    this.#sql.moveGroup.run(id - this.#kept, TRIMMED);
    this.#sql.trimEvents.run(id - this.#kept);
  }

  /** What was written since the last call. */
  taken(): SessionEvent[] {
    const written = this.#written;
    this.#written = [];
    return written;
  }

  /** Whether a take would have anything. @param own whether it asks for what the consumer took before */
  hasAny({ group, consumer, claimAfterMs }: ConsumerOptions, own: boolean, now: number): boolean {
    return this.#sql.anyEvent.get(group, own ? consumer : "", now - claimAfterMs) !== undefined;
  }

  take(options: ConsumerOptions, own: boolean, now: number): SessionEvent[] {
    const { group, consumer, claimAfterMs } = options;
    const trimmed = this.#cursor(TRIMMED);
    this.#sql.insertGroup.run(group, trimmed);
    const cursor = this.#cursor(group);
    if (cursor < trimmed) return [{ id: GAP + String(trimmed), type: "gap", at: now, lost: trimmed - cursor }];
    const lying = this.#sql.lyingEvents.all(group, own ? consumer : "", now - claimAfterMs, TAKEN_AT_ONCE);
    const fresh = this.#sql.newEvents.all(cursor, TAKEN_AT_ONCE - lying.length);
    const last = fresh.at(-1)?.["id"];
    if (last !== undefined) this.#sql.moveGroup.run(Number(last), group);
    return [...lying, ...fresh].flatMap((row) => this.#delivered(row, options, now));
  }

  /** The events after that one, so many at most. */
  after(id: number, most: number): Exclude<SessionEvent, GapEvent>[] {
    return this.#sql.newEvents.all(id, most).flatMap((row) => decoded(row) ?? []);
  }

  acknowledge(group: string, events: readonly SessionEvent[]): void {
    for (const { id, type } of events) {
      if (type === "gap") this.#sql.moveGroup.run(Number(id.slice(GAP.length)), group);
      else this.#sql.acknowledge.run(group, Number(id));
    }
  }

  #delivered(row: Row, { group, consumer }: ConsumerOptions, now: number): SessionEvent[] {
    const event = decoded(row);
    // What a newer version wrote is for newer consumers: passed over here.
    if (event === null) return [];
    this.#sql.deliver.run(group, Number(event.id), consumer, now);
    return [event];
  }

  #cursor(name: string): number {
    return Number(this.#sql.group.get(name)?.["cursor"] ?? 0);
  }
}

function decoded(row: Row): Exclude<SessionEvent, GapEvent> | null {
  return decodeEvent(String(row["id"]), Buffer.from(row["packed"] as Uint8Array));
}

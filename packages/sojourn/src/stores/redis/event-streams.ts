/**
 * Events in the streams of the buckets: heard of in the answers of the scripts that
 * write them, and read by consumers of groups.
 *
 * A consumer asks a bucket when it is told that there is something: by this process's
 * own writes, by what others publish, and by itself every 30 seconds, for neither is
 * certain to arrive, and nobody tells of what another consumer let lie.
 */

import type { Clock } from "../../clock.ts";
import { bucketOf, BUCKETS } from "../../data/session-id.ts";
import { type EventListener, EventListeners } from "../../store/event-listeners.ts";
import { decodeEvent } from "../../store/event-record.ts";
import type { ConsumerOptions, EventReader, SessionEvent } from "../../store/events.ts";
import type { Retention } from "../../store/retention.ts";
import { WaitingReader } from "../../store/waiting-reader.ts";
import type { ChangeChannel } from "./change-channel.ts";
import type { Keys } from "./keys.ts";
import type { ScriptAnswer } from "./redis-connection.ts";
import type { ScriptRunner } from "./script-runner.ts";

export interface StreamParts {
  readonly keys: Keys;
  readonly scripts: ScriptRunner;
  readonly changes: ChangeChannel;
  readonly clock: Clock;
}

const MAX_SWEEP_MS = 30_000;
/** Not more often, however soon others' events are to be claimed: it is a thousand scripts. */
const MIN_SWEEP_MS = 1_000;
/** Buckets asked at once, and events taken of each: so many may be in a consumer's hands, one by one, before they count as let lie. */
const ASKED_AT_ONCE = 16;
const TAKEN_AT_ONCE = 10;

/** The events that are kept are dealt out evenly: users are. */
export function ofBucket(retention: Retention): Retention {
  return { ...retention, eventsKept: Math.ceil(retention.eventsKept / BUCKETS) };
}

export class EventStreams {
  readonly #parts: StreamParts;
  readonly #listeners = new EventListeners();

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  listen(listener: EventListener): () => void {
    return this.#listeners.add(listener);
  }

  /** A script has answered. */
  written({ events }: ScriptAnswer): void {
    if (events.length > 0 && !this.#listeners.isEmpty) this.#listeners.tell(eventsIn(events));
  }

  reader(consumer: ConsumerOptions): EventReader {
    const { changes, clock } = this.#parts;
    const asking = new BucketAsking(this.#parts, consumer);
    return new WaitingReader({
      clock,
      takeNow: () => asking.take(),
      acknowledge: (events) => asking.acknowledge(events),
      listen: (wake) => {
        const due = (id: string): void => {
          asking.due(bucketOf(id));
          wake();
        };
        const stopped = this.#listeners.add((event) => {
          if (event.type !== "gap") due(event.sessionId);
        });
        const unheard = changes.listen({ ended: due, noted: due, gap: () => undefined });
        return () => {
          stopped();
          unheard();
        };
      },
    });
  }
}

/** What one consumer asks the buckets. */
class BucketAsking {
  readonly #parts: StreamParts;
  readonly #consumer: ConsumerOptions;
  readonly #due = new Set<number>();
  /** Those that were asked what this consumer took before, and have answered ever since. */
  readonly #asked = new Set<number>();
  readonly #sweepMs: number;
  #sweepAt = Number.NEGATIVE_INFINITY;

  constructor(parts: StreamParts, consumer: ConsumerOptions) {
    this.#parts = parts;
    this.#consumer = consumer;
    this.#sweepMs = Math.min(Math.max(consumer.claimAfterMs, MIN_SWEEP_MS), MAX_SWEEP_MS);
  }

  due(bucket: number): void {
    this.#due.add(bucket);
  }

  async take(): Promise<SessionEvent[]> {
    const now = this.#parts.clock.monotonic();
    this.#parts.changes.tick(now);
    if (now >= this.#sweepAt) {
      for (let bucket = 0; bucket < BUCKETS; bucket++) this.#due.add(bucket);
      this.#sweepAt = now + this.#sweepMs;
    }
    while (this.#due.size > 0) {
      const events = await this.#takeSome([...this.#due].slice(0, ASKED_AT_ONCE));
      if (events.length > 0) return events;
    }
    return [];
  }

  async acknowledge(events: readonly SessionEvent[]): Promise<void> {
    const byBucket = Map.groupBy(events, ({ id }) => Number(id.split("-")[0]));
    await Promise.all([...byBucket].map(([bucket, some]) => this.#acknowledgeIn(bucket, some)));
  }

  /** What one bucket failed to give does not hold back what others gave: those are in this consumer's hands now. */
  async #takeSome(buckets: readonly number[]): Promise<SessionEvent[]> {
    for (const bucket of buckets) this.#due.delete(bucket);
    const answers = await Promise.allSettled(buckets.map((bucket) => this.#takeFrom(bucket)));
    answers.forEach(({ status }, i) => {
      if (status === "rejected") this.#due.add(buckets[i] ?? 0);
    });
    const events = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    const failed = answers.find((answer) => answer.status === "rejected");
    if (events.length === 0 && failed !== undefined) throw failed.reason;
    return events;
  }

  async #takeFrom(bucket: number): Promise<SessionEvent[]> {
    const { keys, scripts } = this.#parts;
    const { group, consumer, claimAfterMs } = this.#consumer;
    const asksOwn = !this.#asked.has(bucket);
    // Should the answer be lost, what it gave must come before anything newer.
    this.#asked.delete(bucket);
    const answer = await scripts.run("takeEvents", [keys.totals(bucket)], undefined, () => [
      group,
      consumer,
      String(TAKEN_AT_ONCE),
      String(claimAfterMs),
      asksOwn ? "1" : "",
    ]);
    if (answer.status === "gap") {
      this.#due.add(bucket);
      const [trimmed, inHand] = [answer.text(2), answer.text(3)];
      return [{ id: `${bucket}-gap-${trimmed}-${inHand}`, type: "gap", at: answer.number(1), lost: answer.number(4) }];
    }
    this.#asked.add(bucket);
    if (answer.number(2) === 1) this.#due.add(bucket);
    return eventsIn(answer.itemsFrom(3));
  }

  async #acknowledgeIn(bucket: number, events: readonly SessionEvent[]): Promise<void> {
    const { keys, scripts } = this.#parts;
    const gap = events.find(({ type }) => type === "gap");
    const [, , trimmed = "", inHand = "0"] = gap?.id.split("-") ?? [];
    const ids = events.filter(({ type }) => type !== "gap").map(({ id }) => id.slice(id.indexOf("-") + 1));
    const args = [this.#consumer.group, trimmed, inHand, ...ids];
    await scripts.run("acknowledgeEvents", [keys.totals(bucket)], undefined, () => args);
  }
}

/** @param items id in the stream, entry, id, entry; what a newer version wrote is passed over */
function eventsIn(items: readonly unknown[]): SessionEvent[] {
  return items.flatMap((item, i) => {
    const packed = items[i + 1];
    if (i % 2 !== 0 || !(packed instanceof Buffer)) return [];
    const event = decodeEvent("", packed);
    return event === null ? [] : [{ ...event, id: `${bucketOf(event.sessionId)}-${String(item)}` }];
  });
}

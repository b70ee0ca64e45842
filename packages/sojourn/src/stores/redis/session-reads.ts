/** Reading one session: what every request waits for, so nothing here waits twice or looks at a clock twice. */

import type { Clock } from "../../clock.ts";
import { CutOffs } from "../../store/cut-offs.ts";
import type { DenySet } from "../../store/deny-set.ts";
import { isRecord, type ReadOutcome, type Tombstone } from "../../store/store.ts";
import type { CoherentCopies } from "./coherent-copies.ts";
import type { CutOffLease } from "./cut-off-lease.ts";
import type { Keys } from "./keys.ts";
import type { Preparation } from "./preparation.ts";
import type { RecordReads } from "./read-batch.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { parseTombstone } from "./script-answers.ts";

export interface ReadParts {
  readonly keys: Keys;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly records: RecordReads;
  readonly copies: CoherentCopies;
  readonly cutOffs: CutOffLease;
  /** A record of a session in it is one that the server lost the end of. */
  readonly denied: DenySet;
  readonly clock: Clock;
}

export class SessionReads {
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  read(id: string): Promise<ReadOutcome> {
    const { clock, keys, preparation, redis, cutOffs } = this.#parts;
    const key = keys.session(id);
    const [monotonic, wall] = [clock.monotonic(), clock.now()];
    const until = monotonic + redis.deadlines.readMs;
    const preparing = preparation.usable(key, redis.deadlines.readMs, monotonic, wall);
    if (preparing === undefined) return this.#read(id, key, cutOffs.current(monotonic, wall), until);
    return preparation.readAfter(preparing, () => this.#read(id, key, cutOffs.current(), until));
  }

  #read(id: string, key: string, cutOffs: CutOffs | Promise<CutOffs>, until: number): Promise<ReadOutcome> {
    const found = this.#parts.copies.through(id, () => this.#found(key, cutOffs));
    return found.then((outcome) => {
      if (outcome === null) return this.#tombstoneOf(id, until);
      if (!isRecord(outcome)) return outcome;
      const denied = this.#parts.denied.endingOf(id);
      return denied === null ? outcome : this.#whyOf(id, denied, until);
    });
  }

  /** A read that was under way when the end was heard of: the server knows why, unless it has lost the end. */
  async #whyOf(id: string, denied: Tombstone, until: number): Promise<Tombstone> {
    return (await this.#tombstoneOf(id, until).catch(() => null)) ?? denied;
  }

  /** The record, unless a cut-off covers it; where the cut-offs must be fetched, in the same turn: one round trip for both. */
  #found(key: string, cutOffs: CutOffs | Promise<CutOffs>): Promise<ReadOutcome> {
    const reading = this.#parts.records.get(key);
    return cutOffs === CutOffs.NONE ? reading : uncovered(reading, cutOffs);
  }

  /** The second question has what the first one left of the deadline. */
  #tombstoneOf(id: string, until: number): Promise<Tombstone | null> {
    const { clock, keys, records, redis } = this.#parts;
    const leftMs = Math.max(1, Math.ceil(until - clock.monotonic()));
    const asked = async (): Promise<Tombstone | null> => parseTombstone(await records.get(keys.tombstone(id)));
    return redis.within(leftMs, "not_executed", asked);
  }
}

async function uncovered(reading: Promise<Buffer | null>, known: CutOffs | Promise<CutOffs>): Promise<ReadOutcome> {
  const [record, cutOffs] = await Promise.all([reading, known]);
  return record === null ? null : (cutOffs.endingOf(record) ?? record);
}

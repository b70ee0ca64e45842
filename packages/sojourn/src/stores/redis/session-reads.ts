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
    const preparing = preparation.usable(key, redis.deadlines.readMs, monotonic, wall);
    if (preparing === undefined) return this.#read(id, key, cutOffs.current(monotonic, wall));
    return preparation.readAfter(preparing, () => this.#read(id, key, cutOffs.current()));
  }

  #read(id: string, key: string, cutOffs: CutOffs | Promise<CutOffs>): Promise<ReadOutcome> {
    const found = this.#parts.copies.through(id, () => this.#found(key, cutOffs));
    return found.then((outcome) => {
      if (outcome === null) return this.#tombstoneOf(id);
      if (!isRecord(outcome)) return outcome;
      const denied = this.#parts.denied.endingOf(id);
      return denied === null ? outcome : this.#whyOf(id, denied);
    });
  }

  /** A read that was under way when the end was heard of: the server knows why, unless it has lost the end. */
  async #whyOf(id: string, denied: Tombstone): Promise<Tombstone> {
    return (await this.#tombstoneOf(id).catch(() => null)) ?? denied;
  }

  /** The record, unless a cut-off covers it; where the cut-offs must be fetched, in the same turn: one round trip for both. */
  #found(key: string, cutOffs: CutOffs | Promise<CutOffs>): Promise<ReadOutcome> {
    const reading = this.#parts.records.get(key);
    return cutOffs === CutOffs.NONE ? reading : uncovered(reading, cutOffs);
  }

  async #tombstoneOf(id: string): Promise<Tombstone | null> {
    const { keys, records } = this.#parts;
    return parseTombstone(await records.get(keys.tombstone(id)));
  }
}

async function uncovered(reading: Promise<Buffer | null>, known: CutOffs | Promise<CutOffs>): Promise<ReadOutcome> {
  const [record, cutOffs] = await Promise.all([reading, known]);
  return record === null ? null : (cutOffs.endingOf(record) ?? record);
}

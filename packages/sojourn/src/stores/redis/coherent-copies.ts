/** The near cache of this engine: copies of records, dropped by what is heard of them and by own writes. */

import type { Clock } from "../../clock.ts";
import type { RecordCopy, SessionRecord } from "../../data/session-record.ts";
import { bucketOf } from "../../data/session-id.ts";
import { CutOffs } from "../../store/cut-offs.ts";
import type { NearCache } from "../../store/near-cache.ts";
import type { ReadOutcome } from "../../store/store.ts";
import type { ChangeChannel } from "./change-channel.ts";
import type { CutOffLease } from "./cut-off-lease.ts";
import type { Keys } from "./keys.ts";
import type { RedisConnection, ScriptAnswer } from "./redis-connection.ts";
import type { ScriptName } from "./scripts.generated.ts";

export interface CopyParts {
  /** Null: none is kept, and nothing is listened to. */
  readonly cache: NearCache | null;
  readonly changes: ChangeChannel;
  readonly cutOffs: CutOffLease;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly redis: RedisConnection;
}

export class CoherentCopies {
  readonly #cache: NearCache | null;
  readonly #parts: CopyParts;

  constructor(parts: CopyParts) {
    const { cache } = parts;
    this.#parts = parts;
    this.#cache = cache;
    if (cache === null) return;
    parts.changes.listen({
      changed: (id, revision) => cache.drop(id, revision),
      ended: (id) => cache.drop(id),
      gap: (isHearing) => cache.gap(isHearing),
    });
    cache.gap(false);
  }

  get(id: string, known?: RecordCopy): SessionRecord | null {
    if (this.#cache === null) return null;
    const { clock, changes, keys, redis } = this.#parts;
    // What the copy's age on both clocks allows, the server's time allows too: reading it made sure of that.
    const [now, wall] = [clock.monotonic(), clock.now()];
    const record = changes.isBelieved(now) ? this.#cache.get(id, known, now, wall) : null;
    if (record === null) return null;
    const cutOffs = this.#parts.cutOffs.current(now, wall);
    // Once a second they must be fetched, which a read does as well.
    const isCovered = !(cutOffs instanceof CutOffs) || cutOffs.endingOf(record.bytes) !== null;
    if (isCovered) return null;
    const at = redis.clockOf(keys.sessionPrefix(bucketOf(id))).at(now);
    return at < (known?.goodUntil ?? record.expiresAt) ? record : null;
  }

  /** For when the store cannot be asked: by what is known of cut-offs, and of its time. */
  stale(id: string, maxAgeMs: number): SessionRecord | null {
    const { cutOffs, keys, redis } = this.#parts;
    const record = this.#cache?.stale(id, maxAgeMs) ?? null;
    if (record === null || cutOffs.known.endingOf(record.bytes) !== null) return null;
    return redis.clockOf(keys.session(id)).now() >= record.expiresAt ? null : record;
  }

  through(id: string, read: () => Promise<ReadOutcome>): Promise<ReadOutcome> {
    return this.#cache === null ? read() : this.#cache.through(id, read);
  }

  flush(): void {
    this.#cache?.flush();
  }

  drop(ids: readonly string[]): void {
    if (this.#cache === null) return;
    for (const id of ids) this.#cache.drop(id);
  }

  /** A script has run, or may have: own writes are not waited for until they are heard of. */
  settled(name: ScriptName, keys: readonly string[], answer: ScriptAnswer | null): void {
    if (this.#cache === null) return;
    if (answer !== null) this.#cache.answered();
    // Activities stand beside the record, and one that was perhaps stored makes no copy wrong.
    if (name === "recordActivity" || (name === "touch" && answer === null)) return;
    this.drop(keys.flatMap((key) => this.#parts.keys.sessionOf(key) ?? []));
    if (name === "create" && answer !== null) this.drop(answer.textsFrom(3));
  }
}

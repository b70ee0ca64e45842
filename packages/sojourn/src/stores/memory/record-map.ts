/** Records by their ids, and the sessions of each user: both change in one turn. */

import type { StoredSession } from "../../store/store.ts";
import { userKeyOf } from "../../store/transfer.ts";
import { isLive } from "../../store/transitions.ts";

export class RecordMap {
  readonly #records = new Map<string, Buffer>();
  readonly #idsOf = new Map<string, Set<string>>();

  get size(): number {
    return this.#records.size;
  }

  get(id: string): Buffer | undefined {
    return this.#records.get(id);
  }

  /** Sees what is put or removed meanwhile, as the iterators of a Map do. */
  entries(): Iterator<[string, Buffer]> {
    return this.#records.entries();
  }

  put(session: StoredSession): void {
    this.#records.set(session.id, session.record);
    const userKey = userKeyOf(session);
    if (userKey === null) return;
    const ids = this.#idsOf.get(userKey) ?? new Set<string>();
    this.#idsOf.set(userKey, ids.add(session.id));
  }

  /** Another record of the same user. */
  replace(id: string, record: Buffer): void {
    this.#records.set(id, record);
  }

  remove(session: StoredSession): void {
    this.#records.delete(session.id);
    const userKey = userKeyOf(session);
    if (userKey === null) return;
    const ids = this.#idsOf.get(userKey);
    ids?.delete(session.id);
    if (ids?.size === 0) this.#idsOf.delete(userKey);
  }

  idsOf(userKey: string): Iterable<string> {
    return this.#idsOf.get(userKey) ?? [];
  }

  live(now: number): StoredSession[] {
    return this.#liveAmong(this.#records.keys(), now);
  }

  liveOf(userKey: string, now: number): StoredSession[] {
    return this.#liveAmong(this.idsOf(userKey), now);
  }

  #liveAmong(ids: Iterable<string>, now: number): StoredSession[] {
    const sessions: StoredSession[] = [];
    for (const id of ids) {
      const record = this.#records.get(id);
      if (record !== undefined && isLive(record, now)) sessions.push({ id, record });
    }
    return sessions;
  }
}

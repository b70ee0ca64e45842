/**
 * Cut-offs of `revokeBefore`: sessions that began before them are ended, also those whose record is still there.
 * Every engine keeps the same JSON text; the Redis scripts read it too (`stores/redis/scripts/_cut-offs.lua`).
 */

import { setTimeout as sleep } from "node:timers/promises";
import { expiresAtOf, HEADER_LENGTH, OFFSET } from "../data/record.ts";
import { CorruptRecordError, SessionRecord, UnsupportedRecordError } from "../data/session-record.ts";
import type { RevokeBeforeInput, Tombstone } from "./store.ts";

interface CutOff {
  readonly before: number;
  /** When it was made. */
  readonly at: number;
  /** Reason and actor. */
  readonly r: string;
  readonly a?: string;
}

export type LostCutOff = Omit<RevokeBeforeInput, "keptMs">;

/** Of every policy; a policy's own begins with another character. */
const EVERY_POLICY = "*";

export function cutOffName(policy: string | null): string {
  return policy === null ? EVERY_POLICY : `=${policy}`;
}

/** A time that is still to come counts as now: logins to come stay. */
export function cutOffTime(before: number, now: number): number {
  return Math.min(before, now + 1);
}

/** A clock that does not move is not waited for. */
const WAITS = 5;

/** Until sessions begin no earlier than a cut-off, which may lie a millisecond ahead. */
export async function cutOffReached(before: number, now: () => number): Promise<void> {
  for (let waits = 0; waits < WAITS && now() < before; waits++) await sleep(1);
}

export class CutOffs {
  static readonly NONE = new CutOffs("{}", new Map());
  /** How they are stored. */
  readonly text: string;
  readonly #byName: ReadonlyMap<string, CutOff>;
  readonly #latest: number;

  private constructor(text: string, byName: ReadonlyMap<string, CutOff>) {
    this.text = text;
    this.#byName = byName;
    this.#latest = Math.max(0, ...[...byName.values()].map((each) => each.before));
  }

  /** What `text` says, which rarely differs from what is known. @throws SyntaxError for no JSON */
  static parse(text: string, known = CutOffs.NONE): CutOffs {
    if (text === known.text) return known;
    return new CutOffs(text, new Map(Object.entries(JSON.parse(text) as Record<string, CutOff>)));
  }

  /** With one more; the latest of a policy stands. What is older than any session can be is dropped. */
  with({ policy, reason, actor, keptMs, ...input }: RevokeBeforeInput, now: number): CutOffs {
    const before = cutOffTime(input.before, now);
    const kept = new Map([...this.#byName].filter(([, each]) => now < each.at + keptMs));
    const name = cutOffName(policy);
    if (before > (kept.get(name)?.before ?? 0)) {
      kept.set(name, { before, at: now, r: reason, ...(actor === null ? {} : { a: actor }) });
    }
    return new CutOffs(JSON.stringify(Object.fromEntries(kept)), kept);
  }

  /** What `known` says of cut-offs made since a time, and this one does not any more: a server may have lost its last writes. */
  lost(known: CutOffs, since: number): LostCutOff[] {
    return [...known.#byName].flatMap(([name, { before, at, r, a = null }]) => {
      if (at < since || before <= (this.#byName.get(name)?.before ?? 0)) return [];
      return [{ policy: name === EVERY_POLICY ? null : name.slice(1), before, reason: r, actor: a }];
    });
  }

  /**
   * Why the session of a record is ended; null when it is not, or was over by itself when the cut-off was made. Cheap
   * for one that began after every cut-off.
   */
  endingOf(record: Buffer): Tombstone | null {
    if (this.#latest === 0 || record.length < HEADER_LENGTH) return null;
    const createdAt = record.readUIntBE(OFFSET.createdAt, 6);
    if (createdAt >= this.#latest) return null;
    const cutOff = this.#covering(createdAt, EVERY_POLICY) ?? this.#covering(createdAt, nameOfPolicyIn(record));
    if (cutOff === null || expiresAtOf(record) <= cutOff.at) return null;
    return { reason: cutOff.r, actor: cutOff.a ?? null, createdAt, endedAt: cutOff.at };
  }

  #covering(createdAt: number, name: string | null): CutOff | null {
    const cutOff = name === null ? undefined : this.#byName.get(name);
    return cutOff !== undefined && createdAt < cutOff.before ? cutOff : null;
  }
}

/** Null for a record that cannot be read: whoever reads it next says why. */
function nameOfPolicyIn(record: Buffer): string | null {
  try {
    return cutOffName(new SessionRecord(record).metadata().policy);
  } catch (error) {
    if (error instanceof CorruptRecordError || error instanceof UnsupportedRecordError) return null;
    throw error;
  }
}

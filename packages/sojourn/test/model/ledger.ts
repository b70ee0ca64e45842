/** Promises that must hold whatever the model says: kept by what callers were told, and by nothing else. */

import type { Answer } from "./model.ts";
import { Violation } from "./violation.ts";
import { isFailure, type Write } from "./write.ts";

/** The field that only increments by one write to. */
export const COUNTER = "count";

export class Ledger {
  readonly #ended = new Set<string>();
  readonly #counted = new Map<string, Set<Write>>();
  readonly #perhaps = new Map<string, Set<Write>>();

  /** The caller of the write was told this. */
  note(write: Write, answer: Answer): void {
    if (write.counts !== undefined) this.#noteCount(write.counts, write, answer);
    if (isFailure(answer)) return;
    this.noteEnded(write.endedBy?.(answer) ?? []);
  }

  /** Somebody was told that these have ended. */
  noteEnded(ids: readonly string[]): void {
    for (const id of ids) this.#ended.add(id);
  }

  #noteCount(id: string, write: Write, answer: Answer): void {
    // Of a refused one a copy may be on its way, and arrive when nothing is against it any more.
    const counted = answer["status"] === "patched" ? this.#counted : this.#perhaps;
    setIn(counted, id).add(write);
  }

  /** A session was read or listed with these data. @throws Violation */
  checkRecord(id: string, name: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#ended.has(id)) throw new Violation("an acknowledged ending was undone", `${name} is there again`);
    const counted = setIn(this.#counted, id);
    const most = new Set([...counted, ...setIn(this.#perhaps, id)]).size;
    const value = Number(data[COUNTER] ?? 0);
    if (value < counted.size) {
      throw new Violation("an acknowledged write was lost", `${name} counts ${value} of ${counted.size} increments`);
    }
    if (value > most) throw new Violation("a write was counted twice", `${name} counts ${value} of at most ${most}`);
  }
}

function setIn(map: Map<string, Set<Write>>, id: string): Set<Write> {
  const known = map.get(id) ?? new Set<Write>();
  map.set(id, known);
  return known;
}

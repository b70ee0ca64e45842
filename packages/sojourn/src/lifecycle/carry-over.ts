/** Fields of an anonymous session that a login takes along; no acknowledged write of them is lost. */

import type { DataObject } from "../data/draft.ts";
import type { SessionRecord } from "../data/session-record.ts";
import type { Core } from "./core.ts";
import type { Session } from "./session.ts";

/** The session that a login replaces. */
export interface Predecessor {
  readonly id: string;
  /** Null when nothing is to be carried over from it. */
  readonly record: SessionRecord | null;
  /** Names of fields. */
  readonly keep: readonly string[];
}

export function keptData(core: Core, { id, record, keep }: Predecessor): DataObject {
  return record === null ? {} : picked(core.dataOf(id, record), keep);
}

/** A write to a kept field between reading and ending the old session comes with the answer that ends it. */
export async function endPredecessor<D extends object>(
  core: Core,
  before: Predecessor,
  heir: Session<D>,
): Promise<void> {
  const { id, record: read, keep } = before;
  const known = read === null ? {} : { knownRevision: read.revision };
  const { record } = await core.store.revoke({ id, reason: "login", actor: heir.userId, ...known });
  const late = record === null || read === null ? null : core.parse(id, record);
  if (late === null || read === null) return;
  const [was, is] = [picked(core.dataOf(id, read), keep), picked(core.dataOf(id, late), keep)];
  await heir.update((draft) => {
    for (const name of keep) {
      if (JSON.stringify(was[name]) !== JSON.stringify(is[name])) (draft as DataObject)[name] = is[name];
    }
  });
}

function picked(data: Readonly<DataObject>, names: readonly string[]): DataObject {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(data, name)).map((name) => [name, data[name]]));
}

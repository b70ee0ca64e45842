/** Fields of an anonymous session that a login takes along; no acknowledged write of them is lost. */

import { type DataObject, dataFrom } from "../data/draft.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { SessionEndedError } from "../errors.ts";
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

/** @throws EncryptionKeyMissingError, SchemaMismatchError, NewerDataError: what cannot be taken along is not to be lost */
export function keptData(core: Core, { id, record, keep }: Predecessor): DataObject {
  if (record === null) return {};
  try {
    const { texts, refusal } = core.viewOf(id, record);
    if (refusal !== null) throw refusal;
    return picked(dataFrom(texts), keep);
  } catch (error) {
    if (error instanceof SessionEndedError) return {};
    throw error;
  }
}

/** A write to a kept field between reading and ending the old session comes with the answer that ends it. */
export async function endPredecessor<D extends object>(
  core: Core,
  before: Predecessor,
  heir: Session<D>,
): Promise<void> {
  const { id, record: read, keep } = before;
  const known = read === null ? {} : { knownRevision: read.revision };
  const { record } = await core.store.revoke({ id, reason: "login", actor: null, ...known });
  const late = record === null || read === null ? null : core.parse(id, record);
  if (late === null || read === null) return;
  const [was, is] = [core.dataOf(id, read), core.dataOf(id, late)];
  await heir.update((draft) => {
    // What nobody here can read, the heir cannot have.
    for (const name of keep.filter((each) => isLegible(is, each))) {
      const value = own(is, name);
      if (JSON.stringify(own(was, name)) !== JSON.stringify(value)) (draft as DataObject)[name] = value;
    }
  });
}

function picked(data: Readonly<DataObject>, names: readonly string[]): DataObject {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(data, name)).map((name) => [name, data[name]]));
}

function own(data: Readonly<DataObject>, name: string): unknown {
  return Object.hasOwn(data, name) ? data[name] : undefined;
}

function isLegible(data: Readonly<DataObject>, name: string): boolean {
  return Object.getOwnPropertyDescriptor(data, name)?.get === undefined;
}

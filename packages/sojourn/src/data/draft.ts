/**
 * Drafts: what `update()` hands to its function, and what changed in it.
 *
 * Compared are JSON texts as stored, never live objects: somebody may have
 * changed a value of a snapshot in place, and that must not hide the change.
 */

import { checkName, encodeValue } from "./codec.ts";
import type { FieldChange } from "./field-patch.ts";

/** Session data: names of fields and their JSON values. */
export type DataObject = Record<string, unknown>;

/** What may be stored under a name: an optional field is deleted, not set to undefined. */
export type FieldValue<D, K extends keyof D> = Exclude<D[K], undefined>;

/** The same as stored: name → JSON text. */
export type FieldTexts = ReadonlyMap<string, string>;

/** Fresh data that shares nothing with anybody. @throws SyntaxError for a text that is no JSON */
export function dataFrom(texts: FieldTexts): DataObject {
  const values = JSON.parse(`[${[...texts.values()].join(",")}]`) as unknown[];
  const data: DataObject = {};
  let next = 0;
  for (const name of texts.keys()) data[name] = values[next++];
  return data;
}

/** Texts after changes of a kind that needs no stored value to know the result. */
export function textsAfter(texts: FieldTexts, changes: readonly FieldChange[]): FieldTexts {
  const after = new Map(texts);
  for (const change of changes) {
    if (change.kind === "set") after.set(change.name, change.json);
    else if (change.kind === "delete") after.delete(change.name);
  }
  return after;
}

/**
 * The changes that turn stored texts into `after`, by top-level field; fields that did not change are left out,
 * so that writers of other fields are not disturbed.
 * @throws InvalidNameError, InvalidValueError
 */
export function draftChanges(before: FieldTexts, after: Readonly<DataObject>): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    checkName(name);
    const json = encodeValue(name, value);
    if (before.get(name) !== json) changes.push({ kind: "set", name, json });
  }
  for (const name of before.keys()) {
    if (!Object.hasOwn(after, name) || after[name] === undefined) changes.push({ kind: "delete", name });
  }
  return changes;
}

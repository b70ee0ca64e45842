/** Drafts: what `update()` hands to its function, and what changed in it. */

import { checkName, encodeValue } from "./codec.ts";
import type { FieldChange } from "./field-patch.ts";

/** Session data as stored: names of fields and their JSON values. */
export type DataObject = Record<string, unknown>;

/** A copy of the data that may be changed freely. */
export function draftOf(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return structuredClone(data) as Record<string, unknown>;
}

/**
 * The changes that turn `before` into `after`, by top-level field; fields that did not change are left out,
 * so that writers of other fields are not disturbed.
 * @throws InvalidNameError, InvalidValueError
 */
export function draftChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    checkName(name);
    const json = encodeValue(name, value);
    if (!Object.hasOwn(before, name) || JSON.stringify(before[name]) !== json)
      changes.push({ kind: "set", name, json });
  }
  for (const name of Object.keys(before)) {
    // hasOwn: a field may be named like a method that every object inherits.
    if (!Object.hasOwn(after, name) || after[name] === undefined) changes.push({ kind: "delete", name });
  }
  return changes;
}

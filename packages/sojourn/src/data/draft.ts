/**
 * Drafts: what `update()` hands to its function, and what changed in it.
 *
 * Compared are JSON texts as stored, never live objects: somebody may have
 * changed a value of a snapshot in place, and that must not hide the change.
 */

import type { SojournError } from "../errors.ts";
import { checkName, encodeValue } from "./codec.ts";
import type { FieldChange } from "./field-patch.ts";

/** Session data: names of fields and their JSON values. */
export type DataObject = Record<string, unknown>;

/** What may be stored under a name: an optional field is deleted, not set to undefined. */
export type FieldValue<D, K extends keyof D> = Exclude<D[K], undefined>;

/** JSON text of a value, or why it cannot be read here. */
export type FieldText = string | SojournError;

/** The same as stored: name → text. */
export type FieldTexts = ReadonlyMap<string, FieldText>;

/**
 * Fresh data that shares nothing with anybody. Reading a field that cannot be read throws; it can be replaced and deleted.
 * @throws SyntaxError for a text that is no JSON
 */
export function dataFrom(texts: FieldTexts): DataObject {
  const values = JSON.parse(`[${[...texts.values()].filter(isReadable).join(",")}]`) as unknown[];
  const data: DataObject = {};
  let next = 0;
  for (const [name, text] of texts) {
    if (isReadable(text)) data[name] = values[next++];
    else defineUnreadable(data, name, text);
  }
  return data;
}

/** A fresh copy of one value; undefined when the field is not there. @throws why it cannot be read */
export function valueFrom(texts: FieldTexts, name: string): unknown {
  const text = texts.get(name);
  if (text === undefined) return undefined;
  if (isReadable(text)) return JSON.parse(text);
  throw text;
}

export function isReadable(text: FieldText): text is string {
  return typeof text === "string";
}

function defineUnreadable(data: DataObject, name: string, error: SojournError): void {
  Object.defineProperty(data, name, {
    enumerable: true,
    configurable: true,
    get: () => {
      throw error;
    },
    set: (value: unknown) => {
      Object.defineProperty(data, name, { enumerable: true, configurable: true, writable: true, value });
    },
  });
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

/** Answers the JSON text of a field's value, or refuses it. */
export type Encode = (name: string, value: unknown) => string;

/**
 * The texts of data that is to be stored. A field of `before` that could not be read, and was not touched, stays so.
 * @throws InvalidNameError, and what `encode` throws: InvalidValueError
 */
export function textsOf(
  data: Readonly<DataObject>,
  before: FieldTexts = NONE,
  encode: Encode = encodeValue,
): Map<string, FieldText> {
  const texts = new Map<string, FieldText>();
  for (const name of Object.keys(data)) {
    const text = before.get(name);
    if (text !== undefined && isUntouched(text, data, name)) texts.set(name, text);
    else if (data[name] !== undefined) {
      checkName(name);
      texts.set(name, encode(name, data[name]));
    }
  }
  return texts;
}

/**
 * The changes from one to the other, by top-level field; fields that did not change are left out, so that writers of
 * other fields are not disturbed.
 */
export function changesBetween(before: FieldTexts, after: FieldTexts): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [name, json] of after) {
    if (isReadable(json) && before.get(name) !== json) changes.push({ kind: "set", name, json });
  }
  for (const name of before.keys()) if (!after.has(name)) changes.push({ kind: "delete", name });
  return changes;
}

/** The changes that turn stored texts into this data. @throws what `textsOf` throws */
export function draftChanges(before: FieldTexts, after: Readonly<DataObject>, encode?: Encode): FieldChange[] {
  return changesBetween(before, textsOf(after, before, encode));
}

const NONE: FieldTexts = new Map();

function isUntouched(text: FieldText, data: Readonly<DataObject>, name: string): boolean {
  return !isReadable(text) && Object.getOwnPropertyDescriptor(data, name)?.get !== undefined;
}

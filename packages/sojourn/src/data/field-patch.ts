/**
 * Changing fields of a record: the one meaning of `set`, `delete` and
 * `increment` for engines that run in this process. The Redis engine does the
 * same in `stores/redis/scripts/patch.lua`; the conformance suite holds them equal.
 */

import { encodeFields, MAX_FIELDS, OFFSET, type RecordField, revisionOf } from "./record.ts";
import { SessionRecord } from "./session-record.ts";

/** One change as the application means it. `json` is the value's JSON text. */
export type FieldChange =
  | { readonly kind: "set"; readonly name: string; readonly json: string }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "increment"; readonly name: string; readonly by: number };

/** One change as it is stored: `seal` puts ciphertext in the place of a value. */
export type StoredChange = FieldChange | { readonly kind: "seal"; readonly name: string; readonly bytes: Buffer };

/** What must be stored for a patch to be applied: this JSON text under this name, or nothing for null. */
export interface FieldGuard {
  readonly name: string;
  readonly json: string | null;
}

export type FieldPatchResult =
  | { readonly status: "patched"; readonly record: Buffer; readonly increments: readonly number[] }
  | { readonly status: "guarded" }
  | { readonly status: "too_large"; readonly bytes: number }
  | { readonly status: "too_many_fields" }
  | { readonly status: "wrong_kind"; readonly name: string };

/** Applies all changes or none, in order, and counts one revision. */
export function applyFieldChanges(
  bytes: Buffer,
  changes: readonly StoredChange[],
  maxBytes: number,
  guard?: FieldGuard,
): FieldPatchResult {
  const record = new SessionRecord(bytes);
  const before = record.fields();
  const fields = new Map(before.map((field) => [field.name, field]));
  if (guard !== undefined && !holds(guard, fields.get(guard.name))) return { status: "guarded" };
  const increments: number[] = [];
  for (const change of changes) {
    if (change.kind === "delete") fields.delete(change.name);
    else if (change.kind === "set") fields.set(change.name, plainField(change.name, change.json));
    else if (change.kind === "seal")
      fields.set(change.name, { name: change.name, encrypted: true, bytes: change.bytes });
    else {
      const sum = incremented(fields.get(change.name), change.by);
      if (sum === null) return { status: "wrong_kind", name: change.name };
      increments.push(sum);
      fields.set(change.name, plainField(change.name, String(sum)));
    }
  }
  const after = [...fields.values()];
  if (after.length > MAX_FIELDS) return { status: "too_many_fields" };
  const size = dataBytes(after);
  // Shrinking is always allowed, so that a lowered limit does not lock data in.
  if (size > maxBytes && size > dataBytes(before)) return { status: "too_large", bytes: size };
  return { status: "patched", record: rewritten(record, after), increments };
}

function holds({ json }: FieldGuard, field: RecordField | undefined): boolean {
  return json === null ? field === undefined : field?.encrypted === false && field.bytes.equals(Buffer.from(json));
}

function plainField(name: string, json: string): RecordField {
  return { name, encrypted: false, bytes: Buffer.from(json, "utf8") };
}

/** Bytes of all names and values: what `maxBytes` bounds. @internal */
export function dataBytes(fields: readonly RecordField[]): number {
  return fields.reduce((sum, field) => sum + Buffer.byteLength(field.name) + field.bytes.length, 0);
}

const CANONICAL_INTEGER = /^(?:0|-?[1-9][0-9]{0,15})$/;

function incremented(field: RecordField | undefined, by: number): number | null {
  const text = field?.bytes.toString("latin1") ?? "0";
  if (field?.encrypted === true || !CANONICAL_INTEGER.test(text)) return null;
  const current = Number(text);
  const sum = current + by;
  return Number.isSafeInteger(current) && Number.isSafeInteger(sum) ? sum : null;
}

function rewritten(record: SessionRecord, fields: readonly RecordField[]): Buffer {
  const out = Buffer.concat([record.beforeFields(), encodeFields(fields)]);
  out.writeUInt32BE((revisionOf(record.bytes) + 1) % 2 ** 32, OFFSET.revision);
  out.writeUInt16BE(fields.length, OFFSET.fieldCount);
  return out;
}

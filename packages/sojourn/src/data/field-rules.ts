/** What holds for the data of all sessions: what may be stored, what of it lies encrypted, and how it is read. */

import { EncryptionKeyMissingError, InvalidValueError, WrongKindError } from "../errors.ts";
import { checkName, encodeValue } from "./codec.ts";
import { type DataObject, dataFrom, draftChanges, type FieldText, type FieldTexts } from "./draft.ts";
import type { FieldCipher } from "./encryption.ts";
import type { FieldChange, FieldGuard, StoredChange } from "./field-patch.ts";
import type { RecordField } from "./record.ts";
import { type SchemaView, type SessionSchema, VERSION_FIELD } from "./schema.ts";
import { CorruptRecordError, type SessionRecord } from "./session-record.ts";

/** What the application asks for: a change whose value nobody has looked at. */
export type FieldEdit =
  | { readonly kind: "set"; readonly name: string; readonly value: unknown }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "increment"; readonly name: string; readonly by: number };

/** A session's data as this deploy sees it, and the revision it was read at. */
export interface DataView extends SchemaView {
  readonly revision: number;
}

export class FieldRules {
  /** What must be stored for a write that has not read the data: this deploy's version. */
  readonly guard: FieldGuard;
  readonly #cipher: FieldCipher;
  readonly #schema: SessionSchema;

  constructor(cipher: FieldCipher, schema: SessionSchema) {
    this.#cipher = cipher;
    this.#schema = schema;
    this.guard = { name: VERSION_FIELD, json: schema.version === 0 ? null : String(schema.version) };
  }

  /** No schema says what data must look like, nor a version of which shape it is. */
  get areAbsent(): boolean {
    return this.#schema.isAbsent && this.#schema.version === 0;
  }

  /**
   * The change that stores an edit; null when it takes the rest of the data to know it.
   * @throws InvalidNameError, InvalidValueError, InvalidDataError, TypeError; WrongKindError for an encrypted counter
   */
  change(edit: FieldEdit): FieldChange | null {
    const { name } = edit;
    checkName(name);
    switch (edit.kind) {
      case "set":
        if (!this.#schema.isWhole) return { kind: "set", name, json: this.#schema.text(name, edit.value) };
        if (edit.value === undefined) throw new InvalidValueError(name, "undefined");
        return null;
      case "delete":
        return this.#schema.isWhole ? null : edit;
      case "increment":
        if (!Number.isSafeInteger(edit.by)) {
          throw new TypeError(`increment: by must be a safe integer, not ${String(edit.by)}.`);
        }
        if (this.#cipher.keyFor(name) !== null) throw new WrongKindError(name);
        // Only a schema can say whether the sum is allowed.
        return this.#schema.isAbsent ? edit : null;
    }
  }

  /** The changes that turn stored texts into a draft. @throws InvalidNameError, InvalidValueError, InvalidDataError, TypeError */
  changes(before: FieldTexts, draft: DataObject): FieldChange[] {
    if (this.#schema.isWhole) return draftChanges(before, this.#schema.output(draft));
    return draftChanges(before, draft, (name, value) => {
      const stored = before.get(name);
      return stored !== undefined && stored === textOf(name, value) ? stored : this.#schema.text(name, value);
    });
  }

  /** The data that a session begins with. @throws InvalidNameError, InvalidValueError, InvalidDataError, TypeError */
  first(data: Readonly<DataObject>): FieldChange[] {
    const changes = this.changes(new Map(), { ...data });
    const { name, json } = this.guard;
    return json === null ? changes : [...changes, { kind: "set", name, json }];
  }

  /** What is handed to the store. */
  stored(id: string, changes: readonly FieldChange[]): StoredChange[] {
    return changes.map((change) => {
      const bytes = change.kind === "set" ? this.#sealed(id, change.name, change.json) : null;
      return bytes === null ? change : { kind: "seal", name: change.name, bytes };
    });
  }

  /** The fields of a new record. */
  fields(id: string, changes: readonly FieldChange[]): RecordField[] {
    return changes.flatMap((change) => {
      if (change.kind !== "set") return [];
      const bytes = this.#sealed(id, change.name, change.json);
      return [{ name: change.name, encrypted: bytes !== null, bytes: bytes ?? Buffer.from(change.json) }];
    });
  }

  /** Ciphertext of a value that is to lie encrypted; null for others. */
  #sealed(id: string, name: string, json: string): Buffer | null {
    const key = name === VERSION_FIELD ? null : this.#cipher.keyFor(name);
    return key === null ? null : this.#cipher.seal(key, id, name, json);
  }

  /** The values of a record. @throws CorruptRecordError, UnfitDataError */
  data(id: string, record: SessionRecord): DataObject {
    if (record.hasEncrypted || !this.#schema.isAbsent || this.#schema.version > 0) {
      return dataFrom(this.view(id, record).texts);
    }
    const data = record.plainData();
    if (VERSION_FIELD in data) delete data[VERSION_FIELD];
    return data;
  }

  /** The texts of a record, each known to be JSON. @throws CorruptRecordError, UnfitDataError */
  view(id: string, record: SessionRecord): DataView {
    record.plainData();
    const stored = new Map(record.fields().map((field) => [field.name, this.#text(id, field)]));
    const version = versionIn(stored.get(VERSION_FIELD));
    stored.delete(VERSION_FIELD);
    return { ...this.#schema.view(id, stored, version), revision: record.revision };
  }

  #text(id: string, { name, encrypted, bytes }: RecordField): FieldText {
    if (!encrypted) return bytes.toString("utf8");
    try {
      return this.#cipher.open(id, name, bytes);
    } catch (error) {
      if (error instanceof EncryptionKeyMissingError) return error;
      throw error;
    }
  }
}

/** An edit of a draft that is made under the revision read. @throws WrongKindError */
export function applyEdit(edit: FieldEdit, draft: DataObject): void {
  const { name } = edit;
  if (edit.kind === "set") draft[name] = edit.value;
  else if (edit.kind === "delete") delete draft[name];
  else {
    const before = Object.hasOwn(draft, name) ? safeInteger(name, draft[name]) : 0;
    draft[name] = safeInteger(name, before + edit.by);
  }
}

function safeInteger(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new WrongKindError(name);
}

/** To tell that a value is what is stored already; what JSON would lose is for the schema to look at. */
function textOf(name: string, value: unknown): string | null {
  try {
    return encodeValue(name, value);
  } catch {
    return null;
  }
}

function versionIn(text: FieldText | undefined): number {
  if (text === undefined) return 0;
  if (typeof text === "string" && /^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new CorruptRecordError("no version of data");
}

/** What holds for the data of all sessions: what may be stored, and what of it lies encrypted. */

import { EncryptionKeyMissingError, WrongKindError } from "../errors.ts";
import { checkName, encodeValue } from "./codec.ts";
import { type DataObject, dataFrom, type FieldText, type FieldTexts } from "./draft.ts";
import type { FieldCipher } from "./encryption.ts";
import type { FieldChange, StoredChange } from "./field-patch.ts";
import type { RecordField } from "./record.ts";
import type { SessionRecord } from "./session-record.ts";

export type SetChange = Extract<FieldChange, { kind: "set" }>;

export class FieldRules {
  readonly #cipher: FieldCipher;

  constructor(cipher: FieldCipher) {
    this.#cipher = cipher;
  }

  /** @throws InvalidNameError, InvalidValueError */
  setting(name: unknown, value: unknown): SetChange {
    checkName(name);
    return { kind: "set", name, json: encodeValue(name, value) };
  }

  /** @throws InvalidNameError */
  deleting(name: unknown): FieldChange {
    checkName(name);
    return { kind: "delete", name };
  }

  /** @throws InvalidNameError, TypeError, WrongKindError for an encrypted field: the store cannot add to it */
  incrementing(name: unknown, by: number): FieldChange {
    checkName(name);
    if (!Number.isSafeInteger(by)) throw new TypeError(`increment: by must be a safe integer, not ${String(by)}.`);
    if (this.#cipher.keyFor(name) !== null) throw new WrongKindError(name);
    return { kind: "increment", name, by };
  }

  /** The data that a session begins with. @throws InvalidNameError, InvalidValueError */
  first(data: Readonly<DataObject>): SetChange[] {
    const given = Object.entries(data).filter(([, value]) => value !== undefined);
    return given.map(([name, value]) => this.setting(name, value));
  }

  /** What is handed to the store. */
  stored(id: string, changes: readonly FieldChange[]): StoredChange[] {
    return changes.map((change) => {
      const bytes = change.kind === "set" ? this.#sealed(id, change) : null;
      return bytes === null ? change : { kind: "seal", name: change.name, bytes };
    });
  }

  /** The fields of a new record. */
  fields(id: string, changes: readonly SetChange[]): RecordField[] {
    return changes.map((change) => {
      const bytes = this.#sealed(id, change);
      return { name: change.name, encrypted: bytes !== null, bytes: bytes ?? Buffer.from(change.json) };
    });
  }

  /** Ciphertext of a value that is to lie encrypted; null for others. */
  #sealed(id: string, { name, json }: SetChange): Buffer | null {
    const key = this.#cipher.keyFor(name);
    return key === null ? null : this.#cipher.seal(key, id, name, json);
  }

  /** The values of a record. @throws CorruptRecordError */
  data(id: string, record: SessionRecord): DataObject {
    return record.hasEncrypted ? dataFrom(this.texts(id, record)) : record.plainData();
  }

  /** The texts of a record, each known to be JSON. @throws CorruptRecordError */
  texts(id: string, record: SessionRecord): FieldTexts {
    record.plainData();
    return new Map(record.fields().map((field) => [field.name, this.#text(id, field)]));
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

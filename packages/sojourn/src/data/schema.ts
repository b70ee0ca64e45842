/**
 * What session data must look like: checked when it is written, and when it is read.
 *
 * Deploys of different versions work on one store. The version of data stands in the record with it. Older data is
 * upgraded in memory when it is read, and stored with the next write, under the revision that was read. Newer data is
 * never written here, and read as far as it fits this schema. So no deploy undoes what another did.
 */

import {
  ConfigError,
  type DataIssue,
  InvalidDataError,
  InvalidValueError,
  NewerDataError,
  SchemaMismatchError,
  SojournError,
} from "../errors.ts";
import { checkName, encodeValue } from "./codec.ts";
import {
  changesBetween,
  type DataObject,
  dataFrom,
  draftChanges,
  type FieldText,
  type FieldTexts,
  isReadable,
  textsOf,
} from "./draft.ts";
import type { FieldChange } from "./field-patch.ts";
import { isStandardSchema, type OutputOf, type StandardSchema, validated } from "./standard-schema.ts";

/** A schema for each field, or one for all data together. */
export type DataSchema = StandardSchema<unknown, object> | Readonly<Record<string, StandardSchema>>;

/** The data that a schema describes. */
export type DataOf<S extends DataSchema> =
  S extends StandardSchema<unknown, object>
    ? OutputOf<S>
    : S extends Readonly<Record<string, StandardSchema>>
      ? { -readonly [K in keyof S]?: OutputOf<S[K]> }
      : never;

export interface SchemaOptions {
  /**
   * Standard Schemas (zod, valibot, arktype …): one for each field, each checked when its field is written, names
   * without one refused; or a single one for all data together, which makes every write a read, check and write under
   * the revision read. What a schema answers is stored, and must pass it again when it is read. Not async.
   */
  readonly schema?: DataSchema;
  /** Of the data's shape: a whole number of 1 or more, raised with each change that `upgrade` must make good. Default none. */
  readonly version?: number;
  /**
   * Answers data of today's version from data of an older one (`from`, 0 for none). Called when it is read, perhaps
   * again and again until a write stores it: it must have no other effects, and not be async.
   */
  readonly upgrade?: (old: DataObject, from: number) => object;
  /**
   * When stored data does not fit today's schema: `"drop"` leaves the field out, `"end"` ends the session, `"throw"`
   * throws `SchemaMismatchError` where the field is read. Default "drop". Data of a newer version is never ended or dropped.
   */
  readonly onSchemaMismatch?: "drop" | "end" | "throw";
}

/** Stored data does not fit and the session is to end. Internal, as for a corrupt record. @internal */
export class UnfitDataError extends Error {
  override readonly name = "UnfitDataError";
}

/** A session's data as this deploy sees it. @internal */
export interface SchemaView {
  readonly texts: FieldTexts;
  /** What a write must carry besides its own changes, because the store still holds an older version. */
  readonly upgrade: readonly FieldChange[];
  /** Why nothing may be written, if so. */
  readonly refusal: SojournError | null;
}

/** Where the version of data stands among its fields; `checkName` keeps the name from applications. @internal */
export const VERSION_FIELD = "\0v";

/** @internal */
export class SessionSchema {
  readonly version: number;
  readonly #whole: StandardSchema | null;
  readonly #fields: ReadonlyMap<string, StandardSchema> | null;
  readonly #upgrade: SchemaOptions["upgrade"];
  readonly #onMismatch: "drop" | "end" | "throw";
  readonly #warn: (line: string) => void;

  /** @throws ConfigError, InvalidNameError */
  constructor(options: SchemaOptions, warn: (line: string) => void) {
    const { schema, version, upgrade, onSchemaMismatch = "drop" } = checked(options);
    this.version = version ?? 0;
    this.#whole = isStandardSchema(schema) ? schema : null;
    this.#fields = schema === undefined || isStandardSchema(schema) ? null : fieldsOf(schema);
    this.#upgrade = upgrade;
    this.#onMismatch = onSchemaMismatch;
    this.#warn = warn;
  }

  /** Whether a write must know the rest of the data. */
  get isWhole(): boolean {
    return this.#whole !== null;
  }

  get isAbsent(): boolean {
    return this.#whole === null && this.#fields === null;
  }

  /** The text to store for one field, as far as it can be checked alone. @throws InvalidDataError, InvalidValueError, TypeError */
  text(name: string, value: unknown): string {
    if (this.#fields === null) return encodeValue(name, value);
    const schema = this.#fields.get(name);
    if (schema === undefined) throw new InvalidDataError([{ path: name, message: "is not in the schema" }]);
    const json = encodeValue(name, accepted(schema, name, value));
    const again = validated(schema, name, JSON.parse(json));
    if (again.issues !== undefined || encodeValue(name, again.value) !== json) throw unstable(name);
    return json;
  }

  /** The data to store in place of this: itself, or what a schema of all data answers. @throws InvalidDataError, TypeError */
  output(data: DataObject): DataObject {
    if (this.#whole === null) return data;
    const output = objectOf(accepted(this.#whole, "", data));
    const texts = textsOf(output);
    const again = validated(this.#whole, "", dataFrom(texts));
    if (again.issues !== undefined || draftChanges(texts, objectOf(again.value)).length > 0) throw unstable("");
    return output;
  }

  /** @param stored data of version `from`. @throws UnfitDataError */
  view(id: string, stored: FieldTexts, from: number): SchemaView {
    try {
      if (from > this.version) return this.#newer(id, stored, new NewerDataError(id, from, this.version));
      if (from === this.version) {
        return { texts: this.#settled(id, this.#fitted(id, stored)), upgrade: [], refusal: null };
      }
      const upgraded = this.#upgraded(id, stored, from);
      const texts = this.#settled(id, this.#fitted(id, upgraded));
      // A field that does not fit would be stored as if it were of this version.
      const misfit = [...texts.values()].find((text) => text instanceof SchemaMismatchError);
      return { texts, upgrade: this.#changes(stored, upgraded, texts), refusal: misfit ?? null };
    } catch (error) {
      if (!(error instanceof SojournError)) throw error;
      return { texts: new Map([...stored.keys()].map((name) => [name, error])), upgrade: [], refusal: error };
    }
  }

  #newer(id: string, stored: FieldTexts, refusal: NewerDataError): SchemaView {
    const texts = new Map(this.#fitted(id, stored));
    for (const [name, text] of texts) if (text instanceof SchemaMismatchError) texts.set(name, refusal);
    return { texts, upgrade: [], refusal };
  }

  /** @throws SchemaMismatchError when `upgrade` fails: a fault there must not lose data */
  #upgraded(id: string, stored: FieldTexts, from: number): FieldTexts {
    if (this.#upgrade === undefined) return stored;
    try {
      const answered: unknown = this.#upgrade(dataFrom(stored), from);
      return textsOf(objectOf(answered), stored);
    } catch (error) {
      // Of a field that cannot be read here: the key may come back.
      if (error instanceof SojournError && [...stored.values()].includes(error)) throw error;
      throw new SchemaMismatchError(id, [], { cause: error });
    }
  }

  /** What a schema answers for each field; a `SchemaMismatchError` for those that do not fit. Fields without a schema are left out. */
  #fitted(id: string, stored: FieldTexts): FieldTexts {
    if (this.#whole !== null) return this.#fittedWhole(id, this.#whole, dataFrom(stored));
    if (this.#fields === null) return stored;
    const texts = new Map<string, FieldText>();
    for (const [name, text] of stored) {
      const schema = this.#fields.get(name);
      if (schema === undefined) continue;
      texts.set(name, isReadable(text) ? fittedText(id, schema, name, JSON.parse(text)) : text);
    }
    return texts;
  }

  /** Without the fields that do not fit, as long as some do; what is left must fit as a whole. */
  #fittedWhole(id: string, schema: StandardSchema, data: DataObject): FieldTexts {
    const texts = new Map<string, FieldText>();
    for (let rest = data; ; ) {
      const result = validated(schema, "", rest);
      if (result.issues === undefined) {
        for (const [name, value] of Object.entries(objectOf(result.value))) {
          if (value !== undefined) texts.set(name, encodedText(id, name, value));
        }
        return texts;
      }
      const names = Object.keys(rest);
      if (names.length === 0) return texts;
      const named = names.filter((name) => result.fields.has(name));
      const misfits = new Set(named.length > 0 ? named : names);
      for (const name of misfits) texts.set(name, new SchemaMismatchError(id, result.issues));
      rest = Object.fromEntries(Object.entries(rest).filter(([name]) => !misfits.has(name)));
    }
  }

  /** What is to be done about fields that do not fit. @throws UnfitDataError */
  #settled(id: string, texts: FieldTexts): FieldTexts {
    const misfits = [...texts].flatMap(([name, text]) => (text instanceof SchemaMismatchError ? [{ name, text }] : []));
    const [first] = misfits;
    if (first === undefined || this.#onMismatch === "throw") return texts;
    if (this.#onMismatch === "end") throw new UnfitDataError(first.text.message);
    this.#warn(`${first.text.message} It is left out.`);
    const left = new Map(texts);
    for (const { name } of misfits) left.delete(name);
    return left;
  }

  /** From what is stored to what this version makes of it. */
  #changes(stored: FieldTexts, upgraded: FieldTexts, texts: FieldTexts): FieldChange[] {
    // Fields that upgrade() kept and this schema does not know are another deploy's.
    const foreign = [...stored].filter(
      ([name]) => this.#fields !== null && !this.#fields.has(name) && upgraded.has(name),
    );
    return [
      ...changesBetween(stored, new Map([...texts, ...foreign])),
      { kind: "set", name: VERSION_FIELD, json: String(this.version) },
    ];
  }
}

const MAX_VERSION = 2 ** 31 - 1;

function checked(options: SchemaOptions): SchemaOptions {
  const { schema, version, upgrade, onSchemaMismatch } = options;
  if (version !== undefined && !(Number.isInteger(version) && version >= 1 && version <= MAX_VERSION)) {
    throw new ConfigError(`Option version must be a whole number of 1 or more, not ${String(version)}.`);
  }
  if (upgrade !== undefined && (typeof upgrade !== "function" || version === undefined)) {
    throw new ConfigError("Option upgrade must be a function, and needs version: the version that it answers.");
  }
  if (onSchemaMismatch !== undefined) {
    if (!["drop", "end", "throw"].includes(onSchemaMismatch) || schema === undefined) {
      throw new ConfigError('Option onSchemaMismatch must be "drop", "end" or "throw", and needs schema.');
    }
  }
  return options;
}

function fieldsOf(schema: Readonly<Record<string, StandardSchema>>): ReadonlyMap<string, StandardSchema> {
  const isMap = typeof schema === "object" && schema !== null && !Array.isArray(schema);
  const entries = isMap ? Object.entries(schema) : [];
  for (const [name, each] of entries) {
    checkName(name);
    if (!isStandardSchema(each)) throw new ConfigError(`Option schema: ${JSON.stringify(name)} is no Standard Schema.`);
  }
  if (entries.length > 0) return new Map(entries);
  throw new ConfigError("Option schema must be a Standard Schema, or an object of a Standard Schema for each field.");
}

/** @throws InvalidDataError */
function accepted(schema: StandardSchema, name: string, value: unknown): unknown {
  const result = validated(schema, name, value);
  if (result.issues !== undefined) throw new InvalidDataError(result.issues);
  return result.value;
}

/** Found when something is written, so that it is not lost when it is read. */
function unstable(name: string): TypeError {
  return new TypeError(
    `schema${name && ` of ${JSON.stringify(name)}`}: what it answers must pass it again unchanged, for that is what is stored and read.`,
  );
}

function fittedText(id: string, schema: StandardSchema, name: string, value: unknown): FieldText {
  const result = validated(schema, name, value);
  if (result.issues !== undefined) return new SchemaMismatchError(id, result.issues);
  return encodedText(id, name, result.value);
}

function encodedText(id: string, name: string, value: unknown): FieldText {
  try {
    return encodeValue(name, value);
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    const issue: DataIssue = { path: error.path, message: error.message };
    return new SchemaMismatchError(id, [issue]);
  }
}

function objectOf(value: unknown): DataObject {
  if (value instanceof Promise) value.catch(() => undefined);
  else if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as DataObject;
  throw new TypeError("Session data must be an object, and at once.");
}

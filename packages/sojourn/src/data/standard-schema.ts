/**
 * Standard Schema 1 (standardschema.dev): what zod, valibot, arktype and others have in common. The types are copied, as
 * the specification invites to, so that this library needs no other; `test/types/schema.test-d.ts` holds them equal.
 */

import type { DataIssue } from "../errors.ts";

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Why a value does not fit. */
export interface Misfit {
  readonly issues: readonly DataIssue[];
  /** The first keys of the issues' paths: for data as a whole, names of its fields. */
  readonly fields: ReadonlySet<string>;
}

/** What a schema answers for a value. */
export type OutputOf<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["output"];

/** arktype's schemas are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const { "~standard": standard } = value as Partial<StandardSchema>;
  return typeof standard === "object" && standard.version === 1 && typeof standard.validate === "function";
}

/**
 * What the schema says of a value.
 * @param name of the field, with which paths begin; "" for data as a whole
 * @throws TypeError for an asynchronous schema: what waits for it are updates, which must not be async
 */
export function validated(
  schema: StandardSchema,
  name: string,
  value: unknown,
): { readonly value: unknown; readonly issues?: undefined } | Misfit {
  const result = schema["~standard"].validate(value);
  if ("then" in result) {
    // Nobody will await it; its failure would end the process.
    result.catch(() => undefined);
    throw new TypeError(`schema${name && ` of ${JSON.stringify(name)}`}: must not be async; check such things before.`);
  }
  if (result.issues === undefined) return result;
  const keyed = result.issues.map(({ path = [], message }) => ({ keys: path.map(keyOf), message }));
  return {
    issues: keyed.map(({ keys, message }) => ({ path: pathOf(name, keys), message })),
    fields: new Set(keyed.flatMap(({ keys }) => keys.slice(0, 1).map(String))),
  };
}

function keyOf(segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey {
  return typeof segment === "object" ? segment.key : segment;
}

function pathOf(name: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, name);
}

/**
 * Values to JSON texts and back, refusing what JSON would lose: a session that
 * comes back with a Date turned into a string is a bug found in production.
 */

import { InvalidNameError, InvalidValueError } from "../errors.ts";
import { MAX_NAME_BYTES } from "./record.ts";

const MAX_DEPTH = 64;

/** JSON text of a value. @throws InvalidValueError naming the path of what JSON would lose. */
export function encodeValue(name: string, value: unknown): string {
  checkValue(value, name, 0);
  return JSON.stringify(value);
}

/** @throws InvalidNameError unless the name can be stored: 1–128 bytes, not `__proto__`. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") throw new InvalidNameError(`A field name must be a string, not ${typeof name}.`);
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw new InvalidNameError("A field name must not be empty.");
  if (bytes > MAX_NAME_BYTES) {
    throw new InvalidNameError(`A field name is at most ${MAX_NAME_BYTES} bytes, not ${bytes}.`);
  }
  if (name === "__proto__") throw new InvalidNameError("The field name __proto__ is refused.");
  if (name.startsWith("\0")) throw new InvalidNameError("A field name must not begin with NUL: those are reserved.");
  if (!name.isWellFormed()) throw new InvalidNameError("A field name must be well-formed Unicode.");
}

function checkValue(value: unknown, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new InvalidValueError(path, `nested deeper than ${MAX_DEPTH} levels (or circular)`);
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new InvalidValueError(path, "a string with a lone surrogate");
      return;
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value) || Object.is(value, -0))
        throw new InvalidValueError(path, String(value === 0 ? "-0" : value));
      return;
    case "object":
      if (value !== null) checkObject(value, path, depth);
      return;
    case "undefined":
      throw new InvalidValueError(path, "undefined");
    default:
      throw new InvalidValueError(path, `a ${typeof value}`);
  }
}

function checkObject(value: object, path: string, depth: number): void {
  if (!Array.isArray(value)) checkPlain(value, path);
  if (typeof (value as { toJSON?: unknown }).toJSON === "function")
    throw new InvalidValueError(path, "an object with toJSON");
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw new InvalidValueError(path, "an object with symbols for names");
  if (Array.isArray(value)) checkElements(value, path, depth);
  else checkProperties(value, path, depth);
}

/** Not compared with Object.prototype: a plain object may come from another realm (a test runner's sandbox). */
function checkPlain(value: object, path: string): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  const { constructor } = value as { constructor?: { name?: string } };
  throw new InvalidValueError(path, `a ${constructor?.name ?? "class instance"}`);
}

function checkElements(value: readonly unknown[], path: string, depth: number): void {
  for (let i = 0; i < value.length; i++) checkValue(value[i], `${path}[${i}]`, depth + 1);
  if (Object.keys(value).length !== value.length)
    throw new InvalidValueError(path, "an array with more than its elements");
}

function checkProperties(value: object, path: string, depth: number): void {
  for (const [key, inner] of Object.entries(value)) {
    // An optional property that is undefined is absent to TypeScript and to JSON alike.
    if (inner !== undefined) checkValue(inner, `${path}.${key}`, depth + 1);
  }
}

/** Freezes plain data all the way down; used in development, where it finds writes to a snapshot. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  // By their descriptors: a field that cannot be read is a getter that throws.
  for (const { value: inner } of Object.values(Object.getOwnPropertyDescriptors(value))) deepFreeze(inner);
}

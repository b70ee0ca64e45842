/** Fields as callers give them, refused before anything is begun or sent. */

import { checkName, encodeValue } from "../data/codec.ts";

/** @throws InvalidNameError */
export function checkFieldName(name: unknown): asserts name is string {
  checkName(name);
}

/** @throws InvalidNameError, InvalidValueError */
export function checkField(name: unknown, value: unknown): void {
  checkName(name);
  encodeValue(name, value);
}

/** The one rule for deadlines of store calls. */

import { ConfigError } from "../errors.ts";

const MAX_DEADLINE_MS = 60_000;

/**
 * A deadline in milliseconds, or its default.
 * @throws ConfigError for anything but a number from 1 to 60000: a timer turns `Infinity` and `NaN` into 1 ms.
 */
export function checkedDeadline(option: string, given: unknown, fallback: number): number {
  if (given === undefined) return fallback;
  if (typeof given === "number" && given >= 1 && given <= MAX_DEADLINE_MS) return given;
  const what = typeof given === "number" ? String(given) : `of type ${typeof given}`;
  throw new ConfigError(`Option ${option} must be a number of milliseconds from 1 to ${MAX_DEADLINE_MS}, not ${what}.`);
}

import { inspect } from "node:util";
import { ConfigError } from "./errors.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
/** A hundred years: times are kept in 48 bits. */
const MAX_MS = 36_500 * UNIT_MS.d;
const PATTERN = /^(\d{1,9})(ms|s|m|h|d|w)$/;

/** A duration as options take it: a whole number and a unit, such as `"15m"` or `"30d"`. */
export type Duration = `${number}${keyof typeof UNIT_MS}`;

/** Milliseconds of a duration. @throws ConfigError naming the option for anything else, zero included. */
export function parseDuration(option: string, value: unknown): number {
  const match = typeof value === "string" ? PATTERN.exec(value) : null;
  const ms = match === null ? 0 : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (ms <= 0 || ms > MAX_MS) {
    throw new ConfigError(
      `Option ${option} must be a duration such as "15m", "24h" or "30d" (ms, s, m, h, d, w), at most 36500d, not ${inspect(value)}.`,
    );
  }
  return ms;
}

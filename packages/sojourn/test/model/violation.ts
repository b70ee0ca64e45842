import { inspect, isDeepStrictEqual } from "node:util";

/** A store did what the contract does not allow. */
export class Violation extends Error {
  override readonly name = "Violation";

  constructor(promise: string, detail: string) {
    super(`${promise}: ${detail}`);
  }
}

/** @throws Violation that says where they differ */
export function requireSame(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Violation(`${what} answered what it must not`, differences(actual, expected, "").join("; "));
}

function differences(actual: unknown, expected: unknown, path: string): string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  const alike = isPlain(actual) && isPlain(expected) && actual["status"] === expected["status"];
  if (!alike) return [`${path === "" ? "" : `${path} `}${said(actual)} where the contract says ${said(expected)}`];
  const names = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...names].flatMap((name) =>
    differences(actual[name], expected[name], path === "" ? name : `${path}.${name}`),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function said(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY });
}

/** The one rule for namespaces: what every engine can keep, and what needs no escaping in a key or an ACL pattern. */

import { ConfigError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";

const NAMESPACE = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * The option `namespace` of a store, or its default.
 * @throws ConfigError: a namespace has 1–64 characters of `A-Z a-z 0-9 _ . -`.
 */
export function checkedNamespace(namespace: unknown = DEFAULTS.namespace): string {
  if (typeof namespace === "string" && NAMESPACE.test(namespace)) return namespace;
  const given = typeof namespace === "string" ? JSON.stringify(namespace) : typeof namespace;
  throw new ConfigError(`Option namespace must be 1–64 characters of A-Z a-z 0-9 _ . -, not ${given}.`);
}

/** What tells about connections, where a client has it. */

import { ConfigError } from "../../../errors.ts";

export interface Emitting {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

function isEmitting(client: object): client is Emitting {
  return "on" in client && typeof client.on === "function" && "off" in client && typeof client.off === "function";
}

/** Answers how to stop. */
export function listenTo(client: object, events: readonly string[], listener: () => void): () => void {
  if (!isEmitting(client)) return () => undefined;
  for (const event of events) client.on(event, listener);
  return () => {
    for (const event of events) client.off(event, listener);
  };
}

/** @throws ConfigError for a client that prefixes keys: those that scripts derive would not be the prefixed ones. */
export function refusePrefix(prefix: unknown): void {
  if (prefix) throw new ConfigError("The Redis client has a key prefix: remove it and use the option namespace.");
}

/** @throws ConfigError: a replica may not know yet that a session was ended. */
export function refuseReplicas(setting: string | false): void {
  if (setting === false) return;
  throw new ConfigError(
    `The Redis client reads from replicas, which lag behind a revocation: remove ${setting}, reads go to the primary.`,
  );
}

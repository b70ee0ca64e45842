/** What went wrong with a command, in the words of `errors.ts`. */

import { SojournError, StoreUnavailableError, type UnavailableReason } from "../../errors.ts";

type Outcome = StoreUnavailableError["outcome"];

/** What Redis answers when it refuses a command before running it, by the answer's first word. */
const REFUSALS: Readonly<Record<string, UnavailableReason>> = {
  LOADING: "loading",
  READONLY: "read_only",
  MASTERDOWN: "read_only",
  OOM: "full",
  NOAUTH: "denied",
  NOPERM: "denied",
  WRONGPASS: "denied",
  CLUSTERDOWN: "server",
  TRYAGAIN: "server",
  MOVED: "server",
  ASK: "server",
  NOREPLICAS: "server",
  MISCONF: "server",
  NOSCRIPT: "server",
  BUSY: "server",
};

/** Refusals that a moment later, or on another server, may be none. */
const PASSING = new Set(["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"]);

/** Before 7.0 a script that a command was refused to answers `ERR Error running script (call to f_…): …: -OOM command not allowed …`. */
const WORD = /^(?:ERR Error running script .*?: -)?([A-Z]+)(?=\s|$)/;

/** The first word of what a server answered, of a script what its command was answered; empty when it answered nothing. */
export function leadingWord(error: unknown): string {
  return error instanceof Error ? (WORD.exec(error.message)?.[1] ?? "") : "";
}

export function isPassing(error: unknown): boolean {
  return PASSING.has(leadingWord(error));
}

/** A slot is on its way to another server: some keys of the command are here and some there, until it has arrived. */
export function isMoving(error: unknown): boolean {
  return leadingWord(error) === "TRYAGAIN";
}

/** @param outcome of a command that may have been executed */
export function classified(error: unknown, outcome: Outcome): Error {
  if (error instanceof SojournError) return error;
  const word = leadingWord(error);
  const detail = withoutArguments(error instanceof Error ? error.message || error.constructor.name : String(error));
  if (word === "") {
    const what = `The connection to Redis failed: ${detail}`;
    return new StoreUnavailableError(what, { reason: "connection", outcome, cause: error });
  }
  const refusal = REFUSALS[word];
  return new StoreUnavailableError(`Redis refused the command: ${detail}`, {
    reason: refusal ?? "server",
    outcome: refusal === undefined ? outcome : "not_executed",
    cause: error,
  });
}

/** Redis repeats the arguments of a command that it does not know. */
function withoutArguments(message: string): string {
  return message.replace(/, with args beginning with:.*/s, "");
}

export function timedOut(deadlineMs: number, outcome: Outcome): StoreUnavailableError {
  return new StoreUnavailableError(`Redis did not answer within ${deadlineMs} ms.`, { reason: "timeout", outcome });
}

/** Of a server that is the primary no more, and that hears nothing of the one that is. */
export function adrift(): StoreUnavailableError {
  return new StoreUnavailableError("Redis became a replica and lost its primary: what it knows may be old.", {
    reason: "read_only",
    outcome: "not_executed",
  });
}

export function notConnected(what = "The Redis client is not connected."): StoreUnavailableError {
  return new StoreUnavailableError(what, { reason: "connection", outcome: "not_executed" });
}

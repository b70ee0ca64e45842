/** Script answers in the contract's words. */

import { StoreUnavailableError } from "../../errors.ts";
import type { CreateOutcome, Gone, PatchOutcome, Stale, Tombstone } from "../../store/store.ts";
import { gone, lateWrite, unsupportedRecord } from "../../store/transitions.ts";
import type { Reply } from "./driver.ts";
import { classified } from "./failures.ts";
import { ScriptAnswer } from "./redis-connection.ts";

/**
 * A tombstone is `createdAt endedAt {"r":reason,"a":actor}`. A corrupt one still says that the session has
 * ended, for an unknown reason.
 */
export function parseTombstone(bytes: Buffer | null): Tombstone | null {
  if (bytes === null) return null;
  const [, createdAt = 0, endedAt = 0, detail = ""] = /^(\d+) (\d+) (.*)$/s.exec(bytes.toString("utf8")) ?? [];
  return { ...parseDetail(detail), createdAt: Number(createdAt), endedAt: Number(endedAt) };
}

function parseDetail(json: string): Pick<Tombstone, "reason" | "actor"> {
  try {
    const { r, a } = JSON.parse(json) as { r?: unknown; a?: unknown };
    return { reason: typeof r === "string" ? r : "unknown", actor: typeof a === "string" ? a : null };
  } catch {
    return { reason: "unknown", actor: null };
  }
}

/** The answer of a script that changes a record; `done` is its word for success. */
export function recordOutcome<Done extends string>(
  answer: ScriptAnswer,
  done: Done,
): { readonly status: Done; readonly record: Buffer } | Stale | Gone {
  const record = answer.bytes(2);
  if (answer.status === done && record !== null) return { status: done, record };
  if (answer.status === "stale" && record !== null) return { status: "stale", record };
  if (answer.status === "gone") return gone(parseTombstone(record));
  throw unknownAnswer(answer);
}

export function parseCreate(answer: ScriptAnswer): CreateOutcome {
  if (answer.status === "created") return { status: "created", userEpoch: answer.number(2) };
  if (answer.status === "disabled") return { status: "disabled" };
  if (answer.status === "limited") return { status: "limited", count: answer.number(2) };
  return gone(parseTombstone(answer.bytes(2)));
}

/** Of one patch among several; what was patched stands as a text. */
export function parsePatch(reply: Reply | undefined): PatchOutcome {
  if (reply instanceof Buffer) {
    const [previousRevision = Number.NaN, revision = Number.NaN, ...increments] = reply
      .toString("latin1")
      .split(" ")
      .map(Number);
    return { status: "patched", previousRevision, revision, increments };
  }
  const answer = new ScriptAnswer(reply ?? null);
  switch (answer.status) {
    case "conflict":
      return { status: "conflict", record: answer.bytes(1) ?? Buffer.alloc(0) };
    case "too_large":
      return { status: "too_large", bytes: answer.number(1) };
    case "too_many_fields":
      return { status: "too_many_fields" };
    case "wrong_kind":
      return { status: "wrong_kind", name: answer.text(1) };
    case "gone":
      return gone(parseTombstone(answer.bytes(1)));
    case "late":
      throw lateWrite();
    case "unsupported":
      throw unsupportedRecord();
    case "refused":
      throw classified(new Error(answer.text(1)), "not_executed");
    default:
      throw unknownAnswer(answer);
  }
}

function unknownAnswer(answer: ScriptAnswer): StoreUnavailableError {
  return new StoreUnavailableError(`A script gave an unknown answer: ${answer.status}.`, {
    reason: "server",
    outcome: "unknown",
  });
}

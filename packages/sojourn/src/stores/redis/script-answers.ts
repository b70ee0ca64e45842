/** Script answers in the contract's words. */

import { StoreUnavailableError } from "../../errors.ts";
import type { PatchOutcome, Tombstone } from "../../store/store.ts";
import { gone } from "../../store/transitions.ts";
import type { ScriptAnswer } from "./redis-connection.ts";

/** A tombstone is `createdAt endedAt {"r":reason,"a":actor}`; null and anything else is none. */
export function parseTombstone(bytes: Buffer | null): Tombstone | null {
  const match = bytes === null ? null : /^(\d+) (\d+) (.*)$/s.exec(bytes.toString("utf8"));
  if (match === null) return null;
  const detail = JSON.parse(match[3] ?? "{}") as { r?: string; a?: string };
  return {
    reason: detail.r ?? "unknown",
    actor: detail.a ?? null,
    createdAt: Number(match[1]),
    endedAt: Number(match[2]),
  };
}

export function parsePatch(answer: ScriptAnswer): PatchOutcome {
  switch (answer.status) {
    case "patched":
      return {
        status: "patched",
        previousRevision: answer.number(2),
        revision: answer.number(3),
        increments: answer.numbersFrom(4),
      };
    case "conflict":
      return { status: "conflict", record: answer.bytes(2) ?? Buffer.alloc(0) };
    case "too_large":
      return { status: "too_large", bytes: answer.number(2) };
    case "too_many_fields":
      return { status: "too_many_fields" };
    case "wrong_kind":
      return { status: "wrong_kind", name: answer.text(2) };
    case "gone":
      return gone(parseTombstone(answer.bytes(2)));
    default:
      throw new StoreUnavailableError(`The patch script gave an unknown answer: ${answer.status}.`, {
        reason: "server",
        outcome: "unknown",
      });
  }
}

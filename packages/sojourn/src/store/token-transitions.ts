/** The contract's steps on a record's tokens, as pure functions, for the engines that run in this process. */

import { FLAG, OFFSET, withMetadata, withRotation, withToken } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import type {
  ConfirmInput,
  ConfirmOutcome,
  ElevateInput,
  ElevateOutcome,
  RevokeInput,
  RotateInput,
  RotateOutcome,
  Stale,
} from "./store.ts";
import { gone, isLive, readRecord, type Step } from "./transitions.ts";

export function rotateRecord(bytes: Buffer, input: RotateInput, now: number): Step<RotateOutcome> {
  if (!isLive(bytes, now)) return unchanged(gone(null));
  const record = readRecord(bytes);
  if (record === null) return unchanged(gone(null));
  if (!hasToken(record, input.generation, input.tokenHash)) return unchanged(stale(bytes));
  const pending = record.rotation?.state === "pending" ? record.rotation.otherHash : null;
  const stays = pending !== null && !(input.replaces?.equals(pending) ?? false);
  if (stays) return unchanged({ status: "pending", record: bytes });
  const rotated = withRotation(bytes, {
    state: "pending",
    graceUntil: record.rotation?.graceUntil ?? 0,
    since: now,
    otherHash: input.successorHash,
    wrap: input.wrap,
    wrapKeyId: input.wrapKeyId,
  });
  return { outcome: { status: "pending", record: rotated }, write: rotated };
}

export function confirmRecord(bytes: Buffer, input: ConfirmInput, now: number): Step<ConfirmOutcome> {
  if (!isLive(bytes, now)) return unchanged(gone(null));
  const record = readRecord(bytes);
  if (record === null) return unchanged(gone(null));
  if (hasToken(record, input.generation, input.tokenHash)) return unchanged({ status: "confirmed", record: bytes });
  if (input.generation !== record.generation + 1) return unchanged(stale(bytes));
  const { rotation } = record;
  const pending = rotation?.state === "pending" && rotation.otherHash.equals(input.tokenHash) ? rotation : null;
  if (pending === null && !input.heal) return unchanged(stale(bytes));
  const withGrace = withRotation(bytes, {
    state: "confirmed",
    graceUntil: now + input.graceMs,
    since: pending?.since ?? now,
    otherHash: record.tokenHash,
    wrap: pending?.wrap ?? Buffer.alloc(32),
    wrapKeyId: pending?.wrapKeyId ?? 0,
  });
  const confirmed = withToken(withGrace, input.generation, input.tokenHash);
  return { outcome: { status: "confirmed", record: confirmed }, write: confirmed, event: { type: "rotated" } };
}

export function elevateRecord(bytes: Buffer, input: ElevateInput, now: number): Step<ElevateOutcome> {
  if (!isLive(bytes, now)) return unchanged(gone(null));
  const record = readRecord(bytes);
  if (record === null) return unchanged(gone(null));
  if (hasToken(record, input.generation, input.tokenHash)) return unchanged({ status: "elevated", record: bytes });
  const { expected } = input;
  const asExpected = hasToken(record, expected.generation, expected.tokenHash);
  if (!asExpected || !record.metadataBytes().equals(expected.metadata)) return unchanged(stale(bytes));
  const elevated = withElevation(withMetadata(bytes, input.metadata), input, now);
  return {
    outcome: { status: "elevated", record: elevated },
    write: elevated,
    event: { type: input.event ?? "elevated" },
  };
}

/** Whether the condition of `RevokeInput.reusedGeneration` holds, if one is given: the token is a sign of theft now. */
export function mayEnd(bytes: Buffer, { reusedGeneration }: RevokeInput, now: number): boolean {
  if (reusedGeneration === undefined) return true;
  const record = readRecord(bytes);
  if (record === null) return false;
  const graceUntil = record.rotation?.graceUntil ?? 0;
  return reusedGeneration < record.generation && reusedGeneration >= record.floor && now > graceUntil;
}

function withElevation(bytes: Buffer, input: ElevateInput, now: number): Buffer {
  const out = withToken(withRotation(bytes, null), input.generation, input.tokenHash);
  out.writeUInt8((out[OFFSET.flags] ?? 0) & ~FLAG.locked, OFFSET.flags);
  out.writeUInt8(input.aal, OFFSET.aal);
  out.writeUIntBE(input.generation, OFFSET.floor, 3);
  out.writeUIntBE(now, OFFSET.lastSeenAt, 6);
  out.writeUIntBE(now + input.absoluteMs, OFFSET.absoluteExpiresAt, 6);
  out.writeUIntBE(now, OFFSET.authenticatedAt, 6);
  return out;
}

function hasToken(record: SessionRecord, generation: number, hash: Buffer): boolean {
  return record.generation === generation && record.tokenHash.equals(hash);
}

function stale(record: Buffer): Stale {
  return { status: "stale", record };
}

function unchanged<Outcome>(outcome: Outcome): Step<Outcome> {
  return { outcome, write: null };
}

/** Sessions end, one by one. */

import fc from "fast-check";
import type { RevokeInput, RevokeOutcome } from "../../../src/store/store.ts";
import type { Answer, Model, ModelSession } from "../model.ts";
import { type Family, onSession, rarely } from "../plan.ts";
import { viewOfRecord, viewOfSession } from "../view.ts";
import { fenceOf } from "../write.ts";

const shape = fc.record({
  reason: fc.constantFrom("logout", "stolen"),
  actor: fc.constantFrom(null, "admin"),
  /** Behind the stored revision by so many; absent: no record is asked for. */
  behind: fc.constantFrom(null, null, 0, 1),
  reused: rarely(4),
});

export const revoke: Family = {
  weight: 3,
  plan: onSession(shape, (world, session, { reason, actor, behind, reused }, call) => {
    const { generation, revision } = world.asKnown(session);
    const knownRevision = behind === null ? undefined : Math.max(0, revision - behind);
    const input: RevokeInput = {
      id: session.id,
      reason,
      actor,
      ...(knownRevision === undefined ? {} : { knownRevision }),
      ...(reused ? { reusedGeneration: Math.max(0, generation - 1) } : {}),
    };
    const text = `revoke ${session.name}${reused ? `, reused generation ${input.reusedGeneration ?? ""}` : ""}`;
    return {
      text,
      call,
      session,
      needsOperationIds: knownRevision !== undefined,
      endedBy: ({ ended }) => (ended === true ? [session.id] : []),
      send: (store) => store.revoke(input, call),
      view: (answer) => viewOfEnding(answer as RevokeOutcome),
      *messages(model, traits) {
        const { notAfter, keptMs } = fenceOf(call, model, traits);
        const operation = call.operationId ?? `own-${world.serial()}`;
        return yield {
          text,
          notAfter,
          recall: (now) => (traits.operationIds ? now.remembered(operation) : undefined),
          apply(now) {
            const answer = revokeIn(now, input);
            if (answer["record"] !== null) now.remember(operation, answer, keptMs);
            return answer;
          },
        };
      },
    };
  }),
};

function viewOfEnding({ ended, record }: RevokeOutcome): Answer {
  return { ended, record: record === null ? null : viewOfRecord(record) };
}

function revokeIn(model: Model, input: RevokeInput): Answer {
  const session = model.stored(input.id);
  if (session === null) return { ended: model.tombstone(input.id) !== null, record: null };
  if (!mayEnd(session, input, model.now)) return { ended: false, record: null };
  model.end(session, input);
  const known = input.knownRevision === undefined || input.knownRevision === session.revision;
  return { ended: true, record: known ? null : viewOfSession(session) };
}

function mayEnd(session: ModelSession, { reusedGeneration }: RevokeInput, now: number): boolean {
  if (reusedGeneration === undefined) return true;
  const older = reusedGeneration < session.generation && reusedGeneration >= session.floor;
  return older && now > (session.rotation?.graceUntil ?? 0);
}

/** Tokens are renewed in two phases. */

import fc from "fast-check";
import type { ConfirmInput, ConfirmOutcome, RotateInput, RotateOutcome } from "../../../src/store/store.ts";
import { between } from "../grid.ts";
import { type Answer, type Model, type ModelSession, NO_WRAP } from "../model.ts";
import { type Family, onSession, rarely } from "../plan.ts";
import { goneIn, viewOfGone, viewOfRecord, viewOfSession } from "../view.ts";
import type { KnownSession, KnownToken } from "../world.ts";
import { fenceOf } from "../write.ts";

/** Mostly the token that was made last, sometimes one before it. */
const whichToken = fc.constantFrom(0, 0, 0, 1, 2);

function tokenOf(session: KnownSession, back: number): KnownToken {
  const token = session.tokens.at(-1 - (back % session.tokens.length));
  if (token === undefined) throw new Error(`${session.name} has no token`);
  return token;
}

export const rotate: Family = {
  weight: 5,
  plan: onSession(
    fc.record({ known: fc.constantFrom(true, true, true, false), back: whichToken, replace: rarely(5) }),
    (world, session, { known, back, replace }, call) => {
      const { generation, tokenHash } = world.asKnown(session);
      const token = known ? { generation, hash: tokenHash } : tokenOf(session, back);
      const successor = world.bytes(16);
      const input: RotateInput = {
        id: session.id,
        generation: token.generation,
        tokenHash: Buffer.from(token.hash, "hex"),
        successorHash: successor,
        wrap: world.bytes(32),
        wrapKeyId: world.serial(),
        // Pending, replaced since, or current by now.
        replaces: replace ? Buffer.from(tokenOf(session, 0).hash, "hex") : null,
      };
      session.tokens.push({ generation: token.generation + 1, hash: successor.toString("hex") });
      const text = `rotate ${session.name} from generation ${token.generation}${replace ? ", replacing" : ""}`;
      return {
        text,
        call,
        session,
        needsOperationIds: false,
        send: (store) => store.rotate(input, call),
        view: (answer) => viewOfTokens(answer as RotateOutcome),
        *messages(model, traits) {
          return yield { text, notAfter: fenceOf(call, model, traits).notAfter, apply: (now) => rotateIn(now, input) };
        },
      };
    },
  ),
};

export const confirm: Family = {
  weight: 5,
  plan: onSession(fc.record({ back: whichToken, heal: rarely(5) }), (_, session, { back, heal }, call) => {
    const token = tokenOf(session, back);
    const input: ConfirmInput = {
      id: session.id,
      generation: token.generation,
      tokenHash: Buffer.from(token.hash, "hex"),
      graceMs: between(1),
      heal,
    };
    const text = `confirm ${session.name} generation ${token.generation}${heal ? ", healing" : ""}`;
    return {
      text,
      call,
      session,
      needsOperationIds: false,
      send: (store) => store.confirm(input, call),
      view: (answer) => viewOfTokens(answer as ConfirmOutcome),
      *messages(model, traits) {
        return yield { text, notAfter: fenceOf(call, model, traits).notAfter, apply: (now) => confirmIn(now, input) };
      },
    };
  }),
};

/** An outcome that holds a record, or that the session is gone. */
export function viewOfTokens(outcome: RotateOutcome | ConfirmOutcome | { status: string; record: Buffer }): Answer {
  if (!("record" in outcome)) return viewOfGone(outcome.tombstone);
  return { status: outcome.status, record: viewOfRecord(outcome.record) };
}

export function hasToken(session: ModelSession, generation: number, hash: Buffer): boolean {
  return session.generation === generation && session.tokenHash === hash.toString("hex");
}

function rotateIn(model: Model, input: RotateInput): Answer {
  const session = model.live(input.id);
  if (session === null) return goneIn(model, input.id);
  if (!hasToken(session, input.generation, input.tokenHash)) return { status: "stale", record: viewOfSession(session) };
  const pending = session.rotation?.state === "pending" ? session.rotation.otherHash : null;
  if (pending !== null && pending !== input.replaces?.toString("hex")) {
    return { status: "pending", record: viewOfSession(session) };
  }
  const rotated: ModelSession = {
    ...session,
    rotation: {
      state: "pending",
      graceUntil: session.rotation?.graceUntil ?? 0,
      since: model.now,
      otherHash: input.successorHash.toString("hex"),
      wrap: input.wrap.toString("hex"),
      wrapKeyId: input.wrapKeyId,
    },
  };
  model.put(rotated);
  return { status: "pending", record: viewOfSession(rotated) };
}

function confirmIn(model: Model, input: ConfirmInput): Answer {
  const session = model.live(input.id);
  if (session === null) return goneIn(model, input.id);
  const hash = input.tokenHash.toString("hex");
  if (hasToken(session, input.generation, input.tokenHash)) {
    return { status: "confirmed", record: viewOfSession(session) };
  }
  const { rotation } = session;
  const pending = rotation?.state === "pending" && rotation.otherHash === hash ? rotation : null;
  if (input.generation !== session.generation + 1 || (pending === null && !input.heal)) {
    return { status: "stale", record: viewOfSession(session) };
  }
  const confirmed: ModelSession = {
    ...session,
    generation: input.generation,
    tokenHash: hash,
    rotation: {
      state: "confirmed",
      graceUntil: model.now + input.graceMs,
      since: pending?.since ?? model.now,
      otherHash: session.tokenHash,
      wrap: pending?.wrap ?? NO_WRAP,
      wrapKeyId: pending?.wrapKeyId ?? 0,
    },
  };
  model.put(confirmed);
  return { status: "confirmed", record: viewOfSession(confirmed) };
}

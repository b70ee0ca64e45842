/** Who a session belongs to is proved again, and what is known about it changes: elevate and amend. */

import fc from "fast-check";
import { encodeMetadata } from "../../../src/data/metadata.ts";
import type { AmendInput, AmendOutcome, ElevateInput, ElevateOutcome } from "../../../src/store/store.ts";
import { between } from "../grid.ts";
import { type Answer, type Model, type ModelSession, withoutStaleWrap } from "../model.ts";
import { type Family, onSession, oftenTrue } from "../plan.ts";
import { goneIn, viewOfSession } from "../view.ts";
import { fenceOf } from "../write.ts";
import { hasToken, viewOfTokens } from "./renewal.ts";

const METADATA = ["web-1", "web-2", "web-3"].map((serverId) => encodeMetadata({ policy: "model", serverId }));
const metadata = fc.constantFrom(...METADATA);

export const elevate: Family = {
  weight: 3,
  plan: onSession(
    fc.record({ metadata, knowsToken: oftenTrue(4), knowsMetadata: oftenTrue(4), steps: fc.constantFrom(8, 40) }),
    (world, session, { metadata: wanted, knowsToken, knowsMetadata, steps }, call) => {
      const known = world.asKnown(session);
      const hash = world.bytes(16);
      const input: ElevateInput = {
        id: session.id,
        expected: {
          generation: known.generation,
          tokenHash: knowsToken ? Buffer.from(known.tokenHash, "hex") : world.bytes(16),
          metadata: knowsMetadata ? Buffer.from(known.metadata) : Buffer.from("{}"),
        },
        generation: known.generation + 2,
        tokenHash: hash,
        metadata: wanted,
        aal: 2,
        absoluteMs: between(steps),
      };
      session.tokens.push({ generation: input.generation, hash: hash.toString("hex") });
      const text = `elevate ${session.name} to generation ${input.generation}`;
      return {
        text,
        call,
        session,
        needsOperationIds: false,
        send: (store) => store.elevate(input, call),
        view: (answer) => viewOfTokens(answer as ElevateOutcome),
        *messages(model, traits) {
          return yield { text, notAfter: fenceOf(call, model, traits).notAfter, apply: (now) => elevateIn(now, input) };
        },
      };
    },
  ),
};

function elevateIn(model: Model, input: ElevateInput): Answer {
  const session = model.live(input.id);
  if (session === null) return goneIn(model, input.id);
  const { expected } = input;
  if (hasToken(session, input.generation, input.tokenHash)) {
    return { status: "elevated", record: viewOfSession(session) };
  }
  const asExpected = hasToken(session, expected.generation, expected.tokenHash);
  if (!asExpected || session.metadata !== expected.metadata.toString()) {
    return { status: "stale", record: viewOfSession(session) };
  }
  const elevated: ModelSession = {
    ...session,
    generation: input.generation,
    floor: input.generation,
    tokenHash: input.tokenHash.toString("hex"),
    metadata: input.metadata.toString(),
    rotation: null,
    locked: false,
    aal: input.aal,
    lastSeenAt: model.now,
    authenticatedAt: model.now,
    absoluteExpiresAt: model.now + input.absoluteMs,
  };
  model.put(elevated);
  return { status: "elevated", record: viewOfSession(elevated) };
}

export const amend: Family = {
  weight: 3,
  plan: onSession(
    fc.record({
      metadata: fc.option(metadata, { freq: 2 }),
      knows: oftenTrue(4),
      locked: fc.constantFrom(true, false, undefined),
    }),
    (world, session, { metadata: wanted, knows, locked }, call) => {
      const input: AmendInput = {
        id: session.id,
        expected: Buffer.from(knows ? world.asKnown(session).metadata : "{}"),
        metadata: wanted ?? Buffer.from(world.asKnown(session).metadata),
        ...(locked === undefined ? {} : { locked }),
      };
      const text = `amend ${session.name}${locked === undefined ? "" : `, ${locked ? "lock" : "unlock"}`}`;
      return {
        text,
        call,
        session,
        needsOperationIds: true,
        send: (store) => store.amend(input, call),
        view: (answer) => viewOfTokens(answer as AmendOutcome),
        *messages(model, traits) {
          const { notAfter, keptMs } = fenceOf(call, model, traits);
          const operation = call.operationId ?? `own-${world.serial()}`;
          return yield {
            text,
            notAfter,
            recall: (now) =>
              traits.operationIds && now.remembered(operation) ? amendedIn(now, session.id) : undefined,
            apply(now) {
              const before = now.stored(session.id);
              const answer = amendIn(now, input);
              if (now.stored(session.id) !== before) now.remember(operation, answer, keptMs);
              return answer;
            },
          };
        },
      };
    },
  ),
};

/** What was done is not done again, whatever was changed in between. */
function amendedIn(model: Model, id: string): Answer {
  const session = model.live(id);
  return session === null ? goneIn(model, id) : { status: "amended", record: viewOfSession(session) };
}

function amendIn(model: Model, input: AmendInput): Answer {
  const session = model.live(input.id);
  if (session === null) return goneIn(model, input.id);
  const { locked = session.locked } = input;
  const wanted = input.metadata.toString();
  if (session.metadata === wanted && session.locked === locked) {
    return { status: "amended", record: viewOfSession(session) };
  }
  if (session.metadata !== input.expected.toString()) return { status: "stale", record: viewOfSession(session) };
  const amended = { ...withoutStaleWrap(session, model.now), metadata: wanted, locked };
  model.put(amended);
  return { status: "amended", record: viewOfSession(amended) };
}

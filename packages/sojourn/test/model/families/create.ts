/** Sessions begin. */

import fc from "fast-check";
import { encodeMetadata } from "../../../src/data/metadata.ts";
import { encodeRecord } from "../../../src/data/record.ts";
import type { CreateOutcome, NewSession } from "../../../src/store/store.ts";
import { userHashIn } from "../../../src/store/placement.ts";
import { between } from "../grid.ts";
import type { Answer, ModelSession } from "../model.ts";
import { callOf, envelope, type Family, rarely } from "../plan.ts";
import { viewOfGone } from "../view.ts";
import { type KnownSession, USERS, type World } from "../world.ts";
import { fenceOf, type Write } from "../write.ts";

interface Shape {
  readonly user: (typeof USERS)[number] | null;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly locked: boolean;
  readonly value: string | null;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  user: fc.option(fc.constantFrom(...USERS), { freq: 6 }),
  idleMs: fc.constantFrom(between(4), between(30)),
  absoluteMs: fc.constantFrom(between(20), between(60)),
  locked: rarely(8),
  value: fc.option(fc.constantFrom("1", '"x"'), { freq: 2 }),
});

export const create: Family = {
  weight: 6,
  plan: fc.tuple(shape, envelope).map(([wanted, sealed]) => ({
    isPossible: () => true,
    make: (world) => creation(world, wanted, callOf(world, sealed)),
  })),
};

function creation(world: World, wanted: Shape, call: Write["call"]): Write {
  const initial = newSession(world, wanted);
  const { user, id } = initial;
  const known: KnownSession = {
    name: `s${world.sessions.length + 1}`,
    id,
    userKey: user === null ? null : world.userKey(user),
    initial,
    tokens: [{ generation: 0, hash: initial.tokenHash }],
  };
  world.sessions.push(known);
  const session: NewSession = { id, userKey: known.userKey, record: recordOf(initial, known.userKey) };
  const text = `create ${known.name} of ${user ?? "nobody"}`;
  return {
    text,
    call,
    session: known,
    needsOperationIds: false,
    send: (store) => store.create(session, call),
    view: (answer) => viewOfCreation(answer as CreateOutcome),
    *messages(model, traits) {
      const { notAfter } = fenceOf(call, model, traits);
      return yield {
        text,
        notAfter,
        apply(now) {
          const tombstone = now.tombstone(id);
          if (tombstone !== null) return viewOfGone(tombstone);
          const stored = now.stored(id);
          if (stored !== null) return { status: "created", stamped: stored.epoch > 0 };
          const epoch = user === null ? 0 : now.epochOf(user);
          now.begin({ ...initial, epoch });
          return { status: "created", stamped: epoch > 0 };
        },
      };
    },
  };
}

function viewOfCreation(outcome: CreateOutcome): Answer {
  if (outcome.status === "created") return { status: "created", stamped: outcome.userEpoch > 0 };
  return outcome.status === "gone" ? viewOfGone(outcome.tombstone) : { ...outcome };
}

function newSession(world: World, { user, idleMs, absoluteMs, locked, value }: Shape): ModelSession {
  const { now } = world.model;
  return {
    id: world.newId(user),
    user,
    epoch: 0,
    revision: 0,
    generation: 0,
    floor: 0,
    aal: 1,
    confirmed: false,
    locked,
    createdAt: now,
    lastSeenAt: now,
    absoluteExpiresAt: now + absoluteMs,
    idleMs,
    authenticatedAt: now,
    tokenHash: world.bytes(16).toString("hex"),
    rotation: null,
    metadata: encodeMetadata({ policy: "model" }).toString(),
    fields: new Map(value === null ? [] : [["a", value]]),
  };
}

function recordOf(session: ModelSession, userKey: string | null): Buffer {
  return encodeRecord({
    header: { ...session, userEpoch: 0, tokenHash: Buffer.from(session.tokenHash, "hex") },
    user: session.user === null || userKey === null ? null : { id: session.user, hash: userHashIn(userKey) },
    rotation: null,
    metadata: { policy: "model" },
    fields: [...session.fields].map(([name, json]) => ({ name, encrypted: false, bytes: Buffer.from(json) })),
  });
}

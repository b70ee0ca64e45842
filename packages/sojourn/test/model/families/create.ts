/** Sessions begin: within a limit of their user's, in place of another one. */

import fc from "fast-check";
import { encodeMetadata } from "../../../src/data/metadata.ts";
import { encodeRecord } from "../../../src/data/record.ts";
import type { CreateOutcome, NewSession, SessionLimit } from "../../../src/store/store.ts";
import { userHashIn } from "../../../src/store/placement.ts";
import { between } from "../grid.ts";
import type { Answer, Model, ModelSession } from "../model.ts";
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
  readonly limit: SessionLimit | null;
  /** Which of the user's latest sessions it takes the place of. */
  readonly replaced: number | null;
}

const limit: fc.Arbitrary<SessionLimit> = fc.record({
  perUser: fc.constantFrom(1, 2, 3),
  onExceed: fc.constantFrom("evictOldest", "evictOldest", "reject"),
  confirmGraceMs: fc.constantFrom(between(0), between(3)),
});

const shape: fc.Arbitrary<Shape> = fc.record({
  user: fc.option(fc.constantFrom(...USERS), { freq: 6 }),
  idleMs: fc.constantFrom(between(4), between(30)),
  absoluteMs: fc.constantFrom(between(20), between(60)),
  locked: rarely(8),
  value: fc.option(fc.constantFrom("1", '"x"'), { freq: 2 }),
  limit: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: limit }),
  replaced: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(3) }),
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
  const replaced = replacedBy(world, wanted);
  const known: KnownSession = {
    name: `s${world.sessions.length + 1}`,
    id,
    userKey: user === null ? null : world.userKey(user),
    initial,
    tokens: [{ generation: 0, hash: initial.tokenHash }],
  };
  world.sessions.push(known);
  const session: NewSession = {
    id,
    userKey: known.userKey,
    record: recordOf(initial, known.userKey),
    ...(wanted.limit === null || user === null ? {} : { limit: wanted.limit }),
    ...(replaced === null ? {} : { replaces: { id: replaced.id, reason: "replaced", actor: null } }),
  };
  // Of one that nobody knows yet nothing is left that could tell of its end.
  const ended = replaced === null || world.model.stored(replaced.id) === null ? [] : [replaced.id];
  const text = textOf(known.name, session, user, replaced);
  return {
    text,
    call,
    session: known,
    needsOperationIds: false,
    endedBy: ({ status }) => (status === "created" ? ended : []),
    send: (store) => store.create(session, call),
    view: (answer) => viewOfCreation(answer as CreateOutcome),
    *messages(model, traits) {
      return yield {
        text,
        notAfter: fenceOf(call, model, traits).notAfter,
        apply: (now) => createIn(now, initial, session),
      };
    },
  };
}

/** In the bucket of the new one are the sessions of its user. */
function replacedBy(world: World, { user, replaced }: Shape): KnownSession | null {
  const own = user === null ? [] : world.sessions.filter(({ initial }) => initial.user === user).slice(-4);
  return replaced === null ? null : (own[replaced % own.length] ?? null);
}

function textOf(name: string, { limit: most }: NewSession, user: string | null, replaced: KnownSession | null): string {
  const limited = most === undefined ? "" : `, at most ${most.perUser}, ${most.onExceed}`;
  return `create ${name} of ${user ?? "nobody"}${limited}${replaced === null ? "" : `, in place of ${replaced.name}`}`;
}

function createIn(model: Model, initial: ModelSession, { limit: most, replaces }: NewSession): Answer {
  const tombstone = model.endingOf(initial);
  if (tombstone !== null) return viewOfGone(tombstone);
  const stored = model.stored(initial.id);
  if (stored !== null) return { status: "created", stamped: stored.epoch > 0 };
  if (initial.user !== null && model.isDisabled(initial.user)) return { status: "disabled" };
  const epoch = initial.user === null ? 0 : model.epochOf(initial.user);
  if (most !== undefined) {
    const others = model.allLive().filter(({ user, id }) => user === initial.user && id !== replaces?.id);
    const counting = others.filter((other) => counts(model, other, epoch, most));
    if (most.onExceed === "reject" && counting.length >= most.perUser) {
      return { status: "limited", count: counting.length };
    }
    const order = others.toSorted((a, b) => rank(a, counting) - rank(b, counting) || seenEarlier(a, b));
    for (const victim of order.slice(0, Math.max(0, others.length - (most.perUser - 1)))) {
      model.end(victim, { reason: "evicted", actor: null });
    }
  }
  const replaced = replaces === undefined ? null : model.stored(replaces.id);
  if (replaced !== null && replaces !== undefined) model.end(replaced, replaces);
  model.begin({ ...initial, epoch });
  return { status: "created", stamped: epoch > 0 };
}

function counts(model: Model, session: ModelSession, epoch: number, { confirmGraceMs }: SessionLimit): boolean {
  const cameBack = session.confirmed || model.now - session.createdAt < confirmGraceMs;
  return session.epoch >= epoch && cameBack;
}

/** Those that do not count go first. */
function rank(session: ModelSession, counting: readonly ModelSession[]): number {
  return counting.includes(session) ? 1 : 0;
}

function seenEarlier(a: ModelSession, b: ModelSession): number {
  return a.lastSeenAt - b.lastSeenAt || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
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

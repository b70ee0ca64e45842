/** All sessions of a user end: where an engine does it in steps, each step is a message of its own. */

import fc from "fast-check";
import type { RevokeUserInput } from "../../../src/store/store.ts";
import { between } from "../grid.ts";
import type { Answer, Model } from "../model.ts";
import { type Family, onSession } from "../plan.ts";
import { type KnownSession, USERS, type World } from "../world.ts";
import { fenceOf, type Message, type Traits, type Write } from "../write.ts";

/** Longer than any run. */
const EPOCH_KEPT_MS = between(100_000);

interface Shape {
  /** Whose sessions: those of the user of one of the latest sessions. */
  readonly choice: number;
  /** Which of them stays. */
  readonly exception: number | null;
}

const shape: fc.Arbitrary<Shape> = fc.record({ choice: fc.nat(7), exception: fc.option(fc.nat(3), { freq: 2 }) });

export const revokeUser: Family = {
  weight: 4,
  alone: true,
  plan: onSession(shape, (world, session, { choice, exception }, call) => {
    const user = session.initial.user ?? USERS[choice % USERS.length] ?? "ada";
    const own = world.sessions.filter(({ initial }) => initial.user === user).slice(-3);
    const except = exception === null ? undefined : own[exception % own.length];
    return ending(world, user, except, call);
  }),
};

function ending(world: World, user: string, except: KnownSession | undefined, call: Write["call"]): Write {
  const input: RevokeUserInput = {
    userKey: world.userKey(user),
    except: except?.id ?? null,
    reason: "all out",
    actor: null,
    epochKeptMs: EPOCH_KEPT_MS,
  };
  const text = `revokeUser ${user}${except === undefined ? "" : ` except ${except.name}`}`;
  const before = world.model.allStored().filter((session) => session.user === user && session.id !== input.except);
  return {
    text,
    call,
    session: null,
    needsOperationIds: true,
    inSteps: true,
    endedBy: () => before.map(({ id }) => id),
    send: (store) => store.revokeUser(input, call),
    view: (answer) => ({ ...(answer as { ended: number }) }),
    messages: (model, traits) => {
      const step = { text, user, input, operation: call.operationId ?? `own-${world.serial()}` };
      return traits.revokesInSteps ? inSteps(step, call, model, world) : atOnce(step, call, model, traits);
    },
  };
}

interface Step {
  readonly text: string;
  readonly user: string;
  readonly input: RevokeUserInput;
  readonly operation: string;
}

function* atOnce(step: Step, call: Write["call"], model: Model, traits: Traits): Generator<Message, Answer, Answer> {
  return yield {
    text: step.text,
    notAfter: fenceOf(call, model, traits).notAfter,
    apply(now) {
      const epoch = raise(now, step);
      return { ended: endOlder(now, step, epoch, idsOf(now, step.user)) };
    },
  };
}

function* inSteps(step: Step, call: Write["call"], model: Model, world: World): Generator<Message, Answer, Answer> {
  const { notAfter, keptMs } = fenceOf(call, model, world.traits);
  const { epoch, ended } = yield {
    text: `${step.text}: raise the epoch`,
    notAfter,
    recall: (now) => now.remembered(step.operation),
    apply(now) {
      // Live sessions that the operation has ended so far: none.
      const raised = { epoch: raise(now, step), ended: 0 };
      now.remember(step.operation, raised, keptMs);
      return raised;
    },
  };
  const ids = idsOf(model, step.user);
  // An engine may leave the second message out when there is nothing to end; it need not.
  if (ids.length === 0 && world.messages < 2) return { ended };
  const own = fenceOf({}, model, world.traits);
  return yield {
    text: `${step.text}: end what is older`,
    notAfter: own.notAfter,
    apply(now) {
      const before = Math.max(Number(ended), Number(now.remembered(step.operation)?.["ended"] ?? 0));
      const live = endOlder(now, step, Number(epoch), ids);
      if (live > 0) now.remember(step.operation, { epoch, ended: before + live }, own.keptMs);
      return { ended: before + live };
    },
  };
}

function idsOf(model: Model, user: string): string[] {
  return model.allStored().flatMap((session) => (session.user === user ? [session.id] : []));
}

/** What an earlier operation has begun to end is no exception any more. */
function raise(model: Model, { user, input }: Step): number {
  const before = model.epochOf(user);
  const epoch = model.raiseEpoch(user);
  const kept = input.except === null ? null : model.stored(input.except);
  if (kept?.user === user && kept.epoch >= before) model.put({ ...kept, epoch });
  return epoch;
}

/** Answers how many of them were live. */
function endOlder(model: Model, { input }: Step, epoch: number, ids: readonly string[]): number {
  let live = 0;
  for (const id of ids) {
    const session = model.stored(id);
    if (session === null || session.epoch >= epoch) continue;
    if (model.live(id) !== null) live += 1;
    model.end(session, input);
  }
  return live;
}

/** Activity is noted: that there was some, and what. */

import fc from "fast-check";
import type { ActivityInput, ActivityOutcome, TouchInput, TouchOutcome } from "../../../src/store/store.ts";
import { between, moment } from "../grid.ts";
import { type Answer, type Model, withoutStaleWrap } from "../model.ts";
import { type Family, onSession, rarely } from "../plan.ts";
import { goneIn, viewOfGone } from "../view.ts";
import { fenceOf } from "../write.ts";

const shape = fc.record({
  minIntervalMs: fc.constantFrom(0, 0, between(0), between(2)),
  confirm: rarely(3),
  confirmedIdleMs: fc.option(fc.constantFrom(between(4), between(10)), { freq: 2 }),
});

export const touch: Family = {
  weight: 6,
  plan: onSession(shape, (_, session, { minIntervalMs, confirm, confirmedIdleMs }, call) => {
    const { id, name } = session;
    const input: TouchInput = {
      id,
      minIntervalMs,
      confirm,
      ...(confirmedIdleMs === null ? {} : { confirmedIdleMs }),
    };
    const text = `touch ${name} after ${minIntervalMs / 1000} s${confirm ? ", confirmed" : ""}`;
    return {
      text,
      call,
      session,
      needsOperationIds: false,
      send: (store) => store.touch(input, call),
      view: (answer) => viewOfTouch(answer as TouchOutcome),
      *messages(model, traits) {
        return yield { text, notAfter: fenceOf(call, model, traits).notAfter, apply: (now) => touchIn(now, input) };
      },
    };
  }),
};

function viewOfTouch(outcome: TouchOutcome): Answer {
  if (outcome.status === "gone") return viewOfGone(outcome.tombstone);
  return { status: outcome.status, lastSeenAt: moment(outcome.lastSeenAt) };
}

function touchIn(model: Model, { id, minIntervalMs, confirm, confirmedIdleMs }: TouchInput): Answer {
  const session = model.live(id);
  if (session === null) return goneIn(model, id);
  const confirms = confirm && !session.confirmed;
  if (model.now - session.lastSeenAt < minIntervalMs && !confirms) {
    return { status: "touched", lastSeenAt: moment(session.lastSeenAt) };
  }
  model.put({
    ...withoutStaleWrap(session, model.now),
    lastSeenAt: model.now,
    confirmed: session.confirmed || confirms,
    idleMs: confirms ? Math.max(confirmedIdleMs ?? 0, session.idleMs) : session.idleMs,
  });
  return { status: "touched", lastSeenAt: moment(model.now) };
}

/** Longer than any run. */
const ACTIVITY_KEPT_MS = between(5_000);
const MOST_ACTIVITIES = 3;

export const recordActivity: Family = {
  weight: 3,
  alone: true,
  plan: onSession(fc.boolean(), (world, session, afterEnding, call) => {
    const entry = `activity ${world.serial()}`;
    const { id, name } = session;
    const input: ActivityInput = {
      id,
      entry,
      maxEntries: MOST_ACTIVITIES,
      keptMs: ACTIVITY_KEPT_MS,
      afterEnding,
    };
    const text = `record ${entry} of ${name}${afterEnding ? ", also when it has ended" : ""}`;
    return {
      text,
      call,
      session,
      needsOperationIds: false,
      send: (store) => store.recordActivity(input, call),
      view: (answer) => viewOfRecorded(answer as ActivityOutcome),
      *messages(model, traits) {
        return yield { text, notAfter: fenceOf(call, model, traits).notAfter, apply: (now) => recordIn(now, input) };
      },
    };
  }),
};

function viewOfRecorded(outcome: ActivityOutcome): Answer {
  return outcome.status === "gone" ? viewOfGone(outcome.tombstone) : { status: outcome.status };
}

function recordIn(model: Model, { id, entry, maxEntries, afterEnding }: ActivityInput): Answer {
  const ended = afterEnding && model.stored(id) === null && model.tombstone(id) !== null;
  if (model.live(id) === null && !ended) return goneIn(model, id);
  model.addActivity(id, entry, maxEntries);
  return { status: "recorded" };
}

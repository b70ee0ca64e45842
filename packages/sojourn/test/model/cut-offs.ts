/** All sessions end that began before a time: `revokeBefore`, which waits for other processes to know of it. */

import fc from "fast-check";
import type { RevokeBeforeInput } from "../../src/store/store.ts";
import type { Which } from "./act.ts";
import { between, STEP_MS } from "./grid.ts";
import { Step } from "./steps.ts";
import type { Subject } from "./subject.ts";
import { requireSame } from "./violation.ts";
import type { World } from "./world.ts";

/** Longer than any run. */
const KEPT_MS = between(100_000);
const ENDING = { reason: "key leak", actor: "ops" } as const;

/** How many steps before now, or what is still to come. */
const reach = fc.constantFrom(0, 0, 1, 3, null);
/** Of every policy, mostly; no session has the other one. */
const policy = fc.constantFrom(null, null, null, "another");

export const revokeBefore = fc.tuple(reach, policy, fc.constantFrom<Which>(0, 1)).map(
  ([steps, of, via]) =>
    new Step(async (world, subject, say) => {
      const before = steps === null ? Number.MAX_SAFE_INTEGER : world.model.now - steps * STEP_MS;
      say(`revokeBefore ${steps === null ? "now" : `${steps} steps ago`}${of === null ? "" : " of another policy"}`);
      await check(world, subject, via, { policy: of, before, ...ENDING, keptMs: KEPT_MS });
    }),
);

/** @throws Violation */
async function check(world: World, subject: Subject, via: Which, input: RevokeBeforeInput): Promise<void> {
  const { model } = world;
  const { ended } = await subject.waitingFor(subject.stores[via].revokeBefore(input));
  const before = input.policy === null ? Math.min(input.before, model.now + 1) : 0;
  const earlier = model.allLive().filter(({ createdAt }) => createdAt < before);
  model.cutOff(before, input);
  for (const session of earlier) model.end(session, input);
  requireSame("revokeBefore", ended, earlier.length);
  world.ledger.noteEnded(earlier.map(({ id }) => id));
  // What begins after the answer begins later: a clock that did not move meanwhile would make it as early.
  if (input.before > model.now && subject.clock.now() === model.now) await subject.step(1);
  model.now = subject.clock.now();
}

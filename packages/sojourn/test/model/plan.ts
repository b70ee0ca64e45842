/** Plans: what fast-check makes up before anything runs. A plan becomes a write when its turn comes, from what is known then. */

import fc from "fast-check";
import type { WriteCall } from "../../src/store/store.ts";
import { between } from "./grid.ts";
import type { KnownSession, World } from "./world.ts";
import type { Write } from "./write.ts";

export interface Plan {
  isPossible(world: World): boolean;
  make(world: World): Write;
}

export interface Family {
  readonly weight: number;
  /** Not among writes at once: it is several messages, or its effect shows in no answer and in no session. */
  readonly alone?: true;
  readonly plan: fc.Arbitrary<Plan>;
}

/** How a call is fenced and named. */
export interface Envelope {
  /** Milliseconds from now on; absent: the engine's own fence. */
  readonly fenceMs: number | undefined;
  readonly named: boolean;
}

export const envelope: fc.Arbitrary<Envelope> = fc.record({
  fenceMs: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 3, arbitrary: fc.constant(between(0)) },
    { weight: 3, arbitrary: fc.constant(between(2)) },
    { weight: 1, arbitrary: fc.constant(-between(0)) },
  ),
  named: fc.boolean(),
});

export function callOf(world: World, { fenceMs, named }: Envelope): WriteCall {
  return {
    ...(fenceMs === undefined ? {} : { notAfter: world.model.now + fenceMs }),
    ...(named ? { operationId: `operation-${world.serial()}` } : {}),
  };
}

/** For `World.pick`. */
export const anySession = fc.nat(19);

/** A plan for one of the latest sessions. */
export function onSession<T>(
  details: fc.Arbitrary<T>,
  make: (world: World, session: KnownSession, details: T, call: WriteCall) => Write,
): fc.Arbitrary<Plan> {
  return fc.tuple(anySession, details, envelope).map(([choice, chosen, sealed]) => ({
    isPossible: (world) => world.sessions.length > 0,
    make: (world) => make(world, world.pick(choice), chosen, callOf(world, sealed)),
  }));
}

export function oftenTrue(weight: number): fc.Arbitrary<boolean> {
  return fc.oneof({ weight, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });
}

export function rarely(weight: number): fc.Arbitrary<boolean> {
  return oftenTrue(weight).map((often) => !often);
}

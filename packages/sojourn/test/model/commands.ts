/** The commands that fast-check puts together, runs and shrinks, and how often each comes. */

import fc from "fast-check";
import type { Command, Which } from "./act.ts";
import { recordActivity, touch } from "./families/activity.ts";
import { create } from "./families/create.ts";
import { disableUser } from "./families/disabling.ts";
import { count, patch } from "./families/data.ts";
import { revoke } from "./families/endings.ts";
import { amend, elevate } from "./families/identity.ts";
import { confirm, rotate } from "./families/renewal.ts";
import { revokeUser } from "./families/user-endings.ts";
import type { Fault, FaultKind } from "./network.ts";
import type { Family, Plan } from "./plan.ts";
import { revokeBefore } from "./cut-offs.ts";
import { activities, advance, counts, expire, forget, list, read, restart } from "./steps.ts";
import { Together } from "./together.ts";
import { Deliver, Resend, WriteOnce } from "./writing.ts";

const FAMILIES: readonly Family[] = [
  create,
  patch,
  count,
  touch,
  recordActivity,
  rotate,
  confirm,
  elevate,
  amend,
  revoke,
  revokeUser,
  disableUser,
];

const which = fc.constantFrom<Which>(0, 1);

const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant<FaultKind>("none") },
    { weight: 5, arbitrary: fc.constantFrom<FaultKind>("request lost", "answer lost", "twice", "held", "echoed") },
  ),
  at: fc.constantFrom(0, 1),
});

function oneOf(families: readonly Family[]): fc.Arbitrary<Plan> {
  return fc.oneof(...families.map(({ weight, plan }) => ({ weight, arbitrary: plan })));
}
const anyWrite = oneOf(FAMILIES);
const simpleWrite = oneOf(FAMILIES.filter(({ alone }) => alone !== true));

export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 108,
    arbitrary: fc.tuple(anyWrite, which, fault).map(([plan, via, kind]) => new WriteOnce(plan, via, kind)),
  },
  { weight: 20, arbitrary: fc.tuple(fc.nat(7), which, fault).map(([n, via, kind]) => new Resend(n, via, kind)) },
  { weight: 20, arbitrary: fc.nat(7).map((choice) => new Deliver(choice)) },
  {
    weight: 6,
    arbitrary: fc.array(simpleWrite, { minLength: 2, maxLength: 4, size: "max" }).map((plans) => new Together(plans)),
  },
  { weight: 24, arbitrary: read },
  { weight: 8, arbitrary: list },
  { weight: 4, arbitrary: activities },
  { weight: 3, arbitrary: expire },
  // Redis takes some thousand commands for each.
  { weight: 1, arbitrary: fc.oneof({ weight: 3, arbitrary: counts }, { weight: 1, arbitrary: revokeBefore }) },
  { weight: 24, arbitrary: advance },
  { weight: 2, arbitrary: restart },
  { weight: 2, arbitrary: forget },
);

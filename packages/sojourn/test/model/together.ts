/** Commands at once: what they answer must be explained by one after the other. */

import { inspect, isDeepStrictEqual } from "node:util";
import { Act, type Say } from "./act.ts";
import type { Answer, Model } from "./model.ts";
import { NO_FAULT } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Subject } from "./subject.ts";
import { readIn, viewOfRead } from "./view.ts";
import { Violation } from "./violation.ts";
import type { KnownSession, World } from "./world.ts";
import { LATE, predict, told, type Write } from "./write.ts";
import { summary, textOf } from "./writing.ts";

/** Several writes at once: there must be an order in which the model gives the same answers and leaves the same sessions. */
export class Together extends Act {
  readonly #plans: readonly Plan[];

  constructor(plans: readonly Plan[]) {
    super();
    this.#plans = plans;
  }

  isPossible(world: World): boolean {
    return this.#plans.every((plan) => plan.isPossible(world));
  }

  async act(world: World, subject: Subject, say: Say): Promise<void> {
    const writes = this.#plans.map((plan) => plan.make(world));
    const texts = writes.map((write) => textOf(world, write, NO_FAULT)).join(" | ");
    say(`at once: ${texts}`);
    const answers = await Promise.all(writes.map((write, i) => told(write, subject.stores[i % 2 === 0 ? 0 : 1])));
    say(` → ${answers.map(summary).join(" | ")}`);
    const seen = await Promise.all(
      sessionsAround(world, writes).map(async ({ id }) => ({ id, read: viewOfRead(await subject.stores[0].read(id)) })),
    );
    const orders = permutations(writes.map((_, i) => i));
    const after = orders.map((order) => modelAfter(world, writes, answers, order)).find((model) => agrees(model, seen));
    if (after === undefined || after === null) {
      throw new Violation("writes at once answered what no order of them explains", `${texts}: ${inspect(answers)}`);
    }
    world.model = after;
    for (const [i, write] of writes.entries()) {
      world.ledger.note(write, answers[i] ?? LATE);
      world.remember(write);
    }
  }
}

/** What the writes may have changed: their sessions, and others of the same users, which a limit may have ended. */
function sessionsAround(world: World, writes: readonly Write[]): KnownSession[] {
  const own = new Set(writes.flatMap(({ session }) => session ?? []));
  const users = new Set([...own].flatMap(({ initial }) => initial.user ?? []));
  return world.sessions.filter((each) => own.has(each) || (each.initial.user !== null && users.has(each.initial.user)));
}

/** The model after these writes in this order, or null when it answers anything else. */
function modelAfter(
  world: World,
  writes: readonly Write[],
  answers: readonly Answer[],
  order: readonly number[],
): Model | null {
  const before = world.model;
  const after = before.fork();
  world.model = after;
  const explained = order.every((i) => {
    const write = writes[i];
    return write !== undefined && isDeepStrictEqual(predict(world, write, NO_FAULT), answers[i]);
  });
  world.model = before;
  return explained ? after : null;
}

function agrees(model: Model | null, seen: readonly { readonly id: string; readonly read: Answer }[]): boolean {
  return model !== null && seen.every(({ id, read: was }) => isDeepStrictEqual(was, readIn(model, id)));
}

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) => permutations(items.filter((each) => each !== item)).map((rest) => [item, ...rest]));
}

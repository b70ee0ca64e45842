/** Commands that write: once, once more, and what arrives late. */

import { type Which, Act, type Say } from "./act.ts";
import type { Answer } from "./model.ts";
import { type Fault, NO_FAULT } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Subject } from "./subject.ts";
import { requireSame } from "./violation.ts";
import { MOST_IN_FLIGHT, type World } from "./world.ts";
import { deliver, isFailure, LATE, predict, told, type Write } from "./write.ts";

export class WriteOnce extends Act {
  readonly #plan: Plan;
  readonly #via: Which;
  readonly #fault: Fault;

  constructor(plan: Plan, via: Which, wanted: Fault) {
    super();
    this.#plan = plan;
    this.#via = via;
    this.#fault = wanted;
  }

  isPossible(world: World): boolean {
    return this.#plan.isPossible(world);
  }

  async act(world: World, subject: Subject, say: Say): Promise<void> {
    const write = this.#plan.make(world);
    const met = faultFor(world, write, this.#fault);
    say(textOf(world, write, met));
    await execute(world, subject, write, this.#via, met, say);
  }
}

/** One of the last writes, once more: with the same operation id and the same fence. */
export class Resend extends Act {
  readonly #choice: number;
  readonly #via: Which;
  readonly #fault: Fault;

  constructor(choice: number, via: Which, wanted: Fault) {
    super();
    this.#choice = choice;
    this.#via = via;
    this.#fault = wanted;
  }

  isPossible(world: World): boolean {
    return world.sent.length > 0;
  }

  async act(world: World, subject: Subject, say: Say): Promise<void> {
    const write = world.sent[this.#choice % world.sent.length];
    if (write === undefined) return;
    const met = faultFor(world, write, this.#fault);
    say(`again: ${textOf(world, write, met)}`);
    await execute(world, subject, write, this.#via, met, say);
  }
}

/** A message that was on its way arrives. */
export class Deliver extends Act {
  readonly #choice: number;

  constructor(choice: number) {
    super();
    this.#choice = choice;
  }

  isPossible(world: World): boolean {
    return world.inFlight.length > 0;
  }

  async act(world: World, subject: Subject, say: Say): Promise<void> {
    const at = this.#choice % world.inFlight.length;
    const [message] = world.inFlight.splice(at, 1);
    const [delivery] = subject.network.held.splice(at, 1);
    if (message === undefined || delivery === undefined) throw new Error("model and network differ in what is held");
    say(`arrives: ${message.text}`);
    const late = await delivery();
    say(late ? " → late" : "");
    requireSame(message.text, late, deliver(world.model, message) === LATE);
  }
}

async function execute(world: World, subject: Subject, write: Write, via: Which, met: Fault, say: Say): Promise<void> {
  subject.network.arm(met);
  const answer = await told(write, subject.stores[via]);
  say(` → ${summary(answer)}`);
  world.messages = subject.network.messages;
  subject.network.arm(NO_FAULT);
  const expected = predict(world, write, subject.network.met(met));
  loseTheOldest(world, subject);
  requireSame(write.text, answer, expected);
  world.ledger.note(write, answer);
  world.remember(write);
}

/** What can happen to that write: only some are more than one message, and only some may arrive twice on every engine. */
function faultFor({ traits }: World, write: Write, { kind, at }: Fault): Fault {
  const repeats = kind === "twice" || kind === "echoed";
  if (repeats && write.needsOperationIds && !traits.operationIds) return NO_FAULT;
  const holds = kind === "held" || kind === "echoed";
  if (holds && !traits.holds) return NO_FAULT;
  return { kind, at: write.inSteps === true && traits.revokesInSteps ? at : 0 };
}

function loseTheOldest(world: World, subject: Subject): void {
  while (world.inFlight.length > MOST_IN_FLIGHT) {
    world.inFlight.shift();
    subject.network.held.shift();
  }
}

export function textOf(world: World, { text, call }: Write, { kind, at }: Fault): string {
  const late = call.notAfter !== undefined && call.notAfter < world.model.now ? ", past its fence" : "";
  if (kind === "none") return `${text}${late}`;
  return `${text}${late} [${kind}${at === 0 ? "" : ", the second message"}]`;
}

export function summary(answer: Answer): string {
  if (isFailure(answer)) return String(answer["failed"]);
  const { status, ended } = answer as { status?: string; ended?: boolean | number };
  return status ?? `ended: ${String(ended)}`;
}

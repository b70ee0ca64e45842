/** Runs worlds, some at a time, and sums up what they show. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { falseAlarms, type Reason, verdictOn } from "./verdict.ts";
import { World, type WorldPlan } from "./world.ts";

export interface SimulationOptions {
  readonly seed: string;
  /** Sessions that nobody steals. */
  readonly sessions: number;
  /** Sessions whose cookie is copied. */
  readonly stolen: number;
  /** Of each owner's browser. Default 350: three renewals by the application's own count. */
  readonly requests?: number;
}

/** Worlds under way together: they share the turns of the event loop. */
const AT_ONCE = 64;

export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const simulation = new Simulation();
  const plans = plansOf(options);
  const worlds: World[] = [];
  for (;;) {
    for (let plan; worlds.length < AT_ONCE && (plan = plans.pop()) !== undefined; ) worlds.push(new World(plan));
    if (worlds.length === 0) return simulation;
    // Every promise settles that the last steps have resolved.
    await nextTurn();
    for (const world of worlds.filter((each) => !each.timeline.step())) {
      simulation.add(world);
      worlds.splice(worlds.indexOf(world), 1);
    }
  }
}

function plansOf({ seed, sessions, stolen, requests = 350 }: SimulationOptions): WorldPlan[] {
  const plan = (number: number, isStolen: boolean): WorldPlan => ({ seed, number, requests, stolen: isStolen });
  return [
    ...Array.from({ length: sessions }, (_, i) => plan(i, false)),
    ...Array.from({ length: stolen }, (_, i) => plan(i, true)),
  ];
}

export interface CopyCount {
  /** Caught after no, one, two renewals. */
  readonly caught: [number, number, number];
  readonly notCaught: Map<Reason, number>;
  caughtLater: number;
}

export class Simulation {
  sessions = 0;
  stolen = 0;
  requests = 0;
  renewals = 0;
  lostResponses = 0;
  cutOrHeld = 0;
  setBack = 0;
  logouts = 0;
  /** Each with what led to it, and what repeats it. */
  readonly alarms: string[] = [];
  readonly missed: string[] = [];
  /** By the thief's rhythm. */
  readonly copies = new Map<string, CopyCount>();

  add(world: World): void {
    const { journal, plan } = world;
    if (world.failure !== null) throw new Error(`${nameOf(world)} failed`, { cause: world.failure });
    this.requests += world.requests;
    this.renewals += journal.confirmations.length;
    this.lostResponses += journal.lostResponses;
    this.cutOrHeld += journal.cutOrHeld;
    this.setBack += journal.setBack;
    if (journal.ending?.reason === "logout") this.logouts++;
    if (plan.stolen) this.#addTheft(world);
    else this.#addHonest(world);
  }

  #addHonest(world: World): void {
    this.sessions++;
    for (const alarm of falseAlarms(world.journal)) this.alarms.push(told(world, alarm));
  }

  #addTheft(world: World): void {
    this.stolen++;
    const verdict = verdictOn(world.journal);
    const { name } = world.rhythm;
    const count = this.copies.get(name) ?? { caught: [0, 0, 0], notCaught: new Map<Reason, number>(), caughtLater: 0 };
    this.copies.set(name, count);
    if (verdict.kind === "missed") this.missed.push(told(world, verdict.what));
    else if (verdict.kind === "caught") count.caught[verdict.renewals]++;
    else {
      count.notCaught.set(verdict.reason, (count.notCaught.get(verdict.reason) ?? 0) + 1);
      if (verdict.caughtLater) count.caughtLater++;
    }
  }
}

function told(world: World, what: string): string {
  return [`${nameOf(world)}: ${what}`, ...world.journal.tail(12).map((line) => `    ${line}`)].join("\n");
}

function nameOf({ plan, rotation }: World): string {
  const kind = plan.stolen ? "stolen" : "honest";
  return `${kind} session ${plan.number} of seed ${plan.seed}, rotation ${JSON.stringify(rotation)}`;
}

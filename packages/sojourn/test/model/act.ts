/** What every command has in common: it says what it does, for a counterexample to be read. */

import type fc from "fast-check";
import type { Subject } from "./subject.ts";
import type { World } from "./world.ts";

/** What a run has of its own. */
export interface Stage {
  readonly world: World;
  /** What was done so far, a line each. */
  readonly log: string[];
}

/** Which of two processes does it. */
export type Which = 0 | 1;

export type Command = fc.AsyncCommand<Stage, Subject>;

/** Says what it does, and then what came of it. */
export type Say = (text: string) => void;

export abstract class Act implements Command {
  check({ world }: Stage): boolean {
    return this.isPossible(world);
  }
  async run({ world, log }: Stage, subject: Subject): Promise<void> {
    const line = log.push("") - 1;
    await this.act(world, subject, (text) => {
      log[line] = `${log[line] ?? ""}${text}`;
    });
  }
  abstract isPossible(world: World): boolean;
  abstract act(world: World, subject: Subject, say: Say): Promise<void>;
}

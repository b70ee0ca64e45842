/** Commands that write nothing: questions, time, and what happens to processes and servers. */

import fc from "fast-check";
import { Act, type Say, type Which } from "./act.ts";
import { anySession } from "./plan.ts";
import { checkActivities, checkCounts, checkList, checkRead } from "./queries.ts";
import { checkExpire, checkReap } from "./upkeep.ts";
import type { Subject } from "./subject.ts";
import { USERS, type World } from "./world.ts";

/** What is no write. */
export class Step extends Act {
  readonly #run: (world: World, subject: Subject, say: Say) => Promise<void>;
  readonly #possible: (world: World) => boolean;

  constructor(
    run: (world: World, subject: Subject, say: Say) => Promise<void>,
    possible: (world: World) => boolean = () => true,
  ) {
    super();
    this.#run = run;
    this.#possible = possible;
  }

  isPossible(world: World): boolean {
    return this.#possible(world);
  }
  act(world: World, subject: Subject, say: Say): Promise<void> {
    return this.#run(world, subject, say);
  }
}

const which = fc.constantFrom<Which>(0, 1);

export const read = fc.tuple(anySession, which).map(
  ([choice, via]) =>
    new Step(
      (world, subject, say) => {
        const session = world.pick(choice);
        say(`read ${session.name}`);
        return checkRead(world, subject.stores[via], session);
      },
      (world) => world.sessions.length > 0,
    ),
);
export const list = fc.tuple(fc.constantFrom(...USERS), which).map(
  ([user, via]) =>
    new Step((world, subject, say) => {
      say(`list ${user}`);
      return checkList(world, subject.stores[via], user);
    }),
);
export const activities = fc.tuple(anySession, which).map(
  ([choice, via]) =>
    new Step(
      (world, subject, say) => {
        const session = world.pick(choice);
        say(`activities of ${session.name}`);
        return checkActivities(world, subject.stores[via], session);
      },
      (world) => world.sessions.length > 0,
    ),
);
export const counts = which.map(
  (via) =>
    new Step((world, subject, say) => {
      say("count");
      return checkCounts(world, subject.stores[via]);
    }),
);

/** One session, or all that lie where it does. */
export const expire = fc.tuple(anySession, which, fc.boolean()).map(
  ([choice, via, alone]) =>
    new Step(
      (world, subject, say) => {
        const session = world.pick(choice);
        say(alone ? `expire ${session.name}` : `reap around ${session.name}`);
        const [check, store] = [alone ? checkExpire : checkReap, subject.stores[via]];
        return check(world, store, session);
      },
      (world) => world.sessions.length > 0,
    ),
);

/** Within every idle timeout; over the shorter ones; over the graces for reaping and tombstones. */
export const advance = fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 5, 5, 25, 52).map(
  (steps) =>
    new Step(async (world, subject, say) => {
      say(`${steps} steps later`);
      await subject.step(steps);
      world.model.now = subject.clock.now();
    }),
);
export const restart = which.map(
  (each) =>
    new Step(
      (_, subject, say) => {
        say("a process starts anew");
        return subject.restart(each);
      },
      ({ traits }) => traits.restarts,
    ),
);
export const forget = fc.constant(null).map(
  () =>
    new Step(
      (_, subject, say) => {
        say("the server forgets its scripts");
        return subject.forgetScripts();
      },
      ({ traits }) => traits.scripts,
    ),
);

/** A store behind a network: operations take time, overtake each other, and now and then fail before or after they were done. */

import { StoreUnavailableError } from "../../src/errors.ts";
import type { ConfirmInput, ConfirmOutcome, RevokeInput, RevokeOutcome, Store } from "../../src/store/store.ts";
import type { Journal } from "./journal.ts";
import type { Random } from "../support/random.ts";
import type { Timeline } from "./timeline.ts";

const SLOWEST_MS = 4;
const FAILING = 0.002;
/** What asks nobody. */
const HERE: ReadonlySet<keyof Store> = new Set(["now", "near", "stale", "ready", "close", "onEnding", "onEvent"]);

export function distantStore(store: Store, timeline: Timeline, random: Random, journal: Journal): Store {
  const noted: Partial<Record<keyof Store, (input: never, outcome: never) => void>> = {
    confirm: (input: ConfirmInput, outcome: ConfirmOutcome) => {
      if (outcome.status !== "confirmed") return;
      const at = timeline.age;
      journal.confirmed({ generation: input.generation, at, graceUntil: at + input.graceMs });
    },
    revoke: (input: RevokeInput, outcome: RevokeOutcome) => {
      if (outcome.ended) journal.ended({ reason: input.reason, at: timeline.age });
    },
  };
  const distant = async (name: keyof Store, operation: () => Promise<unknown>, input: unknown): Promise<unknown> => {
    await timeline.sleep(random.between(0, SLOWEST_MS));
    const fails = random.chance(FAILING);
    if (fails && random.chance(0.5)) throw failure("not_executed");
    const outcome = await operation();
    noted[name]?.(input as never, outcome as never);
    await timeline.sleep(random.between(0, SLOWEST_MS));
    if (fails) throw failure("unknown");
    return outcome;
  };
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const operation = (...args: unknown[]): unknown => Reflect.apply(member, target, args);
      if (HERE.has(name)) return operation;
      return (...args: unknown[]) => distant(name, () => operation(...args) as Promise<unknown>, args[0]);
    },
  });
}

function failure(outcome: "not_executed" | "unknown"): StoreUnavailableError {
  return new StoreUnavailableError("the simulated network failed", { reason: "connection", outcome });
}

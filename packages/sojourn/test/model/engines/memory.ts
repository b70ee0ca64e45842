import type { Store } from "../../../src/store/store.ts";
import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import { SteppedClock } from "../grid.ts";
import { Network } from "../network.ts";
import type { EngineUnderTest, Subject } from "../subject.ts";
import { faultyStore } from "./faulty-store.ts";

/** @param broken what to do to the store before it is tested */
export function memoryEngine(broken: (store: Store) => Store = (store) => store): EngineUnderTest {
  return {
    name: "memory",
    async open(): Promise<Subject> {
      const [clock, network] = [new SteppedClock(), new Network()];
      const store = faultyStore({ store: broken(memoryStore({ clock })) }, network);
      return {
        traits: {
          operationIds: false,
          revokesInSteps: false,
          holds: true,
          restarts: false,
          scripts: false,
          writeDeadlineMs: store.writeDeadlineMs,
        },
        clock,
        network,
        stores: [store, store],
        step: async (steps) => void clock.step(steps),
        waitingFor: (work) => work,
        restart: async () => undefined,
        forgetScripts: async () => undefined,
        close: () => store.close(),
      };
    },
    close: async () => undefined,
  };
}

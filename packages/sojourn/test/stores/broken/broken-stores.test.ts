import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import { manualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { BROKEN_STORES } from "./broken-stores.ts";

/** Runs the case of that name on a store of this making. */
async function runCase(name: string, make: (clock: ManualClock) => Store): Promise<void> {
  const cases = storeConformance({
    async open() {
      const clock = manualClock();
      const store = make(clock);
      return { store, other: store, clock, close: () => store.close() };
    },
  });
  const named = cases.find((each) => each.name === name);
  if (named === undefined) throw new Error(`no case is named ${name}`);
  await named.run();
}

describe("the conformance suite catches", () => {
  for (const { flaw, caughtBy, make } of BROKEN_STORES) {
    test(`a store that ${flaw}`, async () => {
      await expect(runCase(caughtBy, make)).rejects.toMatchObject({ code: "ERR_ASSERTION" });
      await runCase(caughtBy, (clock) => memoryStore({ clock }));
    });
  }
});

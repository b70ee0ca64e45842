import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/testing/manual-clock.ts";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { BROKEN_STORES } from "./broken-stores.ts";

describe("the conformance suite catches", () => {
  for (const { flaw, caughtBy, make } of BROKEN_STORES) {
    test(`a store that ${flaw}`, async () => {
      const cases = storeConformance({
        async open() {
          const clock = manualClock();
          const store = make(clock);
          return { store, other: store, clock, close: () => store.close() };
        },
      });
      const named = cases.find((each) => each.name === caughtBy);
      await expect(named?.run() ?? Promise.resolve()).rejects.toMatchObject({ code: "ERR_ASSERTION" });
    });
  }
});

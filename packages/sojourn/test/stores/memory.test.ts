import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { runConformance } from "../support/run-conformance.ts";

runConformance("memory", {
  async open() {
    const clock = manualClock();
    const store = memoryStore({ clock });
    return { store, other: store, clock, close: () => store.close() };
  },
  without: { "operation ids": "no client re-sends to this process's own memory" },
});

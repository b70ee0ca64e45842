import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { runConformance } from "../support/run-conformance.ts";

runConformance("sqlite", {
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "sojourn-sqlite-"));
    const clock = manualClock();
    const [store, other] = [0, 1].map(() =>
      sqliteStore(join(folder, "sessions.db"), { clock, writeDeadlineMs: 10_000 }),
    );
    if (store === undefined || other === undefined) throw new Error("no stores");
    const close = async (): Promise<void> => {
      await Promise.all([store.close(), other.close()]);
      await rm(folder, { recursive: true, force: true });
    };
    return { store, other, clock, close };
  },
  without: { "operation ids": "no client re-sends between this process and its file" },
});

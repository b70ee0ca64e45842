import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../../src/store/store.ts";
import { sqliteStore } from "../../../src/stores/sqlite/sqlite-store.ts";
import { SteppedClock } from "../grid.ts";
import { Network } from "../network.ts";
import type { EngineUnderTest, Subject } from "../subject.ts";
import { faultyStore, type Holder } from "./faulty-store.ts";

const WRITE_DEADLINE_MS = 10_000;
/** Where writing costs least: the model looks at answers, not at what outlives a power cut. */
const FASTEST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Two stores on one file, which is new for each run. */
export async function sqliteEngine(): Promise<EngineUnderTest> {
  const folder = await mkdtemp(join(FASTEST, "sojourn-model-"));
  let files = 0;
  return {
    name: "sqlite",
    open: () => opened(join(folder, `${++files}.db`)),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function opened(path: string): Promise<Subject> {
  const [clock, network] = [new SteppedClock(), new Network()];
  const open = (): Store => sqliteStore(path, { clock, writeDeadlineMs: WRITE_DEADLINE_MS });
  const holders: readonly [Holder, Holder] = [{ store: open() }, { store: open() }];
  const stores = [faultyStore(holders[0], network), faultyStore(holders[1], network)] as const;
  return {
    traits: {
      operationIds: false,
      revokesInSteps: false,
      holds: true,
      restarts: true,
      scripts: false,
      writeDeadlineMs: WRITE_DEADLINE_MS,
    },
    clock,
    network,
    stores,
    step: async (steps) => void clock.step(steps),
    waitingFor: (work) => work,
    async restart(which) {
      await holders[which].store.close();
      holders[which].store = open();
    },
    forgetScripts: async () => undefined,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await Promise.all(["", "-wal", "-shm"].map((suffix) => rm(path + suffix, { force: true })));
    },
  };
}

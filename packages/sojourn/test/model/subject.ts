import type { Store } from "../../src/store/store.ts";
import type { SteppedClock } from "./grid.ts";
import type { Faults } from "./network.ts";
import type { Traits } from "./write.ts";

/** An engine under test: a fresh, empty place for each run. */
export interface Subject {
  readonly traits: Traits;
  readonly clock: SteppedClock;
  readonly network: Faults;
  /** Two processes' views of the same data; one and the same where an engine lives in one process. */
  readonly stores: readonly [Store, Store];
  /** Sets the clock forward and lets the engine's own keys grow older. */
  step(steps: number): Promise<void>;
  /** Lets time go on while that waits for it. */
  waitingFor<T>(work: Promise<T>): Promise<T>;
  /** Closes a store and opens another on the same data, as a process that starts anew does. */
  restart(which: 0 | 1): Promise<void>;
  /** Lets the server forget its scripts. */
  forgetScripts(): Promise<void>;
  close(): Promise<void>;
}

export interface EngineUnderTest {
  readonly name: string;
  open(): Promise<Subject>;
  /** Ends servers and connections. */
  close(): Promise<void>;
}

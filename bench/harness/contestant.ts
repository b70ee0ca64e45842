/** What a process that is measured runs: the same operation over and over, or a server that is asked over and over. */

import type { CpuProfile } from "./profile.ts";

export interface LoopedContestant {
  operation(): Promise<unknown>;
  close(): Promise<void>;
}

export interface ServingContestant {
  readonly port: number;
  close(): Promise<void>;
}

/** What a contestant's module exports, once or several times. `parameters` came through JSON. */
export type StartContestant<P> = (parameters: P) => Promise<LoopedContestant | ServingContestant>;

/** To a contestant's process, one at a time; each is answered by one `Answer`. */
export type Order =
  | { readonly order: "run"; readonly ms: number; readonly inFlight: number; readonly timed: boolean }
  | { readonly order: "cpu" }
  | { readonly order: "profile" }
  | { readonly order: "end profile" }
  | { readonly order: "stop" };

export type Answer =
  | { readonly answer: "started"; readonly port: number | null }
  | { readonly answer: "ran"; readonly sample: Sample }
  | { readonly answer: "cpu"; readonly micros: number }
  | { readonly answer: "profiling" }
  | { readonly answer: "profiled"; readonly profile: CpuProfile }
  | { readonly answer: "failed"; readonly message: string };

export interface Sample {
  /** Operations or requests per second. */
  readonly rate: number;
  /** CPU time of the contestant's process for one of them, in microseconds, all its threads. */
  readonly cpuMicros: number;
  /** Of single operations, in microseconds, where they were timed. */
  readonly latencyMicros?: { readonly p50: number; readonly p99: number };
}

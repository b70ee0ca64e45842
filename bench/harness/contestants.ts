/** The side of the harness: starts contestants' processes on a core of their own, samples them, ends them. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Order, Sample } from "./contestant.ts";
import { type Load, load } from "./http-load.ts";
import { pinned } from "./pinning.ts";
import type { Sampler } from "./rounds.ts";

export interface ContestantSpec {
  readonly name: string;
  readonly module: URL;
  readonly export: string;
  readonly parameters: object;
}

const MAIN = fileURLToPath(new URL("contestant-process.ts", import.meta.url));
/** A sample takes a second or two; what takes this long hangs. */
const ANSWER_TIMEOUT_MS = 120_000;

const WARM_UP_OPERATIONS = 20_000;
const WARM_UP_MAX_MS = 5_000;

export class Contestant {
  readonly name: string;
  readonly #process: ChildProcess;
  #port: number | null = null;
  /** Operations so far, about. */
  #done = 0;

  private constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
  }

  /** @param profileTo a folder: the process writes a `.cpuprofile` into it when it ends */
  static async start(spec: ContestantSpec, profileTo?: string): Promise<Contestant> {
    const profiling =
      profileTo === undefined
        ? []
        : ["--cpu-prof", "--cpu-prof-dir", profileTo, "--cpu-prof-name", `${slug(spec.name)}.cpuprofile`];
    const parameters = JSON.stringify(spec.parameters);
    const { file, args } = pinned("subject", process.execPath, [
      ...profiling,
      MAIN,
      spec.module.href,
      spec.export,
      parameters,
    ]);
    const child = spawn(file, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    const contestant = new Contestant(spec.name, child);
    const started = await contestant.#answer();
    contestant.#port = started.answer === "started" ? started.port : null;
    return contestant;
  }

  /** Of a server. */
  get port(): number {
    if (this.#port === null) throw new TypeError(`${this.name} is no server`);
    return this.#port;
  }

  /** Its operation, so many in flight, for so long. */
  async run(ms: number, inFlight: number, timed = false): Promise<Sample> {
    const ran = await this.#ask({ order: "run", ms, inFlight, timed });
    if (ran.answer !== "ran") throw new Error(`${this.name} answered ${ran.answer}`);
    this.#done += (ran.sample.rate * ms) / 1_000;
    return ran.sample;
  }

  /** A server, under requests. */
  async serve(requests: Load): Promise<Sample> {
    const before = await this.#cpuMicros();
    const { completed, elapsedMs } = await load(this.port, requests);
    this.#done += completed;
    return { rate: (completed / elapsedMs) * 1_000, cpuMicros: ((await this.#cpuMicros()) - before) / completed };
  }

  /** To take turns with others. Warm is who has done so many operations, or tried for so long: by then V8 has compiled them for good. */
  sampler(sample: () => Promise<Sample>): Sampler {
    const warmUp = async (): Promise<void> => {
      const until = performance.now() + WARM_UP_MAX_MS;
      while (this.#done < WARM_UP_OPERATIONS && performance.now() < until) await sample();
    };
    return { name: this.name, warmUp, sample };
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    this.#process.send({ order: "stop" } satisfies Order);
    await ended;
    clearTimeout(timer);
  }

  async #cpuMicros(): Promise<number> {
    const cpu = await this.#ask({ order: "cpu" });
    if (cpu.answer !== "cpu") throw new Error(`${this.name} answered ${cpu.answer}`);
    return cpu.micros;
  }

  #ask(order: Order): Promise<Answer> {
    const answer = this.#answer();
    this.#process.send(order);
    return answer;
  }

  async #answer(): Promise<Answer> {
    const waiting = new AbortController();
    const signal = AbortSignal.any([waiting.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const exit = once(this.#process, "exit", { signal }).then(([code]: unknown[]): Answer => {
      throw new Error(`${this.name} ended with ${String(code)}`);
    });
    try {
      const message = once(this.#process, "message", { signal }).then(([answer]: unknown[]) => answer as Answer);
      const answer = await Promise.race([message, exit]);
      if (answer.answer === "failed") throw new Error(`${this.name}: ${answer.message}`);
      return answer;
    } catch (error) {
      this.#process.kill("SIGKILL");
      throw error;
    } finally {
      exit.catch(() => undefined);
      waiting.abort();
    }
  }
}

function slug(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/gi, "-");
}

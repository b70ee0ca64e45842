/** The side of the harness: starts contestants' processes on a core of their own, samples them, ends them. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Order, Sample } from "./contestant.ts";
import { type Load, load } from "./http-load.ts";
import { pinned } from "./pinning.ts";
import type { CpuProfile } from "./profile.ts";
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

const STOP_TIMEOUT_MS = 5_000;
/** Of what a process said on its standard error before it died. */
const LAST_WORDS = 4_000;

const WARM_UP_OPERATIONS = 20_000;
const WARM_UP_MAX_MS = 2_500;

export class Contestant {
  readonly name: string;
  readonly #process: ChildProcess;
  #port: number | null = null;
  /** Operations so far, about. */
  #done = 0;
  #lastWords = "";

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#process = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      process.stderr.write(chunk);
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
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
      stdio: ["ignore", "inherit", "pipe", "ipc"],
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

  /** Where its CPU time goes meanwhile. */
  async profiled(work: () => Promise<unknown>): Promise<CpuProfile> {
    await this.#ask({ order: "profile" });
    await work();
    const ended = await this.#ask({ order: "end profile" });
    if (ended.answer !== "profiled") throw new Error(`${this.name} answered ${ended.answer}`);
    return ended.profile;
  }

  /** Ends it, whatever state it is in; never rejects, so that it hides no reason why a run failed. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    const kill = (): boolean => this.#process.kill("SIGKILL");
    const timer = setTimeout(kill, STOP_TIMEOUT_MS);
    if (this.#process.connected) this.#process.send({ order: "stop" } satisfies Order, (error) => error && kill());
    else kill();
    await ended;
    clearTimeout(timer);
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  get #death(): Error {
    const { exitCode, signalCode } = this.#process;
    const said = this.#lastWords === "" ? "" : `:\n${this.#lastWords}`;
    return new Error(`${this.name} ended with ${signalCode ?? `code ${exitCode}`}${said}`);
  }

  async #cpuMicros(): Promise<number> {
    const cpu = await this.#ask({ order: "cpu" });
    if (cpu.answer !== "cpu") throw new Error(`${this.name} answered ${cpu.answer}`);
    return cpu.micros;
  }

  async #ask(order: Order): Promise<Answer> {
    if (this.#hasEnded) throw this.#death;
    const answer = this.#answer();
    // A channel that has closed is followed by the exit, which says more.
    if (this.#process.connected) this.#process.send(order, () => undefined);
    return answer;
  }

  async #answer(): Promise<Answer> {
    const waiting = new AbortController();
    const signal = AbortSignal.any([waiting.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    // Closed rather than exited: by then all that it said has been read.
    const exit = once(this.#process, "close", { signal }).then((): Answer => {
      throw this.#death;
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

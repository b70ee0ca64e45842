/** The side of the harness: processes at places, and one that only pings. */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinned } from "../harness/pinning.ts";
import type { NodeAnswer, OperationFacts, Order } from "./node.ts";
import type { PlaceOptions } from "./place.ts";
import type { Task } from "./tasks.ts";

const NODE = fileURLToPath(new URL("./node.ts", import.meta.url));
const PINGER = fileURLToPath(new URL("../../packages/sojourn/test/support/ping-process.ts", import.meta.url));

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  onProgress(made: number): void;
}

export class PlaceNode {
  readonly #process: ChildProcess;
  #waiting: Waiting | null = null;

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on("message", (message) => this.#hear(message as NodeAnswer));
    process.once("exit", (code) => this.#waiting?.reject(new Error(`the process at a place ended with ${code}`)));
  }

  static async start(options: PlaceOptions): Promise<PlaceNode> {
    const flags = ["--disable-warning=ExperimentalWarning", "--max-old-space-size=4096"];
    const { file, args } = pinned("subject", process.execPath, [...flags, NODE, JSON.stringify(options)]);
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const node = new PlaceNode(child);
    await node.#answer();
    return node;
  }

  async fill(onProgress: (made: number) => void): Promise<void> {
    await this.#ask({ order: "fill" }, onProgress);
  }

  async operations(): Promise<OperationFacts[]> {
    return (await this.#ask({ order: "operations" })) as OperationFacts[];
  }

  /** Microseconds of each call. @param measured around the calls, without what comes before and after them */
  async round(
    { name, calls }: OperationFacts,
    from: number,
    measured: (calling: () => Promise<number[]>) => Promise<void>,
  ): Promise<void> {
    await this.#ask({ order: "begin", operation: name, from, calls });
    await measured(async () => (await this.#ask({ order: "call" })) as number[]);
    await this.#ask({ order: "after" });
  }

  async task(order: Task): Promise<number> {
    return (await this.#ask({ order })) as number;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #ask(order: Order, onProgress?: (made: number) => void): Promise<unknown> {
    const answer = this.#answer(onProgress);
    this.#process.send(order);
    return answer;
  }

  #answer(onProgress: (made: number) => void = () => undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onProgress };
    });
  }

  #hear(message: NodeAnswer): void {
    if ("progress" in message) this.#waiting?.onProgress(message.progress);
    else if ("failed" in message) this.#waiting?.reject(new Error(message.failed));
    else this.#waiting?.resolve(message.answer);
  }
}

/** A client that pings about a thousand times a second. */
export class Pinger {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(port: number): Promise<Pinger> {
    const child = fork(PINGER, [String(port)], { execArgv: ["--disable-warning=ExperimentalWarning"] });
    await once(child, "message");
    return new Pinger(child);
  }

  /** How long its pings took while the work was under way, in milliseconds. */
  async during(work: () => Promise<unknown>): Promise<number[]> {
    await this.#taken();
    await work();
    return this.#taken();
  }

  async #taken(): Promise<number[]> {
    this.#process.send("take");
    return (await once(this.#process, "message"))[0] as number[];
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}

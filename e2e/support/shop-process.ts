/** The shop as its user starts it: a process of its own, on a port of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../examples/shop/dist/main.js", import.meta.url));

export interface ShopOptions {
  /** Folder for database and secret. */
  readonly data: string;
  readonly redisUrl?: string;
  /** 0 takes a free port. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class ShopProcess {
  readonly origin: string;
  readonly output: string[];
  readonly process: ChildProcess;

  constructor(origin: string, output: string[], process: ChildProcess) {
    this.origin = origin;
    this.output = output;
    this.process = process;
  }

  /** Ends it the hard way, as a crash would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Sends a signal and answers the exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    return ((await ended) as [number | null])[0];
  }
}

/** Resolves when the shop has printed its address. Rejects with its output when it ends before. */
export async function startShop({ data, redisUrl, port = 0, env: more = {} }: ShopOptions): Promise<ShopProcess> {
  const { REDIS_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...env,
      ...more,
      SHOP_DATA: data,
      PORT: String(port),
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  const printed = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output.push(chunk.toString());
      const address = /http:\/\/localhost:(\d+)/.exec(output.join(""));
      if (address !== null) resolve(address[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`the shop ended with ${code}: ${output.join("")}`)));
  });
  return new ShopProcess(await printed, output, child);
}

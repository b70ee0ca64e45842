/** The application as it was, on express-session, and as it becomes, on Sojourn: each in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";

export type AppName = "old" | "new";

export class AppProcess {
  readonly port: number;
  readonly #process: ChildProcess;

  constructor(port: number, process: ChildProcess) {
    this.port = port;
    this.#process = process;
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#process, "exit");
    if (this.#process.kill("SIGKILL")) await ended;
  }
}

/** @param redisUrl where both keep their sessions, each as a user of its own */
export async function startApp(name: AppName, redisUrl: string): Promise<AppProcess> {
  const file = join(import.meta.dirname, `${name}-app.ts`);
  const app = spawn(process.execPath, [file, redisUrl], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: app.stdout });
  for await (const line of lines) {
    lines.close();
    app.stdout.resume();
    return new AppProcess(Number(line), app);
  }
  throw new Error(`the ${name} application ended before it listened`);
}

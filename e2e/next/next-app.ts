/** `examples/next`, installed by its own lockfile and built when it is not, in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../packages/sojourn/test/support/redis-server.ts";
import { TEST_SECRET } from "../../packages/sojourn/test/support/secrets.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "examples", "next");
const NEXT = join(FOLDER, "node_modules", "next", "dist", "bin", "next");

export class NextApp {
  readonly origin: string;
  readonly #process: ChildProcess;
  readonly #data: string;

  private constructor(origin: string, process: ChildProcess, data: string) {
    this.origin = origin;
    this.#process = process;
    this.#data = data;
  }

  static async start(): Promise<NextApp> {
    if (!existsSync(NEXT)) await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    await run(process.execPath, [NEXT, "build"]);
    const [port, data] = [await freePort(), await mkdtemp(join(tmpdir(), "sojourn-next-"))];
    const child = begun(process.execPath, [NEXT, "start", "--hostname", "127.0.0.1", "--port", String(port)], {
      SESSIONS_DB: join(data, "sessions.db"),
      SESSION_SECRET: TEST_SECRET,
    });
    const app = new NextApp(`http://localhost:${port}`, child, data);
    while (
      !(await fetch(app.origin).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error(`next start ended with ${child.exitCode}`);
      await sleep(50);
    }
    return app;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      if (this.#process.kill("SIGTERM")) await ended;
    }
    await rm(this.#data, { recursive: true, force: true });
  }
}

function begun(command: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess {
  const env = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", ...more };
  return spawn(command, args, { cwd: FOLDER, env, stdio: ["ignore", "ignore", "inherit"] });
}

async function run(command: string, args: readonly string[]): Promise<void> {
  // Of what is for development the build needs the types.
  const [code] = (await once(begun(command, args, { npm_config_include: "dev" }), "exit")) as [number];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}

/** Debian's Prometheus, started for one test on a free port of loopback, in a folder of its own; and its promtool. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** One series and its value, as the HTTP API answers. */
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

export class PrometheusServer {
  readonly #url: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  constructor(url: string, folder: string, process: ChildProcess) {
    this.#url = url;
    this.#folder = folder;
    this.#process = process;
  }

  /** @throws Error with what Prometheus says of an expression that it does not understand */
  async query(expression: string): Promise<readonly Series[]> {
    const response = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: readonly Series[] } };
    if (answer.status !== "success") throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  /** The newest value of a series that is alone, or null. */
  async value(expression: string): Promise<number | null> {
    const [only, ...others] = await this.query(expression);
    if (others.length > 0) throw new Error(`${expression} is ${others.length + 1} series`);
    return only === undefined ? null : Number(only.value[1]);
  }

  async isReady(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`prometheus ended with ${this.#process.exitCode}`);
    const response = await fetch(`${this.#url}/-/ready`).catch(() => null);
    return response?.ok === true;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    if (this.#process.exitCode === null && this.#process.kill("SIGKILL")) await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @param config as in `prometheus.yml` */
export async function startPrometheus(config: string): Promise<PrometheusServer> {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "sojourn-prometheus-"))];
  const file = join(folder, "prometheus.yml");
  await writeFile(file, config);
  const address = `127.0.0.1:${port}`;
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--log.level=error",
  ];
  const server = new PrometheusServer(`http://${address}`, folder, spawn("prometheus", args, { stdio: "inherit" }));
  try {
    while (!(await server.isReady())) await sleep(50);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** What promtool answers, and whether it found nothing wrong. */
export async function promtool(args: readonly string[], input = ""): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile("promtool", args, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ ok: error === null, output: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** `redis-benchmark`, which comes with redis-server: what the server can do with a client that does nothing else. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pinned } from "./pinning.ts";

const KEYS = 2_000;
const VALUE_BYTES = 400;

export interface Limit {
  readonly connections: number;
  /** Commands that a connection sends before it waits. */
  readonly pipeline: number;
  readonly rate: number;
}

/** `GET` of 2,000 keys of 400 bytes. @param requests how many in all, for each */
export async function getLimits(
  port: number,
  shapes: readonly Pick<Limit, "connections" | "pipeline">[],
  requests: number,
): Promise<Limit[]> {
  await benchmark(port, ["-n", String(KEYS * 10), "-d", String(VALUE_BYTES), "-t", "set"]);
  const limits: Limit[] = [];
  for (const { connections, pipeline } of shapes) {
    const args = ["-n", String(requests), "-c", String(connections), "-P", String(pipeline), "-t", "get"];
    limits.push({ connections, pipeline, rate: rateIn(await benchmark(port, args)) });
  }
  return limits;
}

async function benchmark(port: number, args: readonly string[]): Promise<string> {
  const where = ["-h", "127.0.0.1", "-p", String(port), "-r", String(KEYS), "--csv"];
  const { file, args: all } = pinned("subject", "redis-benchmark", [...where, ...args]);
  const { stdout } = await promisify(execFile)(file, all);
  return stdout;
}

/** @param csv of one test: a line of names, then `"GET","12345.67",…` @throws Error for anything else */
export function rateIn(csv: string): number {
  const rate = Number(/^"(?:GET|SET)","([\d.]+)"/m.exec(csv)?.[1]);
  if (!(rate > 0)) throw new Error(`redis-benchmark answered ${csv}`);
  return rate;
}

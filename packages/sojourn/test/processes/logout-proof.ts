/** Logout against writers as a program: `npm run proof:logout`. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "../support/redis-server.ts";
import { DURABLE_ENGINES, type DurableEngine } from "./durable-engines.ts";
import { logoutAgainstWriters } from "./logout.ts";

const USAGE = `Usage: npm run proof:logout -- [--rounds N] [--engine E]
  --rounds  logouts against 50 writers in 4 processes, of each engine (default: 1000)
  --engine  ${DURABLE_ENGINES.join(", ")} (default: all of them)`;
const PROGRESS_ROUNDS = 100;

/** Answers the exit code: 0 when no session was alive after its logout. */
export async function logoutProof(args: readonly string[]): Promise<number> {
  const wanted = parsed(args);
  if (wanted === null) {
    console.error(USAGE);
    return 2;
  }
  let alive = 0;
  for (const engine of wanted.engines) {
    const result = await inPlace(engine, (where) =>
      logoutAgainstWriters({ engine, where, rounds: wanted.rounds, progress: (done) => tell(engine, done) }),
    );
    alive += result.alive;
  }
  return alive === 0 ? 0 : 1;
}

/** With an empty file or a server of its own; tells what came of it. */
async function inPlace(
  engine: DurableEngine,
  run: (where: string) => ReturnType<typeof logoutAgainstWriters>,
): ReturnType<typeof logoutAgainstWriters> {
  const server = engine === "sqlite" ? null : await startRedis();
  const folder = await mkdtemp(join(tmpdir(), "sojourn-logout-"));
  const began = performance.now();
  try {
    const result = await run(server === null ? join(folder, "sessions.db") : String(server.port));
    const { rounds, written, alive } = result;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${engine}: ${rounds} rounds, ${written} writes, ${alive} alive afterwards, ${seconds} s`);
    return result;
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function tell(engine: DurableEngine, rounds: number): void {
  if (rounds % PROGRESS_ROUNDS === 0) console.log(`  ${engine}: ${rounds} rounds`);
}

function parsed(args: readonly string[]): { rounds: number; engines: readonly DurableEngine[] } | null {
  try {
    const options = { rounds: { type: "string" }, engine: { type: "string" } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const rounds = Number(values.rounds ?? 1_000);
    const engines = DURABLE_ENGINES.filter((each) => values.engine === undefined || values.engine === each);
    return Number.isSafeInteger(rounds) && rounds > 0 && engines.length > 0 ? { rounds, engines } : null;
  } catch {
    return null;
  }
}

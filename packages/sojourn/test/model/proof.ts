/** The model as a program: `npm run proof`. */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { ENGINE_NAMES, EVERY_ENGINE, type EngineName } from "./engines/every-engine.ts";
import { redisEngine } from "./engines/redis.ts";
import { type Result, runModel } from "./run.ts";
import { SABOTAGES, type SabotageName } from "./sabotage.ts";
import type { EngineUnderTest } from "./subject.ts";

const USAGE = `Usage: npm run proof -- [--seed S] [--ops N] [--engine E] [--sabotage WHAT]
  --seed      a whole number; the same one gives the same commands (default: one at random)
  --ops       operations in all (default: 1000000; with --sabotage 10000)
  --engine    ${ENGINE_NAMES.join(", ")} (default: all of them)
  --sabotage  ${Object.keys(SABOTAGES).join(", ")}: takes that out of the Redis scripts, and must find a violation`;

/** How operations are shared out among the engines. */
const SHARES: Readonly<Record<EngineName, number>> = {
  memory: 0.4,
  sqlite: 0.1,
  "node-redis": 0.248,
  ioredis: 0.248,
  "node-redis-cut": 0.002,
  "ioredis-cut": 0.002,
};
const PROGRESS_MS = 5_000;

interface Wanted {
  readonly seed: number;
  readonly operations: number;
  readonly engine: EngineName | null;
  readonly sabotage: SabotageName | null;
}

/** Answers the exit code: 0 when nothing was violated. */
export async function proof(args: readonly string[]): Promise<number> {
  const wanted = parsed(args);
  if (wanted === null) {
    console.error(USAGE);
    return 2;
  }
  console.log(`seed ${wanted.seed}`);
  const began = performance.now();
  let operations = 0;
  for (const { name, share, open } of enginesFor(wanted)) {
    const result = await runOn(open, wanted.seed, Math.ceil(wanted.operations * share));
    operations += result.operations;
    if (result.violation !== null) {
      report(result.violation, wanted, name);
      return 1;
    }
  }
  console.log(`${number(operations)} operations in ${seconds(began)}, 0 violations (seed ${wanted.seed})`);
  return 0;
}

interface Shared {
  readonly name: EngineName;
  readonly share: number;
  open(): Promise<EngineUnderTest>;
}

function enginesFor({ engine, sabotage }: Wanted): Shared[] {
  if (sabotage !== null) {
    const name = engine === "ioredis" ? "ioredis" : "node-redis";
    return [{ name, share: 1, open: () => redisEngine(name, { rewrite: SABOTAGES[sabotage].rewrite }) }];
  }
  if (engine !== null) return [{ name: engine, share: 1, open: EVERY_ENGINE[engine] }];
  return ENGINE_NAMES.map((name) => ({ name, share: SHARES[name], open: EVERY_ENGINE[name] }));
}

async function runOn(open: Shared["open"], seed: number, operations: number): Promise<Result> {
  const engine = await open();
  try {
    return await runAndTell(engine, seed, operations);
  } finally {
    await engine.close();
  }
}

async function runAndTell(engine: EngineUnderTest, seed: number, operations: number): Promise<Result> {
  const began = performance.now();
  let said = began;
  const result = await runModel(engine, {
    seed,
    operations,
    progress(done) {
      if (performance.now() - said < PROGRESS_MS) return;
      said = performance.now();
      console.log(`  ${engine.name}: ${number(done)} of ${number(operations)}`);
    },
  });
  const violations = result.violation === null ? 0 : 1;
  console.log(
    `${engine.name}: ${number(result.operations)} operations in ${number(result.runs)} runs, ${seconds(began)}, ${violations} violations`,
  );
  return result;
}

function report(violation: NonNullable<Result["violation"]>, wanted: Wanted, name: EngineName): void {
  const { message, commands, after } = violation;
  console.log(`\n${message}\nfound after ${number(after)} operations; the fewest commands that show it:`);
  console.log(commands.map((line) => `  ${line}`).join("\n"));
  const sabotage = wanted.sabotage === null ? "" : ` --sabotage ${wanted.sabotage}`;
  console.log(`again: npm run proof -- --seed ${wanted.seed} --ops ${wanted.operations} --engine ${name}${sabotage}`);
}

function parsed(args: readonly string[]): Wanted | null {
  try {
    const options = {
      seed: { type: "string" },
      ops: { type: "string" },
      engine: { type: "string" },
      sabotage: { type: "string" },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    const { engine = null, sabotage = null } = values;
    const seed = Number(values.seed ?? randomInt(2 ** 31));
    const operations = Number(values.ops ?? (sabotage === null ? 1_000_000 : 10_000));
    const numbers = Number.isSafeInteger(seed) && Number.isSafeInteger(operations) && operations > 0;
    const known = (engine === null || engine in EVERY_ENGINE) && (sabotage === null || sabotage in SABOTAGES);
    if (!numbers || !known) return null;
    return { seed, operations, engine: engine as EngineName | null, sabotage: sabotage as SabotageName | null };
  } catch {
    return null;
  }
}

function number(n: number): string {
  return n.toLocaleString("en");
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** The process of one contestant. Arguments: module, name of its export, parameters as JSON. Orders come by IPC. */

import { Session } from "node:inspector/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { Answer, LoopedContestant, Order, Sample, ServingContestant, StartContestant } from "./contestant.ts";
import { quantile } from "./statistics.ts";

/** Operations between two turns of the event loop, for those that never wait: a server's loop turns, too. */
const TURN_EVERY = 100;

const SAMPLING_MICROS = 1_000;

const inspector = new Session();

const [modulePath = "", exported = "", parameters = "{}"] = process.argv.slice(2);

// Whoever gave orders is gone, or wants no more of it.
process.once("disconnect", () => process.exit());

try {
  const module = (await import(modulePath)) as Record<string, StartContestant<unknown> | undefined>;
  const start = module[exported];
  if (start === undefined) throw new TypeError(`${modulePath} exports no ${exported}`);
  const contestant = await start(JSON.parse(parameters));
  process.on("message", (order: Order) => void obey(contestant, order));
  say({ answer: "started", port: "port" in contestant ? contestant.port : null });
} catch (error) {
  fail(error);
}

function say(answer: Answer): void {
  process.send?.(answer);
}

function fail(error: unknown): void {
  say({ answer: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

async function obey(contestant: LoopedContestant | ServingContestant, order: Order): Promise<void> {
  try {
    if (order.order === "cpu") say({ answer: "cpu", micros: cpuMicros() });
    else if (order.order === "profile") await beginProfile();
    else if (order.order === "end profile") await endProfile();
    else if (order.order === "stop") {
      await contestant.close();
      // Flushes what --cpu-prof gathers, which a signal would not.
      process.exit();
    } else {
      if ("port" in contestant) throw new TypeError("a server runs no operations of its own");
      say({ answer: "ran", sample: await run(contestant, order) });
    }
  } catch (error) {
    fail(error);
  }
}

async function beginProfile(): Promise<void> {
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.setSamplingInterval", { interval: SAMPLING_MICROS });
  await inspector.post("Profiler.start");
  say({ answer: "profiling" });
}

async function endProfile(): Promise<void> {
  const { profile } = await inspector.post("Profiler.stop");
  inspector.disconnect();
  const { samples = [], timeDeltas = [] } = profile;
  say({ answer: "profiled", profile: { ...profile, samples, timeDeltas } });
}

async function run(
  contestant: LoopedContestant,
  { ms, inFlight, timed }: Extract<Order, { order: "run" }>,
): Promise<Sample> {
  const took: number[] = [];
  let done = 0;
  const startedAt = performance.now();
  const cpuBefore = cpuMicros();
  const until = startedAt + ms;
  const worker = async (): Promise<void> => {
    let now = performance.now();
    while (now < until) {
      const sentAt = now;
      await contestant.operation();
      done += 1;
      if (done % TURN_EVERY === 0) await turn();
      now = performance.now();
      if (timed) took.push(now - sentAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const elapsedMs = performance.now() - startedAt;
  return {
    rate: (done / elapsedMs) * 1_000,
    cpuMicros: (cpuMicros() - cpuBefore) / done,
    ...(timed ? { latencyMicros: { p50: quantile(took, 0.5) * 1_000, p99: quantile(took, 0.99) * 1_000 } } : {}),
  };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Callers of several clients while a fault lasts: what they are told, how late, and how soon all is well again. */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions } from "../../src/create-sessions.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Session } from "../../src/lifecycle/session.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import type { ClientKind, OpenedClient } from "./redis-clients.ts";
import type { Fault } from "./redis-faults.ts";
import { startRedis } from "./redis-server.ts";
import { inNamespace } from "./redis-user.ts";
import { TEST_SECRET } from "./secrets.ts";

/** A read and a write of each client so often. */
const CALL_EVERY_MS = 20;
const QUIET_MS = 200;
const COUNTING_TRIES = 5;
/** Of each client: writes of one session wait for each other, so a write that hangs would hold up the rest. */
const SESSIONS = 50;

interface Answer {
  /** "ok", why the store was unavailable, or what should never be told. */
  readonly said: string;
  readonly outcome: string;
  readonly calledAt: number;
  readonly ms: number;
}

export interface Told {
  /** How often each answer was given to calls made while the fault lasted. */
  readonly answers: ReadonlyMap<string, number>;
  /** Milliseconds of the slowest answer that was given from the beginning of the fault on. */
  readonly worstMs: number;
}

export interface FaultResult {
  readonly fault: string;
  readonly client: string;
  readonly reads: Told;
  readonly writes: Told;
  /** Milliseconds from the end of the fault until a read and a write succeeded that were called after it; null: not in the time given. */
  readonly recoveryMs: number | null;
  /** Increments that were acknowledged, those whose outcome was told to be unknown, and what the counter says. */
  readonly increments: { readonly acknowledged: number; readonly unknown: number; readonly counted: number };
}

export interface FaultRunOptions {
  readonly lastsMs: number;
  /** How long at most recovery is waited for. */
  readonly patienceMs: number;
}

interface Created {
  readonly session: Session;
  readonly token: string;
}

class Caller {
  readonly kind: ClientKind;
  readonly reads: Answer[] = [];
  readonly writes: Answer[] = [];
  readonly #opened: OpenedClient;
  readonly #sessions: Sessions;
  readonly #made: readonly Created[];
  readonly #pending = new Set<Promise<void>>();
  #calls = 0;

  private constructor(kind: ClientKind, opened: OpenedClient, sessions: Sessions, made: readonly Created[]) {
    this.kind = kind;
    this.#opened = opened;
    this.#sessions = sessions;
    this.#made = made;
  }

  static async of(kind: ClientKind, port: number): Promise<Caller> {
    const opened = await kind.open(port);
    const store = redisStore(opened.client, { namespace: namespaceOf(kind) });
    const sessions = createSessions({ store, secrets: [TEST_SECRET], reaper: false, log: () => undefined });
    const made = await Promise.all(
      Array.from({ length: SESSIONS }, (_, i) => sessions.create({ userId: `user-${i}` })),
    );
    return new Caller(kind, opened, sessions, made);
  }

  call(): void {
    const made = this.#made[this.#calls++ % SESSIONS];
    if (made === undefined) return;
    this.#answered(this.reads, async () => {
      const result = await this.#sessions.validate(made.token);
      return result.valid ? "ok" : `not valid: ${result.reason}`;
    });
    this.#answered(this.writes, () => made.session.increment("n").then(() => "ok"));
  }

  async counted(): Promise<number> {
    await Promise.all(this.#pending);
    const counts = await Promise.all(this.#made.map(({ session }) => patiently(() => session.get("n"))));
    return counts.reduce((sum: number, count) => sum + Number(count ?? 0), 0);
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    this.#opened.close();
  }

  #answered(answers: Answer[], work: () => Promise<string>): void {
    const calledAt = performance.now();
    const note = (said: string, outcome: string): void =>
      void answers.push({ said, outcome, calledAt, ms: performance.now() - calledAt });
    const noted = work().then(
      (said) => note(said, "done"),
      (error: unknown) =>
        error instanceof StoreUnavailableError ? note(error.reason, error.outcome) : note(String(error), "error"),
    );
    this.#pending.add(noted);
    void noted.finally(() => this.#pending.delete(noted));
  }
}

/** What is not judged any more: on a busy machine a read may miss its deadline once. */
async function patiently<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === COUNTING_TRIES) throw error;
    }
  }
}

function namespaceOf({ name }: ClientKind): string {
  return name.replaceAll(/[^a-z]+/g, "-");
}

export async function runFault(
  fault: Fault,
  kinds: readonly ClientKind[],
  { lastsMs, patienceMs }: FaultRunOptions,
): Promise<FaultResult[]> {
  const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"]);
  const proxy = await CuttingProxy.before(server.port);
  await server.allow(...kinds.flatMap((kind) => inNamespace(namespaceOf(kind))));
  const callers = await Promise.all(kinds.map((kind) => Caller.of(kind, proxy.port)));
  const ticking = setInterval(() => {
    for (const caller of callers) caller.call();
  }, CALL_EVERY_MS);
  try {
    const redis = { server, proxy, admin: await server.admin(), lastsMs };
    await sleep(QUIET_MS);
    const begunAt = performance.now();
    await fault.begin(redis);
    await sleep(Math.max(0, begunAt + lastsMs - performance.now()));
    const endedAt = performance.now();
    await fault.end(redis);
    const healthyAt = performance.now();
    const waited = callers.map((caller) => recovery(caller, healthyAt, fault, patienceMs));
    const recoveries = await Promise.all(waited);
    await sleep(QUIET_MS);
    clearInterval(ticking);
    // A connection that never comes back is of no use for counting.
    const results = callers.map(async (caller, i): Promise<FaultResult> => {
      const recoveryMs = recoveries[i] ?? null;
      const counted = recoveryMs === null ? null : await caller.counted();
      return resultOf(fault, caller, { begunAt, endedAt, recoveryMs, counted });
    });
    return await Promise.all(results);
  } finally {
    clearInterval(ticking);
    await Promise.all(callers.map((caller) => caller.close()));
    await proxy.close();
    await server.stop();
  }
}

async function recovery(caller: Caller, since: number, fault: Fault, patienceMs: number): Promise<number | null> {
  const ok = ({ said, calledAt }: Answer): boolean => said === "ok" && calledAt >= since;
  for (const until = since + patienceMs; performance.now() < until; await sleep(5)) {
    const [read, write] = [caller.reads.find(ok), caller.writes.find(ok)];
    if (read !== undefined && write !== undefined) {
      return Math.max(...[read, write].map(({ calledAt, ms }) => calledAt + ms)) - since;
    }
  }
  return null;
}

interface Measured {
  readonly begunAt: number;
  readonly endedAt: number;
  readonly recoveryMs: number | null;
  readonly counted: number | null;
}

function resultOf(fault: Fault, caller: Caller, { begunAt, endedAt, recoveryMs, counted }: Measured): FaultResult {
  const told = (answers: readonly Answer[]): Told => {
    const counts = new Map<string, number>();
    const during = answers.filter(({ calledAt }) => calledAt >= begunAt && calledAt < endedAt);
    for (const { said } of during) counts.set(said, (counts.get(said) ?? 0) + 1);
    const since = answers.filter(({ calledAt, ms }) => calledAt + ms >= begunAt);
    return { answers: counts, worstMs: Math.max(0, ...since.map(({ ms }) => ms)) };
  };
  const acknowledged = caller.writes.filter(({ said }) => said === "ok").length;
  const unknown = caller.writes.filter(({ outcome }) => outcome === "unknown").length;
  return {
    fault: fault.name,
    client: caller.kind.name,
    reads: told(caller.reads),
    writes: told(caller.writes),
    recoveryMs,
    increments: { acknowledged, unknown, counted: counted ?? acknowledged },
  };
}

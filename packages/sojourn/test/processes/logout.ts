/** Logout against writers in other processes, round after round: no session may be alive afterwards. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createSessions, type Sessions } from "../../src/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { type DurableEngine, openEngine } from "./durable-engines.ts";

const SCRIPT = fileURLToPath(new URL("./logout-writer.ts", import.meta.url));
/** Writers of each process: fifty. */
const WRITERS = [13, 13, 12, 12] as const;

export type ToWriter =
  | { readonly do: "write" | "look"; readonly id: string; readonly token: string }
  | { readonly do: "stop" };

export type FromWriter =
  | { readonly said: "ready" | "writing" }
  | { readonly said: "looked"; readonly alive: boolean; readonly written: number };

export interface LogoutResult {
  readonly rounds: number;
  /** Sessions that anybody found after their logout was acknowledged. */
  readonly alive: number;
  /** Writes that were acknowledged, in all. */
  readonly written: number;
}

export interface LogoutAssignment {
  readonly engine: DurableEngine;
  /** A file, or the port of a redis-server; empty but for what is done here. */
  readonly where: string;
  readonly rounds: number;
  readonly progress?: (rounds: number) => void;
  /** In place of a logout: how to see that this would be noticed. */
  readonly logout?: (sessions: Sessions, token: string) => Promise<unknown>;
}

export async function logoutAgainstWriters({
  engine,
  where,
  rounds,
  progress,
  logout = loggedOut,
}: LogoutAssignment): Promise<LogoutResult> {
  const { store, close } = await openEngine(engine, where);
  const sessions = createSessions({ store, secrets: [TEST_SECRET], background: false });
  await sessions.ready();
  const writers = await Promise.all(WRITERS.map((count) => Writer.start(engine, where, count)));
  const ids: string[] = [];
  const alive = new Set<string>();
  let written = 0;
  try {
    for (let round = 1; round <= rounds; round++) {
      const outcome = await runRound(sessions, writers, logout);
      if (outcome.alive) alive.add(outcome.id);
      written += outcome.written;
      ids.push(outcome.id);
      progress?.(round);
    }
    // Nothing came back later either.
    for (const id of ids) if ((await sessions.get(id)) !== null) alive.add(id);
    return { rounds, alive: Math.max(alive.size, await sessions.count()), written };
  } finally {
    await Promise.all(writers.map((writer) => writer.stop()));
    await sessions.close();
    close();
  }
}

function loggedOut(sessions: Sessions, token: string): Promise<boolean> {
  return sessions.logout(token);
}

async function runRound(
  sessions: Sessions,
  writers: readonly Writer[],
  logout: NonNullable<LogoutAssignment["logout"]>,
): Promise<{ readonly id: string; readonly alive: boolean; readonly written: number }> {
  const { token, session } = await sessions.create({ userId: "ada" });
  const { id } = session;
  await Promise.all(writers.map((writer) => writer.ask({ do: "write", id, token })));
  await logout(sessions, token);
  const [handle, answer, listed, looks] = await Promise.all([
    sessions.get(id),
    sessions.validate(token),
    sessions.list("ada"),
    Promise.all(writers.map((writer) => writer.ask({ do: "look", id, token }))),
  ]);
  const seen = looks.map((look) => (look.said === "looked" ? look : { alive: true, written: 0 }));
  const alive = handle !== null || answer.valid || listed.length > 0 || seen.some((look) => look.alive);
  return { id, alive, written: seen.reduce((sum, look) => sum + look.written, 0) };
}

/** One of the other processes. It answers each message with one. */
class Writer {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(engine: DurableEngine, where: string, writers: number): Promise<Writer> {
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    const writer = new Writer(fork(SCRIPT, [engine, where, String(writers)], { execArgv }));
    await writer.#answer();
    return writer;
  }

  ask(message: ToWriter): Promise<FromWriter> {
    const answer = this.#answer();
    this.#child.send(message);
    return answer;
  }

  async stop(): Promise<void> {
    if (!this.#child.connected) return;
    const ended = once(this.#child, "exit");
    this.#child.send({ do: "stop" } satisfies ToWriter);
    await ended;
  }

  /** Rejects when the process ends first. */
  async #answer(): Promise<FromWriter> {
    const stopped = new AbortController();
    const { signal } = stopped;
    try {
      const message = once(this.#child, "message", { signal });
      const exit = once(this.#child, "exit", { signal }).then(([code]) => {
        throw new Error(`a writer ended with ${String(code)}`);
      });
      const [answer] = (await Promise.race([message, exit])) as [FromWriter];
      return answer;
    } finally {
      stopped.abort();
    }
  }
}

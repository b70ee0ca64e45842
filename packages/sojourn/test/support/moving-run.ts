/** A move under load: an application of several processes, and a mover that is killed half-way and started again. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MoveResult } from "../../src/stores/moving/index.ts";
import type { FromMover, NodeReport, Order } from "./moving-nodes.ts";

export interface MovePlan {
  /** URLs of the stores. */
  readonly from: string;
  readonly to: string;
  /** Made before the move begins. */
  readonly sessions: number;
  readonly nodes: number;
  /** How often the mover is killed. */
  readonly kills: number;
  /** How long the application works before the mover begins: to compare with. */
  readonly beforeMs?: number;
}

export interface MoveRun {
  readonly result: MoveResult;
  readonly seconds: number;
  readonly killed: number;
  readonly nodes: readonly NodeReport[];
}

function started(script: string, args: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, script), [...args], { serialization: "advanced" });
}

/** The next thing that a process says. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  const left = once(child, "exit").then(([code, signal]) => {
    throw new Error(`a process ended (${String(code ?? signal)}) before it answered`);
  });
  const [answer] = (await Promise.race([once(child, "message"), left])) as [unknown];
  left.catch(() => undefined);
  if (typeof answer === "object" && answer !== null && "error" in answer) throw new Error(String(answer.error));
  return answer;
}

function ask(child: ChildProcess, order: Order): Promise<unknown> {
  const answer = answerOf(child);
  child.send(order);
  return answer;
}

/** Null when it was killed, a moment after it had moved so many. */
async function moved(plan: MovePlan, killAfter: number): Promise<MoveResult | null> {
  const mover = started("mover-process.ts", [plan.from, plan.to, String(killAfter)]);
  const exit = once(mover, "exit");
  let [result, error]: [MoveResult | null, string | null] = [null, null];
  mover.on("message", (message: FromMover) => {
    if ("result" in message) ({ result } = message);
    else if ("error" in message) ({ error } = message);
  });
  await exit;
  if (error !== null) throw new Error(error);
  return result;
}

export async function runMove(plan: MovePlan): Promise<MoveRun> {
  const names = Array.from({ length: plan.nodes }, (_, i) => `node-${i}`);
  const nodes = names.map((name) => started("moving-node.ts", [plan.from, plan.to, name]));
  try {
    await Promise.all(nodes.map(answerOf));
    const create = Math.ceil(plan.sessions / plan.nodes);
    await Promise.all(nodes.map((node) => ask(node, { create })));
    await Promise.all(nodes.map((node) => ask(node, "work")));
    if (plan.beforeMs !== undefined) await sleep(plan.beforeMs);
    await Promise.all(nodes.map((node) => ask(node, "mark")));
    const startedAt = performance.now();
    let [killed, result]: [number, MoveResult | null] = [0, null];
    const share = Math.floor(plan.sessions / 10);
    for (; killed < plan.kills; killed++) {
      if ((await moved(plan, share)) !== null) throw new Error("the mover was done before it was killed");
    }
    result = await moved(plan, Number.POSITIVE_INFINITY);
    if (result === null) throw new Error("the mover ended without a result");
    const seconds = (performance.now() - startedAt) / 1000;
    const reports = (await Promise.all(nodes.map((node) => ask(node, "verify")))) as NodeReport[];
    return { result, seconds, killed, nodes: reports };
  } finally {
    for (const node of nodes) node.kill();
  }
}

/** All nodes together. */
export function sumOf(
  nodes: readonly NodeReport[],
  what: Exclude<keyof NodeReport, "failures" | "before" | "during" | "values">,
): number {
  return nodes.reduce((sum, node) => sum + node[what], 0);
}

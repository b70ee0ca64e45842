/** A write: how it is sent to a store, and what it does in the model, message by message. */

import { StoreUnavailableError } from "../../src/errors.ts";
import type { Store, WriteCall } from "../../src/store/store.ts";
import { FENCE_SLACK_MS } from "../../src/store/write-call.ts";
import type { Answer, Model } from "./model.ts";
import type { FaultKind } from "./network.ts";
import type { KnownSession, World } from "./world.ts";

/** What an engine is able to do, beyond the rest of the contract. */
export interface Traits {
  /** Answers of writes are remembered by their operation ids. */
  readonly operationIds: boolean;
  /** `revokeUser` is several messages: it raises the epoch, then ends what is older. */
  readonly revokesInSteps: boolean;
  /** Messages may be held and arrive later. */
  readonly holds: boolean;
  /** Stores may be closed and opened anew on the same data. */
  readonly restarts: boolean;
  /** The server may forget its scripts. */
  readonly scripts: boolean;
  readonly writeDeadlineMs: number;
}

/** One message on its way to the store. */
export interface Message {
  readonly text: string;
  readonly notAfter: number;
  /** The answer of an operation that was executed before. */
  recall?(model: Model): Answer | undefined;
  apply(model: Model): Answer;
}

export interface Write {
  readonly text: string;
  readonly call: WriteCall;
  /** The session that it is about; null for all of a user's. */
  readonly session: KnownSession | null;
  /** Only an operation id makes it harmless that it arrives twice. */
  readonly needsOperationIds: boolean;
  /** Some engines take more than one message for it. */
  readonly inSteps?: true;
  /** For the ledger: the session whose counter it raises by one. */
  readonly counts?: string;
  /** For the ledger: the sessions that must have ended when its caller is told this. */
  endedBy?(answer: Answer): readonly string[];
  send(store: Store): Promise<unknown>;
  /** The engine's answer in the model's words. */
  view(answer: unknown): Answer;
  /** Its messages, each given the answer to the one before; returns the answer to the caller. */
  messages(model: Model, traits: Traits): Generator<Message, Answer, Answer>;
}

export const LATE: Answer = { failed: "late" };
export const UNKNOWN: Answer = { failed: "unknown" };

export function isFailure(answer: Answer): boolean {
  return "failed" in answer;
}

/** Until when a message may be executed, and how long its answer is remembered, if it is sent now. */
export function fenceOf(call: WriteCall, model: Model, traits: Traits): { notAfter: number; keptMs: number } {
  const notAfter = call.notAfter ?? model.now + traits.writeDeadlineMs + FENCE_SLACK_MS;
  return { notAfter, keptMs: Math.max(1, notAfter - model.now) + FENCE_SLACK_MS };
}

/** Has the message executed in the model. */
export function deliver(model: Model, message: Message): Answer {
  const before = message.recall?.(model);
  if (before !== undefined) return before;
  return model.now > message.notAfter ? LATE : message.apply(model);
}

/** What the caller must be told, with everything that it means done in the model. */
export function predict(world: World, write: Write, fault: { readonly kind: FaultKind; readonly at: number }): Answer {
  const messages = write.messages(world.model, world.traits);
  let next = messages.next();
  for (let at = 0; next.done !== true; at++) {
    const answer = convey(world, next.value, at === fault.at ? fault.kind : "none");
    if (isFailure(answer)) return answer;
    next = messages.next(answer);
  }
  return next.value;
}

function convey(world: World, message: Message, fault: FaultKind): Answer {
  if (fault === "held") world.inFlight.push(message);
  if (fault === "held" || fault === "request lost") return UNKNOWN;
  const first = deliver(world.model, message);
  if (fault === "twice") return deliver(world.model, message);
  if (fault === "answer lost") return UNKNOWN;
  if (fault === "echoed") world.inFlight.push(message);
  return first;
}

/** What the caller was told. */
export async function told(write: Write, store: Store): Promise<Answer> {
  try {
    return write.view(await write.send(store));
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    if (error.reason === "late") return error.outcome === "not_executed" ? LATE : { failed: "late, yet unknown" };
    return error.outcome === "unknown" ? UNKNOWN : { failed: `${error.reason}: ${error.message}` };
  }
}

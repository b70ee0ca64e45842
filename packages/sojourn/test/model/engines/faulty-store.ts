/** A store of this process behind a network: each write is one message, fenced as a message to a server is. */

import { StoreUnavailableError } from "../../../src/errors.ts";
import type { Store, WriteCall } from "../../../src/store/store.ts";
import { FENCE_SLACK_MS } from "../../../src/store/write-call.ts";
import type { Network } from "../network.ts";

const READS = new Set(["ready", "now", "read", "listUser", "listActivity", "count", "countUsers", "totals", "close"]);

/** What holds the store that is open: messages that were on their way when it was opened anew arrive at the new one. */
export interface Holder {
  store: Store;
}

export function faultyStore(holder: Holder, network: Network): Store {
  return new Proxy(holder.store, {
    get(_, name) {
      const member: unknown = Reflect.get(holder.store, name);
      if (typeof member !== "function") return member;
      const call = (...args: unknown[]): unknown => {
        const operation: unknown = Reflect.get(holder.store, name);
        return typeof operation === "function" ? Reflect.apply(operation, holder.store, args) : undefined;
      };
      if (typeof name !== "string" || READS.has(name)) return call;
      return async (input: unknown, sent: WriteCall = {}): Promise<unknown> => {
        const { store } = holder;
        const fenced = { notAfter: store.now() + store.writeDeadlineMs + FENCE_SLACK_MS, ...sent };
        const send = (): Promise<Reply> => replyOf(async () => call(input, fenced));
        const reply = await network.convey(send, async () => "late" in (await send()));
        if ("late" in reply) throw reply.late;
        return reply.answer;
      };
    },
  });
}

/** To be late is an answer as well: it may be lost like any other. */
type Reply = { readonly answer: unknown } | { readonly late: StoreUnavailableError };

async function replyOf(send: () => Promise<unknown>): Promise<Reply> {
  try {
    return { answer: await send() };
  } catch (error) {
    if (error instanceof StoreUnavailableError && error.reason === "late") return { late: error };
    throw error;
  }
}

/**
 * Reads of one turn in one command. A read joins only a batch that is not yet
 * handed to the client: joining one in flight could answer "live" to a request
 * that began after an acknowledged revocation.
 */

import type { Reply } from "./driver.ts";
import { unexpectedReply } from "./redis-connection.ts";

const MAX_BATCH = 64;

interface Batch {
  readonly keys: string[];
  readonly replies: Promise<readonly (Buffer | null)[]>;
}

export class ReadBatch {
  readonly #send: (args: readonly string[]) => Promise<Reply>;
  /** What a read may still join. */
  #open: Batch | null = null;

  /** @param send sends one command and answers its reply. */
  constructor(send: (args: readonly string[]) => Promise<Reply>) {
    this.#send = send;
  }

  async get(key: string): Promise<Buffer | null> {
    this.#open ??= this.#begun();
    const { keys, replies } = this.#open;
    const at = keys.push(key) - 1;
    if (keys.length === MAX_BATCH) this.#open = null;
    return (await replies)[at] ?? null;
  }

  /** It is sent when this turn of microtasks is over. */
  #begun(): Batch {
    const keys: string[] = [];
    const replies = Promise.resolve().then(async () => {
      if (this.#open?.keys === keys) this.#open = null;
      const single = keys.length === 1;
      const reply = await this.#send(single ? ["GET", ...keys] : ["MGET", ...keys]);
      const values = single ? [reply] : reply;
      if (!areValues(values, keys.length)) throw unexpectedReply(reply);
      return values;
    });
    return { keys, replies };
  }
}

/** Anything but values and nulls is no answer: taken for "nothing there", it would log people out. */
function areValues(reply: Reply, count: number): reply is readonly (Buffer | null)[] {
  if (!Array.isArray(reply) || reply.length !== count) return false;
  return reply.every((each) => each === null || each instanceof Buffer);
}

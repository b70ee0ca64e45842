/**
 * Reads of one turn in one command. A read joins only a batch that is not yet
 * handed to the client: joining one in flight could answer "live" to a request
 * that began after an acknowledged revocation.
 */

import type { Reply } from "./driver.ts";
import { unexpectedReply } from "./redis-connection.ts";

const MAX_BATCH = 64;

interface Waiting {
  readonly key: string;
  readonly resolve: (value: Buffer | null) => void;
  readonly reject: (reason: unknown) => void;
}

export class ReadBatch {
  readonly #send: (args: readonly string[]) => Promise<Reply>;
  #waiting: Waiting[] = [];

  /** @param send sends one command and answers its reply. */
  constructor(send: (args: readonly string[]) => Promise<Reply>) {
    this.#send = send;
  }

  get(key: string): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
      this.#waiting.push({ key, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < waiting.length; i += MAX_BATCH) this.#sendBatch(waiting.slice(i, i + MAX_BATCH));
  }

  #sendBatch(batch: readonly Waiting[]): void {
    const keys = batch.map((each) => each.key);
    const single = batch.length === 1;
    const fail = (error: unknown): void => {
      for (const each of batch) each.reject(error);
    };
    this.#send(single ? ["GET", ...keys] : ["MGET", ...keys]).then((reply) => {
      const values = single ? [reply] : reply;
      if (!areValues(values, batch.length)) fail(unexpectedReply(reply));
      else batch.forEach((each, i) => each.resolve(values[i] ?? null));
    }, fail);
  }
}

/** Anything but values and nulls is no answer: taken for "nothing there", it would log people out. */
function areValues(reply: Reply, count: number): reply is readonly (Buffer | null)[] {
  if (!Array.isArray(reply) || reply.length !== count) return false;
  return reply.every((each) => each === null || each instanceof Buffer);
}

/**
 * Reads of one turn in one command. A read joins only a batch that is not yet
 * handed to the client: joining one in flight could answer "live" to a request
 * that began after an acknowledged revocation.
 */

import type { Reply } from "./driver.ts";

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
    const [only] = batch;
    const single = batch.length === 1;
    this.#send(single ? ["GET", ...keys] : ["MGET", ...keys]).then(
      (reply) => {
        if (single) only?.resolve(asBytes(reply));
        else batch.forEach((each, i) => each.resolve(asBytes((reply as readonly Reply[])[i] ?? null)));
      },
      (error: unknown) => {
        for (const each of batch) each.reject(error);
      },
    );
  }
}

function asBytes(reply: Reply): Buffer | null {
  return reply instanceof Buffer ? reply : null;
}

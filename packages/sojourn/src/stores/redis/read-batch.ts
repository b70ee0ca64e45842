/**
 * Reads of one turn in one command. A read joins only a batch that is not yet
 * handed to the client: joining one in flight could answer "live" to a request
 * that began after an acknowledged revocation.
 */

import type { Driver, Reply } from "./driver.ts";
import { unexpectedReply } from "./redis-connection.ts";
import { hashTag } from "./slots.ts";

const MAX_BATCH = 64;

export interface RecordReads {
  get(key: string): Promise<Buffer | null>;
}

/** In a cluster each slot has a batch of its own: a command names keys of one slot, and no read waits for another's server. */
export function readsOf({ isCluster }: Driver, send: (args: readonly string[]) => Promise<Reply>): RecordReads {
  if (!isCluster) return new ReadBatch(send);
  const batches = new Map<string, ReadBatch>();
  return {
    get: (key) => {
      const tag = hashTag(key);
      const batch = batches.get(tag) ?? new ReadBatch(send);
      batches.set(tag, batch);
      return batch.get(key);
    },
  };
}

interface Reader {
  readonly resolve: (value: Buffer | null) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly keys: string[];
  /** Who waits for each of the keys. */
  readonly readers: Reader[];
}

export class ReadBatch implements RecordReads {
  readonly #send: (args: readonly string[]) => Promise<Reply>;
  /** What a read may still join. */
  #open: Batch | null = null;

  /** @param send sends one command and answers its reply. */
  constructor(send: (args: readonly string[]) => Promise<Reply>) {
    this.#send = send;
  }

  get(key: string): Promise<Buffer | null> {
    this.#open ??= this.#begun();
    const { keys, readers } = this.#open;
    if (keys.push(key) === MAX_BATCH) this.#open = null;
    return new Promise((resolve, reject) => readers.push({ resolve, reject }));
  }

  /** It is sent when this turn of microtasks is over. */
  #begun(): Batch {
    const batch: Batch = { keys: [], readers: [] };
    void Promise.resolve().then(() => {
      if (this.#open === batch) this.#open = null;
      return this.#answer(batch);
    });
    return batch;
  }

  /** Each reader by itself: a promise that all of them wait for would cost each a second one. */
  async #answer({ keys, readers }: Batch): Promise<void> {
    try {
      const single = keys.length === 1;
      const reply = await this.#send(single ? ["GET", ...keys] : ["MGET", ...keys]);
      const values = single ? [reply] : reply;
      if (!areValues(values, keys.length)) throw unexpectedReply(reply);
      for (const [i, reader] of readers.entries()) reader.resolve(values[i] ?? null);
    } catch (error) {
      for (const reader of readers) reader.reject(error);
    }
  }
}

/** Anything but values and nulls is no answer: taken for "nothing there", it would log people out. */
function areValues(reply: Reply, count: number): reply is readonly (Buffer | null)[] {
  if (!Array.isArray(reply) || reply.length !== count) return false;
  return reply.every((each) => each === null || each instanceof Buffer);
}

/** One call for every bucket, in bounded pipelines. */

import { BUCKETS } from "../../data/session-id.ts";

/** Commands sent at once. */
const PIPELINE = 128;

export async function ofAllBuckets<T>(call: (bucket: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let from = 0; from < BUCKETS; from += PIPELINE) {
    answers.push(...(await Promise.all(Array.from({ length: PIPELINE }, (_, i) => call(from + i)))));
  }
  return answers;
}

/**
 * Reaping and checking, bucket by bucket. A part is a range of buckets; a lease on
 * it lets one process at a time reap it, and a mark in the lease's place afterwards
 * keeps the others from doing so again too soon. Neither is needed for correctness:
 * each script ends a session once, whoever runs it.
 */

import { randomBytes } from "node:crypto";
import { bucketOf, BUCKETS } from "../../data/session-id.ts";
import { REAP_GRACE_MS, type WriteCall } from "../../store/store.ts";
import type { Retention } from "../../store/retention.ts";
import type {
  CheckInput,
  CheckOutcome,
  DifferenceKind,
  IndexDifference,
  ReapInput,
  ReapOutcome,
} from "../../store/upkeep.ts";
import type { Keys } from "./keys.ts";
import type { ScriptAnswer } from "./redis-connection.ts";
import type { ScriptRunner } from "./script-runner.ts";

export const PARTS = 32;
const BUCKETS_OF_PART = BUCKETS / PARTS;
/** Sessions ended by one script: about half a millisecond of the server's time. */
const REAPED_AT_ONCE = 50;
/** Sessions, and users with some of their sessions, compared by one script. */
const CHECKED_AT_ONCE = { x: 50, n: 8 } as const;
const SESSIONS_OF_USER = 500;
/** A process that dies holds its part up for so long. */
const LEASE_MS = 5_000;
const DONE = "done";

export class Upkeep {
  readonly #keys: Keys;
  readonly #scripts: ScriptRunner;
  readonly #retention: Retention;
  readonly #owner = randomBytes(9).toString("base64url");

  /** @param retention of a bucket */
  constructor(keys: Keys, scripts: ScriptRunner, retention: Retention) {
    this.#keys = keys;
    this.#scripts = scripts;
    this.#retention = retention;
  }

  async expire(id: string, call?: WriteCall): Promise<boolean> {
    return (await this.#reapBucket(bucketOf(id), id, call)).expired > 0;
  }

  async reap({ part, notWithinMs }: ReapInput): Promise<ReapOutcome> {
    const first = part * BUCKETS_OF_PART;
    if (notWithinMs > 0 && !(await this.#lease(first, this.#owner, LEASE_MS))) return { expired: 0, more: false };
    let [expired, more] = [0, false];
    for (let bucket = first; bucket < first + BUCKETS_OF_PART; bucket++) {
      const reaped = await this.#reapBucket(bucket, "");
      expired += reaped.expired;
      more ||= reaped.more;
    }
    if (notWithinMs > 0 && !more) await this.#lease(first, DONE, notWithinMs);
    return { expired, more };
  }

  async check(input: CheckInput): Promise<CheckOutcome> {
    const at = cursorOf(input);
    const answer = await this.#scripts.run("check", this.#indexes(at.bucket), undefined, () => [
      input.repair ? "1" : "",
      String(REAP_GRACE_MS),
      this.#keys.sessionPrefix(at.bucket),
      this.#keys.userSessionsPrefix(at.bucket),
      at.index,
      at.score,
      at.skip,
      String(CHECKED_AT_ONCE[at.index]),
      String(SESSIONS_OF_USER),
      String(this.#retention.eventsKept),
    ]);
    const next = nextCursor(at, input.part, answer);
    return { checked: answer.number(2), differences: differencesIn(answer), cursor: next };
  }

  async #lease(firstBucket: number, next: string, keptMs: number): Promise<boolean> {
    const keys = [this.#keys.lease(firstBucket)];
    const answer = await this.#scripts.run("lease", keys, undefined, () => [this.#owner, next, String(keptMs)]);
    return answer.status === "held";
  }

  async #reapBucket(bucket: number, id: string, call?: WriteCall): Promise<ReapOutcome> {
    const answer = await this.#scripts.run("reap", this.#indexes(bucket), call, () => [
      String(REAPED_AT_ONCE),
      String(this.#retention.endedMs),
      String(REAP_GRACE_MS),
      this.#keys.sessionPrefix(bucket),
      this.#keys.tombstonePrefix(bucket),
      this.#keys.userSessionsPrefix(bucket),
      id,
      String(this.#retention.eventsKept),
    ]);
    return { expired: answer.number(2), more: answer.number(3) === 1 };
  }

  #indexes(bucket: number): string[] {
    return [this.#keys.expiries(bucket), this.#keys.users(bucket), this.#keys.totals(bucket)];
  }
}

/** Where in a part a check stands. */
interface CheckCursor {
  readonly bucket: number;
  /** x: the expiries, n: the users. */
  readonly index: keyof typeof CHECKED_AT_ONCE;
  readonly score: string;
  /** Entries of that score that were passed. */
  readonly skip: string;
}

function cursorOf({ part, cursor }: CheckInput): CheckCursor {
  const [bucket, index, score = "-inf", skip = "0"] = cursor?.split(" ") ?? [];
  return { bucket: Number(bucket ?? part * BUCKETS_OF_PART), index: index === "n" ? "n" : "x", score, skip };
}

/** The rest of the index, then the users of the bucket, then the next bucket. */
function nextCursor({ bucket, index }: CheckCursor, part: number, answer: ScriptAnswer): string | null {
  const score = answer.text(3);
  if (score !== "") return `${bucket} ${index} ${score} ${answer.text(4)}`;
  if (index === "x") return `${bucket} n`;
  return bucket + 1 < (part + 1) * BUCKETS_OF_PART ? String(bucket + 1) : null;
}

function differencesIn(answer: ScriptAnswer): IndexDifference[] {
  const texts = answer.textsFrom(5);
  return texts.flatMap((kind, i) => (i % 2 === 0 ? [{ kind: kind as DifferenceKind, of: texts[i + 1] ?? "" }] : []));
}

/** Every key that Sojourn writes to Redis. No other file names one. */

import { hash, randomBytes } from "node:crypto";
import { checkedNamespace } from "../../store/namespace.ts";
import { userHashIn } from "../../store/placement.ts";
import { bucketOf } from "../../data/session-id.ts";
import { BUCKET_TAGS } from "./bucket-tags.generated.ts";

/** Of this process, or of this thread of it: no other numbers its operations alike. */
const OPERATIONS = randomBytes(12).toString("base64url");
let operations = 0;

/** All shared numbers of a namespace are few: they share a slot, and the operation keys of its bucket. */
export const METRICS_BUCKET = 0;

/**
 * The namespace stands before the tag, so that ACL patterns (`~ns:*`) work; the
 * tag is that of the bucket, so that all keys of one user share a cluster slot.
 */
export class Keys {
  readonly #namespace: string;
  /** Every read needs one. */
  readonly #sessionPrefixes: string[] = [];

  /** @throws ConfigError: a namespace has 1–64 characters of `A-Z a-z 0-9 _ . -`. */
  constructor(namespace: string) {
    this.#namespace = checkedNamespace(namespace);
  }

  /** String: the record. */
  session(id: string): string {
    return this.sessionPrefix(bucketOf(id)) + id;
  }
  sessionPrefix(bucket: number): string {
    this.#sessionPrefixes[bucket] ??= this.#key("s", bucket, "");
    return this.#sessionPrefixes[bucket];
  }
  /** The id of a session's key; null for a key of another kind. */
  sessionOf(key: string): string | null {
    return key.startsWith(`${this.#namespace}:s:`) ? key.slice(key.lastIndexOf(":") + 1) : null;
  }
  /** String: why and when the session was ended. */
  tombstone(id: string): string {
    return this.tombstonePrefix(bucketOf(id)) + id;
  }
  tombstonePrefix(bucket: number): string {
    return this.#key("d", bucket, "");
  }
  /** Sorted set: id → effective expiry, of one user. */
  userSessions(userKey: string): string {
    return this.userSessionsPrefix(bucketOf(userKey)) + userHashIn(userKey);
  }
  userSessionsPrefix(bucket: number): string {
    return this.#key("u", bucket, "");
  }
  /** String: the user's epoch, raised by `revokeUser`. */
  userEpoch(userKey: string): string {
    return this.userEpochPrefix(bucketOf(userKey)) + userHashIn(userKey);
  }
  userEpochPrefix(bucket: number): string {
    return this.#key("v", bucket, "");
  }
  /** Sorted set: id → effective expiry, of the bucket. */
  expiries(bucket: number): string {
    return `${this.#namespace}:x:{${tag(bucket)}}`;
  }
  /** Sorted set: user hash → latest expiry, of the bucket. */
  users(bucket: number): string {
    return `${this.#namespace}:n:{${tag(bucket)}}`;
  }
  /** Set: hashes of users who may not log in, of the bucket. */
  disabledUsers(bucket: number): string {
    return `${this.#namespace}:b:{${tag(bucket)}}`;
  }
  /** Hash: totals of the bucket. */
  totals(bucket: number): string {
    return `${this.#namespace}:t:{${tag(bucket)}}`;
  }
  /** Stream: events of the bucket; the scripts make its name from that of the totals. */
  events(bucket: number): string {
    return `${this.#namespace}:e:{${tag(bucket)}}`;
  }
  /** List: activities of a session, newest first. */
  activity(id: string): string {
    return this.activityPrefix(bucketOf(id)) + id;
  }
  activityPrefix(bucket: number): string {
    return this.#key("a", bucket, "");
  }
  /** String: the answer of an operation, so that sent again it answers the same. Without an id: one that is new. */
  operation(bucket: number, operationId = `${OPERATIONS}${(operations++).toString(36)}`): string {
    return this.#key("o", bucket, operationId);
  }
  /** String: who reaps the buckets from this one on, or that they were reaped. */
  lease(bucket: number): string {
    return `${this.#namespace}:l:{${tag(bucket)}}`;
  }
  /** String: the cut-offs of `revokeBefore`, for every process. */
  cutOffs(): string {
    return `${this.#namespace}:k`;
  }
  /** String: the same, for the scripts of one bucket. */
  cutOffsOf(bucket: number): string {
    return `${this.#namespace}:k:{${tag(bucket)}}`;
  }
  /** List: samples of a metric, newest first. */
  samples(name: string): string {
    return this.#key("m", METRICS_BUCKET, `v:${name}`);
  }
  /** Hash: what was counted in an hour since the epoch, by minute and counter. */
  seriesOf(hour: number): string {
    return this.#key("m", METRICS_BUCKET, `s:${hour}`);
  }
  /** Hash: id → record, of sessions and values that were taken away and may not have arrived yet, of the bucket. */
  aside(bucket: number): string {
    return `${this.#namespace}:f:{${tag(bucket)}}`;
  }
  /** Set: ids that were admitted from another store while it is moved, of the bucket. */
  admitted(bucket: number): string {
    return `${this.#namespace}:g:{${tag(bucket)}}`;
  }
  /** String: a value of another library, empty where one was taken away. */
  value(id: string): string {
    return this.#key("w", bucketOf(id), id);
  }
  /** Sorted set: id → when it ends, of the bucket's values. */
  values(bucket: number): string {
    return `${this.#namespace}:y:{${tag(bucket)}}`;
  }
  /** Hash: salt and layout of the namespace, and a move into it. */
  facts(): string {
    return `${this.#namespace}:c`;
  }
  /** Channel: which session changed or has an event, told by the script that did it (scripts/_publish.lua names the same). */
  changes(): string {
    return `${this.#namespace}:i`;
  }
  /** Channel: which session ended, told likewise. */
  endings(): string {
    return `${this.#namespace}:i:e`;
  }

  #key(kind: string, bucket: number, rest: string): string {
    return `${this.#namespace}:${kind}:{${tag(bucket)}}:${rest}`;
  }
}

/** String, where another application keeps its sessions: what became of one. Outside of that one's prefix, which it lists. */
export function adoptionMark(oldKey: string): string {
  return `sojourn-adopted:${hash("sha256", oldKey, "base64url")}`;
}

function tag(bucket: number): string {
  return BUCKET_TAGS[bucket] ?? "";
}

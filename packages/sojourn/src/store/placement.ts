/**
 * Where a user's sessions live. Bucket and user hash come from a salt that is
 * made once per namespace and never rotated: not from `secrets`, which rotate.
 */

import { USER_HASH_LENGTH } from "../data/record.ts";
import { HmacKey } from "../security/keyring.ts";
import { BUCKETS, bucketCharacters } from "../data/session-id.ts";

export const SALT_BYTES = 32;

export class Placement {
  readonly #key: HmacKey;

  /** @param salt 32 random bytes, the same in every process of the namespace. */
  constructor(salt: Buffer) {
    this.#key = new HmacKey(salt);
  }

  /**
   * 2 characters of bucket and 16 of hash (96 bits of a keyed hash: a clash among
   * 10^9 users has a chance of 10^-11, and nobody without the salt can look for one).
   */
  userKey(userId: string): string {
    const digest = this.#key.digest(Buffer.from(`user\0${userId}`, "utf8"));
    const bucket = digest.readUInt16BE(0) % BUCKETS;
    return bucketCharacters(bucket) + digest.subarray(2, 14).toString("base64url");
  }

  /** The id of a session that another library has a name for: always the same, in a bucket of its own. */
  namedId(name: string): string {
    const digest = this.#key.digest(Buffer.from(`name\0${name}`, "utf8"));
    return bucketCharacters(digest.readUInt16BE(0) % BUCKETS) + digest.subarray(2, 18).toString("base64url");
  }
}

/** The hash within a user key: what a record keeps. */
export function userHashIn(userKey: string): string {
  return userKey.slice(2, 2 + USER_HASH_LENGTH);
}

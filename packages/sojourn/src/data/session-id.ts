/**
 * The public id of a session: 2 characters of bucket and 22 of randomness,
 * canonical base64url. It says where the session lives; it can never authenticate.
 */

import { randomBytes, randomInt } from "node:crypto";

/** All keys of one user live in one bucket, hence in one cluster slot. Frozen: ids carry it. */
export const BUCKETS = 1024;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** 2 characters below 1,024 begin with A–P; 22 characters of 16 bytes end in A, Q, g or w. */
const SESSION_ID = /^[A-P][A-Za-z0-9_-]{22}[AQgw]$/;

export function isSessionId(value: unknown): value is string {
  return typeof value === "string" && value.length === 24 && SESSION_ID.test(value);
}

/** A new id in that bucket, with 128 random bits. */
export function newSessionId(bucket: number): string {
  return bucketCharacters(bucket) + randomBytes(16).toString("base64url");
}

export function randomBucket(): number {
  return randomInt(BUCKETS);
}

/** Of a session without a user. */
export function newAnonymousId(): string {
  return newSessionId(randomBucket());
}

export function bucketCharacters(bucket: number): string {
  return ALPHABET.charAt(bucket >> 6) + ALPHABET.charAt(bucket & 63);
}

/** The bucket that an id or a user key begins with. */
export function bucketOf(idOrUserKey: string): number {
  return (ALPHABET.indexOf(idOrUserKey.charAt(0)) << 6) | ALPHABET.indexOf(idOrUserKey.charAt(1));
}

/**
 * The secret of a renewed token, kept in the record so that only who has the
 * old token gets it: `wrap = newSecret XOR HMAC(key, oldSecret ‖ id ‖ generation ‖ successorHash)`.
 * Every racer with the old token thus gets the same successor, and a dump of
 * the store yields nothing without both the ring's key and the old token.
 */

import type { KeyRing } from "./keyring.ts";

export interface WrappedSecret {
  readonly wrap: Buffer;
  readonly keyId: number;
}

/** For whom the secret is wrapped: the holder of the old one, for this session and generation only. */
export interface WrapContext {
  readonly oldSecret: Buffer;
  readonly id: string;
  /** Of the successor. */
  readonly generation: number;
  /** Of the successor: two successors of one token must not share a pad. */
  readonly successorHash: Buffer;
}

export function wrapSecret(ring: KeyRing, newSecret: Buffer, context: WrapContext): WrappedSecret {
  const key = ring.signer("rotate");
  return { wrap: xor(newSecret, key.digest(messageOf(context))), keyId: key.id };
}

/** Null when the key is no longer in the ring: the session goes on, and its next renewal makes a new successor. */
export function unwrapSecret(ring: KeyRing, wrapped: WrappedSecret, context: WrapContext): Buffer | null {
  const key = ring.verifiers("rotate").find((each) => each.id === wrapped.keyId);
  return key === undefined ? null : xor(wrapped.wrap, key.digest(messageOf(context)));
}

function messageOf({ oldSecret, id, generation, successorHash }: WrapContext): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(generation);
  return Buffer.concat([oldSecret, Buffer.from(id, "latin1"), tail, successorHash]);
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}

/**
 * The token: the bearer secret that only the client has.
 *
 * ```text
 * version 1 · id 24 · generation 3 · secret 43 · mac 22  = 93 characters of [A-Za-z0-9_-]
 * ```
 *
 * Each segment is canonical base64url on its own; any other spelling is refused
 * (a 22-character MAC has 16 that decode alike). The MAC makes a forged token
 * fail here, before any store is asked. Rows A1, A4, A6, A8.
 */

import { hash, randomBytes } from "node:crypto";
import { TOKEN_HASH_LENGTH } from "../data/record.ts";
import type { RecordCopy } from "../data/session-record.ts";
import { isSessionId } from "../data/session-id.ts";
import { equalBytes, type HmacKey, type KeyRing } from "./keyring.ts";
import { LruMap } from "./lru-map.ts";

export const TOKEN_LENGTH = 93;
const VERSION = "1";
const SECRET_BYTES = 32;
const SIGNED_LENGTH = 71;
const ID_AT = 1;
const GENERATION_AT = 25;
const SECRET_AT = 28;
export const MAX_GENERATION = 2 ** 18 - 1;
const REMEMBERED_TOKENS = 10_000;

/** 43 characters of 32 bytes end in one of 16, 22 of 16 bytes in one of 4. */
const CANONICAL = /^1[A-P][A-Za-z0-9_-]{22}[AQgw][A-Za-z0-9_-]{45}[AEIMQUYcgkosw048][A-Za-z0-9_-]{21}[AQgw]$/;

export interface VerifiedToken {
  readonly id: string;
  readonly generation: number;
  /** First 16 bytes of the SHA-256 of the secret: what the record is compared with. */
  readonly hash: Buffer;
  /** Position in the ring of the key that signed it; 0 is current. */
  readonly keyIndex: number;
  /** The near cache's copy that it was good for the last time: the next request need not look for it. */
  copy: RecordCopy | null;
}

export interface IssuedToken {
  readonly token: string;
  readonly hash: Buffer;
}

/** Makes and verifies the tokens of one namespace. */
export class TokenSigner {
  readonly #label: Buffer;
  readonly #signer: HmacKey;
  readonly #verifiers: readonly HmacKey[];
  readonly #verified = new LruMap<string, VerifiedToken>(REMEMBERED_TOKENS);

  constructor(ring: KeyRing, namespace: string) {
    this.#label = Buffer.from(`sojourn token\0${namespace}\0`, "utf8");
    this.#signer = ring.signer("token-mac");
    this.#verifiers = ring.verifiers("token-mac");
  }

  /** A new token with 32 fresh random bytes. */
  issue(id: string, generation: number): IssuedToken {
    return this.compose(id, generation, randomBytes(SECRET_BYTES));
  }

  /** The token of a given secret; test vectors and re-issues under a newer key use it. */
  compose(id: string, generation: number, secret: Buffer): IssuedToken {
    if (!isSessionId(id)) throw new RangeError(`not a session id: ${String(id)}`);
    if (!(Number.isInteger(generation) && generation >= 0 && generation <= MAX_GENERATION)) {
      throw new RangeError(`generation ${generation} is not within 0 and ${MAX_GENERATION}`);
    }
    if (secret.length !== SECRET_BYTES)
      throw new RangeError(`the secret has ${secret.length} bytes, not ${SECRET_BYTES}`);
    const signed = VERSION + id + encodeGeneration(generation) + secret.toString("base64url");
    const mac = this.#signer.mac(this.#message(signed)).toString("base64url");
    return { token: signed + mac, hash: secretHash(secret) };
  }

  /** Null for anything that this ring did not sign, in any spelling but the canonical one. Never throws. */
  verify(token: unknown): VerifiedToken | null {
    if (typeof token !== "string" || token.length !== TOKEN_LENGTH) return null;
    return this.#verified.get(token) ?? this.#newlyVerified(token);
  }

  #newlyVerified(token: string): VerifiedToken | null {
    if (!CANONICAL.test(token)) return null;
    // A slice of a request's header would keep all of that, and have each look go two ways.
    const own = Buffer.from(token, "latin1").toString("latin1");
    const verified = this.#verifyMac(own);
    // Only genuine tokens are remembered: forged ones must not push them out.
    if (verified !== null) this.#verified.set(own, verified);
    return verified;
  }

  #verifyMac(token: string): VerifiedToken | null {
    const message = this.#message(token.slice(0, SIGNED_LENGTH));
    const mac = Buffer.from(token.slice(SIGNED_LENGTH), "base64url");
    const keyIndex = this.#verifiers.findIndex((key) => equalBytes(key.mac(message), mac));
    if (keyIndex < 0) return null;
    return {
      id: Buffer.from(token, "latin1").toString("latin1", ID_AT, GENERATION_AT),
      generation: Buffer.from(`A${token.slice(GENERATION_AT, SECRET_AT)}`, "base64url").readUIntBE(0, 3),
      hash: secretHash(secretOf(token)),
      keyIndex,
      copy: null,
    };
  }

  #message(signed: string): Buffer {
    return Buffer.concat([this.#label, Buffer.from(signed, "latin1")]);
  }
}

/** The secret within a token that was verified. */
export function secretOf(token: string): Buffer {
  return Buffer.from(token.slice(SECRET_AT, SIGNED_LENGTH), "base64url");
}

/** 18 bits in 3 characters: the last three of the four that 24 bits take. */
function encodeGeneration(generation: number): string {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntBE(generation, 0, 3);
  return bytes.toString("base64url").slice(1);
}

function secretHash(secret: Buffer): Buffer {
  return hash("sha256", secret, "buffer").subarray(0, TOKEN_HASH_LENGTH);
}

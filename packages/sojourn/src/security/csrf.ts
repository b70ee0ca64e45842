/**
 * CSRF tokens: a MAC over the session's id and `floor`, so that nothing is stored. A form survives a renewal of
 * the session's token, not an elevation or a login, which may have changed who is asking. Each one that is given
 * out is masked anew, so that compression of a page that holds it says nothing about it (BREACH).
 * Source: OWASP CSRF Prevention Cheat Sheet, "Employing HMAC CSRF Tokens"; rows A8, E2, H4.
 */

import { randomBytes } from "node:crypto";
import { equalBytes, type HmacKey, type KeyRing } from "./keyring.ts";

/** Whose token it is. */
export interface CsrfSubject {
  readonly id: string;
  /** Generation of the session's last elevation. */
  readonly floor: number;
}

const MASK_BYTES = 16;
/** 32 bytes: the mask, and the MAC under it. */
const FORM = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export class CsrfTokens {
  readonly #label: Buffer;
  readonly #signer: HmacKey;
  readonly #verifiers: readonly HmacKey[];

  constructor(ring: KeyRing, namespace: string) {
    this.#label = Buffer.from(`sojourn csrf\0${namespace}\0`, "utf8");
    this.#signer = ring.signer("csrf");
    this.#verifiers = ring.verifiers("csrf");
  }

  /** 43 characters, others at each call. */
  issue(subject: CsrfSubject): string {
    const mask = randomBytes(MASK_BYTES);
    return Buffer.concat([mask, masked(this.#signer.mac(this.#message(subject)), mask)]).toString("base64url");
  }

  /** In constant time, by any key of the ring; false for anything else. Never throws. */
  verify(subject: CsrfSubject, token: unknown): boolean {
    if (typeof token !== "string" || !FORM.test(token)) return false;
    const bytes = Buffer.from(token, "base64url");
    const mac = masked(bytes.subarray(MASK_BYTES), bytes);
    const message = this.#message(subject);
    return this.#verifiers.some((key) => equalBytes(key.mac(message), mac));
  }

  #message({ id, floor }: CsrfSubject): Buffer {
    return Buffer.concat([this.#label, Buffer.from(`${id}\0${floor}`, "latin1")]);
  }
}

function masked(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ (mask[i] ?? 0)));
}

/**
 * The key ring: `secrets` in, subkeys by purpose out. The first secret signs,
 * all verify, so that a secret can be rotated without logging anybody out
 * (security rows P1, P2).
 */

import { hash, hkdfSync, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";
import { ConfigError } from "../errors.ts";

const MIN_SECRET_LENGTH = 32;
const BLOCK = 64;
const MAC_BYTES = 16;
const KEY_ID = Buffer.from("key id");

/** What a subkey is for. A value made for one purpose verifies for no other. */
export type KeyPurpose = "token-mac" | "csrf" | "rotate" | "fingerprint" | "adopt" | "field-encryption";

/** What `secrets` are for. */
const OF_SECRETS: readonly KeyPurpose[] = ["token-mac", "csrf", "rotate", "fingerprint", "adopt"];

/** HMAC-SHA256 (RFC 2104) with the pads made once, as two one-shot hashes: faster than `createHmac` per message. */
export class HmacKey {
  /** Tells keys of one purpose apart in stored data; says nothing about the key. */
  readonly id: number;
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(key: Buffer) {
    const block = Buffer.alloc(BLOCK);
    (key.length > BLOCK ? hash("sha256", key, "buffer") : key).copy(block);
    this.#inner = block.map((byte) => byte ^ 0x36) as Buffer;
    this.#outer = block.map((byte) => byte ^ 0x5c) as Buffer;
    this.id = this.digest(KEY_ID).readUInt32BE(0);
  }

  /** All 32 bytes. */
  digest(message: Buffer): Buffer {
    const inner = hash("sha256", Buffer.concat([this.#inner, message], BLOCK + message.length), "buffer");
    return hash("sha256", Buffer.concat([this.#outer, inner], BLOCK + 32), "buffer");
  }

  /** The first 128 bits, as used in tokens. */
  mac(message: Buffer): Buffer {
    return this.digest(message).subarray(0, MAC_BYTES);
  }
}

export class KeyRing {
  readonly #rings: ReadonlyMap<KeyPurpose, readonly HmacKey[]>;

  /**
   * @param option its name, for messages
   * @throws ConfigError when a secret is missing, short, repeated or a documented sample.
   */
  constructor(secrets: readonly (string | undefined)[], option = "secrets", purposes = OF_SECRETS) {
    checkSecrets(secrets, option);
    this.#rings = new Map(purposes.map((purpose) => [purpose, secrets.map((secret) => subkey(secret, purpose))]));
  }

  /** The key that signs for this purpose: made from the first secret. */
  signer(purpose: KeyPurpose): HmacKey {
    const [first] = this.verifiers(purpose);
    if (first === undefined) throw new ConfigError("The key ring is empty.", "secrets_missing");
    return first;
  }

  /** All keys that verify, newest first. */
  verifiers(purpose: KeyPurpose): readonly HmacKey[] {
    return this.#rings.get(purpose) ?? [];
  }

  /** Keeps keys out of logs (row P3). */
  [inspect.custom](): string {
    return "KeyRing { … }";
  }
}

function subkey(secret: string, purpose: KeyPurpose): HmacKey {
  return new HmacKey(Buffer.from(hkdfSync("sha256", secret, "", `sojourn/${purpose}`, 32)));
}

/** Constant-time comparison; false, not an exception, for unequal lengths (row A7). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const HINT = `Make one with: node -e "console.log(require('crypto').randomBytes(32).toString('base64url'))"`;
const SAMPLE =
  /change[-_ ]?(?:me|this)|replace[-_ ]?(?:me|this)|(?:your|my)[-_ ](?:own[-_ ])?(?:super|secret|session|key)|secret[-_ ]?(?:key|here|value)|(?:super|default|test|random)[-_ ]?secret|keyboard ?cat|example|password/i;

function checkSecrets(secrets: readonly (string | undefined)[], option: string): asserts secrets is readonly string[] {
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new ConfigError(
      `Option ${option} is missing: pass ${option}: [process.env.SESSION_SECRET]. ${HINT}`,
      "secrets_missing",
    );
  }
  for (const [i, secret] of secrets.entries() as Iterable<[number, unknown]>) {
    if (typeof secret !== "string" || secret === "") {
      throw new ConfigError(
        `${option}[${i}] is ${secret === "" ? "empty" : typeof secret}, not a string. ${HINT}`,
        "secrets_missing",
      );
    }
    if (secret.length < MIN_SECRET_LENGTH) {
      throw new ConfigError(
        `${option}[${i}] has ${secret.length} characters; at least ${MIN_SECRET_LENGTH} are needed. ${HINT}`,
        "secrets_weak",
      );
    }
    if (SAMPLE.test(secret) || new Set(secret).size < 8 || isRepeated(secret)) {
      throw new ConfigError(
        `${option}[${i}] looks like a sample or a repeated pattern, not like a random secret. ${HINT}`,
        "secrets_weak",
      );
    }
  }
  if (new Set(secrets).size !== secrets.length) throw new ConfigError(`Option ${option} holds the same secret twice.`);
}

/** Whether the text is one piece said at least twice. */
function isRepeated(text: string): boolean {
  return (text + text).indexOf(text, 1) <= text.length / 2;
}

/**
 * Encrypted fields: AES-256-GCM (NIST SP 800-38D), row N4.
 *
 * ```text
 * key id      4 bytes, of the key of `encryption.keys`
 * nonce      12 bytes, fresh for each value
 * ciphertext of the value's JSON text, as long as that
 * tag        16 bytes
 * ```
 *
 * Every session has a key of its own, made from the ring's key, its namespace and id: random nonces would otherwise
 * bound the values that all sessions together may ever store under one key (2^32, SP 800-38D 8.3). Namespace, id and
 * field name are authenticated besides, so that no value can be moved to another place.
 */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { ConfigError, EncryptionKeyMissingError } from "../errors.ts";
import { type HmacKey, KeyRing } from "../security/keyring.ts";
import { checkName } from "./codec.ts";
import { CorruptRecordError } from "./session-record.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_ID = 4;
const NONCE = 12;
const TAG = 16;

export interface EncryptionOptions {
  /**
   * Random strings of at least 32 characters, others than `secrets`: the first encrypts, all decrypt. To rotate without
   * a process meeting values that it cannot read, add the new one at the end everywhere, then put it in front; drop the
   * old one after the longest absolute timeout.
   */
  readonly keys: readonly (string | undefined)[];
  /** Names of the fields to encrypt. They cannot be incremented. Default "all". */
  readonly fields?: readonly string[] | "all";
}

/** @internal */
export class FieldCipher {
  readonly #namespace: string;
  readonly #keys: readonly HmacKey[];
  readonly #fields: ReadonlySet<string> | "all";

  /** Without options nothing is encrypted, and what is stays unreadable. @throws ConfigError */
  constructor(namespace: string, options?: EncryptionOptions) {
    this.#namespace = namespace;
    const ring = options && new KeyRing(options.keys, "encryption.keys", ["field-encryption"]);
    this.#keys = ring?.verifiers("field-encryption") ?? [];
    this.#fields = fieldsOf(options);
  }

  /** The key under which values of this name are stored; null for those that lie plain. */
  keyFor(name: string): HmacKey | null {
    const [first] = this.#keys;
    return first !== undefined && (this.#fields === "all" || this.#fields.has(name)) ? first : null;
  }

  seal(key: HmacKey, id: string, name: string, text: string): Buffer {
    const head = Buffer.alloc(KEY_ID);
    head.writeUInt32BE(key.id);
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv(ALGORITHM, this.#sessionKey(key, id), nonce, { authTagLength: TAG });
    cipher.setAAD(this.#place(head, id, name));
    return Buffer.concat([head, nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  }

  /**
   * The JSON text of a sealed value.
   * @throws EncryptionKeyMissingError; CorruptRecordError for a value that was changed, or moved here from elsewhere
   */
  open(id: string, name: string, sealed: Buffer): string {
    if (sealed.length < KEY_ID + NONCE + TAG) throw new CorruptRecordError("encrypted field is cut");
    const head = sealed.subarray(0, KEY_ID);
    const key = this.#keys.find((each) => each.id === head.readUInt32BE());
    if (key === undefined) throw new EncryptionKeyMissingError(id, name);
    const nonce = sealed.subarray(KEY_ID, KEY_ID + NONCE);
    const decipher = createDecipheriv(ALGORITHM, this.#sessionKey(key, id), nonce, { authTagLength: TAG });
    decipher.setAAD(this.#place(head, id, name)).setAuthTag(sealed.subarray(-TAG));
    const text = decipher.update(sealed.subarray(KEY_ID + NONCE, -TAG), undefined, "utf8");
    try {
      return text + decipher.final("utf8");
    } catch {
      throw new CorruptRecordError("encrypted field is not authentic");
    }
  }

  #sessionKey(key: HmacKey, id: string): Buffer {
    return key.digest(Buffer.from(`${this.#namespace}\0${id}`, "latin1"));
  }

  /** Namespaces have no NUL, ids are of one length: nothing else reads the same. */
  #place(keyId: Buffer, id: string, name: string): Buffer {
    return Buffer.concat([keyId, Buffer.from(`${this.#namespace}\0${id}${name}`, "utf8")]);
  }
}

function fieldsOf({ fields = "all" }: Partial<EncryptionOptions> = {}): ReadonlySet<string> | "all" {
  if (fields === "all") return fields;
  if (!Array.isArray(fields) || fields.length === 0) {
    throw new ConfigError('Option encryption.fields must be a list of field names, or "all".');
  }
  fields.forEach(checkName);
  return new Set(fields);
}

/**
 * Binding of a session to the client that it was begun on: never the only defence, for whoever copies a cookie
 * can copy headers too (row K1; NIST SP 800-63B-4 §5.3, OWASP Session Management "Binding the Session ID").
 */

import type { BindingFacts, Metadata } from "../data/metadata.ts";
import { ConfigError } from "../errors.ts";
import { networkOf } from "./address.ts";
import { equalBytes, type HmacKey, type KeyRing } from "./keyring.ts";
import { browserOf, type ClientSignals, differs, languageOf, platformOf, type Signal, SIGNALS } from "./signals.ts";

export interface BindingOptions {
  /**
   * What happens when fingerprint, browser or platform differ. `"log"`: a line for the operator, and
   * `session.security.suspicious`. `"stepUp"`: the session is locked until `reauthenticate`. `"revoke"`: it ends.
   * Language and network alone only appear in the answer of `validate`.
   */
  readonly onMismatch: "log" | "stepUp" | "revoke";
  /** What is compared. Default: `["fingerprint", "browser", "platform", "language", "network"]`. */
  readonly signals?: readonly Signal[];
}

/** What `create` and `login` are told of the client besides `device`. */
export interface BindingInput {
  /** Kept as a keyed hash only. At most 1,024 characters. */
  readonly fingerprint?: string | null | undefined;
  /** The Accept-Language header. */
  readonly language?: string | null | undefined;
}

const ACTIONS: readonly unknown[] = ["log", "stepUp", "revoke"];
const MAX_FINGERPRINT_LENGTH = 1_024;
const MAC_BYTES = 16;

/** Keyed hashes of fingerprints: equal ones of two sessions have nothing in common, and a dump tells none of them. @internal */
export class Fingerprints {
  readonly #label: Buffer;
  readonly #signer: HmacKey;
  readonly #verifiers: readonly HmacKey[];

  constructor(ring: KeyRing, namespace: string) {
    this.#label = Buffer.from(`sojourn fingerprint\0${namespace}\0`, "utf8");
    this.#signer = ring.signer("fingerprint");
    this.#verifiers = ring.verifiers("fingerprint");
  }

  /** 27 characters: which key, and the hash. */
  seal(id: string, fingerprint: string): string {
    const keyId = Buffer.alloc(4);
    keyId.writeUInt32BE(this.#signer.id);
    return Buffer.concat([keyId, this.#mac(this.#signer, id, fingerprint)]).toString("base64url");
  }

  /** In constant time. True as well when the key is no longer in the ring: then nobody can tell. */
  fits(id: string, sealed: string, fingerprint: unknown): boolean {
    const bytes = Buffer.from(sealed, "base64url");
    const key = bytes.length === 4 + MAC_BYTES && this.#verifiers.find((each) => each.id === bytes.readUInt32BE(0));
    if (!key) return true;
    return typeof fingerprint === "string" && equalBytes(this.#mac(key, id, fingerprint), bytes.subarray(4));
  }

  #mac(key: HmacKey, id: string, fingerprint: string): Buffer {
    return key.mac(Buffer.concat([this.#label, Buffer.from(`${id}\0${fingerprint}`, "utf8")]));
  }
}

/** @internal */
export class Binding {
  readonly onMismatch: BindingOptions["onMismatch"];
  readonly #signals: readonly Signal[];
  readonly #fingerprints: Fingerprints;

  /** @throws ConfigError */
  constructor(options: BindingOptions, fingerprints: Fingerprints) {
    const { onMismatch, signals = SIGNALS } = options;
    if (!ACTIONS.includes(onMismatch))
      throw new ConfigError(`Option binding.onMismatch must be one of: ${ACTIONS.join(", ")}.`);
    if (!Array.isArray(signals) || !signals.every((each) => SIGNALS.includes(each))) {
      throw new ConfigError(`Option binding.signals must be a list of: ${SIGNALS.join(", ")}.`);
    }
    this.onMismatch = onMismatch;
    this.#signals = SIGNALS.filter((each) => signals.includes(each));
    this.#fingerprints = fingerprints;
  }

  /** Which signals are not those of the client that the session was begun on. */
  differing(id: string, { device = {}, binding = {} }: Metadata, now: ClientSignals): readonly Signal[] {
    const compared: Record<Signal, () => boolean> = {
      fingerprint: () =>
        binding.fingerprint !== undefined &&
        now.fingerprint !== undefined &&
        !this.#fingerprints.fits(id, binding.fingerprint, now.fingerprint),
      browser: () => differs(device.userAgent, now.userAgent, browserOf),
      platform: () => differs(device.userAgent, now.userAgent, platformOf),
      language: () => differs(binding.language, now.language, languageOf),
      network: () => differs(device.ip, now.ip, networkOf),
    };
    return this.#signals.filter((signal) => compared[signal]());
  }
}

/** What is kept of a client. @throws TypeError @internal */
export function bindingFacts(fingerprints: Fingerprints, id: string, input: BindingInput): BindingFacts | undefined {
  if (typeof input !== "object" || input === null) throw new TypeError("binding must be an object.");
  const { fingerprint, language } = input;
  if (fingerprint !== undefined && fingerprint !== null && !isFingerprint(fingerprint)) {
    throw new TypeError(`binding.fingerprint must be a string of 1 to ${MAX_FINGERPRINT_LENGTH} characters.`);
  }
  const primary = typeof language === "string" ? languageOf(language) : null;
  const facts = {
    ...(isFingerprint(fingerprint) ? { fingerprint: fingerprints.seal(id, fingerprint) } : {}),
    ...(primary === null ? {} : { language: primary }),
  };
  return Object.keys(facts).length === 0 ? undefined : facts;
}

function isFingerprint(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_FINGERPRINT_LENGTH;
}

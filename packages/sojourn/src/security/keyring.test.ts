import { createHmac, hkdfSync } from "node:crypto";
import { format, inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { equalBytes, HmacKey, type KeyPurpose, KeyRing } from "./keyring.ts";

const A = "Zr9kQ2mX7vB4nL8pT1wY6cH3jF5sD0gA";
const B = "uE4hW8qR2tN6yM0bV3xK7zC1aG5fJ9lS";
const PURPOSES: readonly KeyPurpose[] = ["token-mac", "csrf", "rotate", "fingerprint"];
const MESSAGE = Buffer.from("message");

function refusalOf(secrets: unknown): ConfigError {
  try {
    const ring = new KeyRing(secrets as readonly string[]);
    throw new Error(`${inspect(ring)} was made`);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

describe("HmacKey", () => {
  test("equals createHmac for any key, also over 64 bytes, and any message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 200 }), (key, message) => {
        const expected = createHmac("sha256", key).update(message).digest();
        const hmac = new HmacKey(Buffer.from(key));
        expect(hmac.digest(Buffer.from(message))).toEqual(expected);
        expect(hmac.mac(Buffer.from(message))).toEqual(expected.subarray(0, 16));
      }),
      { numRuns: 300 },
    );
  });

  test.each([0, 1, 63, 64, 65, 128])("equals createHmac for a key of %i bytes", (length) => {
    const key = Buffer.alloc(length, 0xa5);
    expect(new HmacKey(key).digest(MESSAGE)).toEqual(createHmac("sha256", key).update(MESSAGE).digest());
  });

  test.each([
    ["1", Buffer.alloc(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      "2",
      Buffer.from("Jefe"),
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
  ])("RFC 4231 test case %s", (_, key, message, expected) => {
    expect(new HmacKey(key).digest(Buffer.from(message)).toString("hex")).toBe(expected);
  });

  test("keeps no hold of the key's bytes", () => {
    const key = Buffer.alloc(32, 7);
    const hmac = new HmacKey(key);
    const before = hmac.digest(MESSAGE);
    key.fill(0);
    expect(hmac.digest(MESSAGE)).toEqual(before);
  });
});

describe("P2 a subkey for each purpose", () => {
  // Made with Python's hmac and hashlib by RFC 5869: salt empty, info "sojourn/<purpose>".
  test.each([
    ["token-mac", "4d25c8a6aeff60dfad84d9a2064687e6252187dac69bdee5405fa29471eb2b51"],
    ["csrf", "81ac201352654e41f97a873e4e5f70f708366fcc731b1cb96c61e1f62dba636b"],
    ["rotate", "d98cc770a1496689fb3ca0d933ff8b97f28f69b2b5120bafff34627ab7b5f458"],
    ["fingerprint", "465ca00adb5e29ffa4adf94f57439fc951937a7ceb8a6d02b75d2892ae0c6632"],
  ] as const)("known answer of %s", (purpose, expected) => {
    expect(new KeyRing([A]).signer(purpose).digest(MESSAGE).toString("hex")).toBe(expected);
  });

  test("they differ by purpose and by secret, and none is the secret itself", () => {
    const rings = [new KeyRing([A]), new KeyRing([B])];
    const digests = rings.flatMap((ring) =>
      PURPOSES.map((purpose) => ring.signer(purpose).digest(MESSAGE).toString("hex")),
    );
    const bare = [A, B].map((secret) => createHmac("sha256", secret).update(MESSAGE).digest("hex"));
    expect(new Set([...digests, ...bare]).size).toBe(10);
  });

  test("secrets beyond ASCII are taken as UTF-8", () => {
    const secret = `${A}žluťoučký 🦊`;
    const key = Buffer.from(hkdfSync("sha256", Buffer.from(secret, "utf8"), "", "sojourn/csrf", 32));
    expect(new KeyRing([secret]).signer("csrf").digest(MESSAGE)).toEqual(new HmacKey(key).digest(MESSAGE));
  });
});

describe("P1 the ring", () => {
  test("the first secret signs, all verify, in order", () => {
    const ring = new KeyRing([B, A]);
    const digestOf = (key: HmacKey | undefined) => key?.digest(MESSAGE).toString("hex");
    for (const purpose of PURPOSES) {
      const alone = [B, A].map((secret) => digestOf(new KeyRing([secret]).signer(purpose)));
      expect(ring.verifiers(purpose).map(digestOf)).toEqual(alone);
      expect(digestOf(ring.signer(purpose))).toBe(alone[0]);
    }
  });

  test("later changes of the caller's list change nothing", () => {
    const secrets = [A];
    const ring = new KeyRing(secrets);
    secrets.unshift(B);
    expect(ring.verifiers("csrf")).toHaveLength(1);
  });
});

describe("P3 weak secrets are refused", () => {
  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a text in place of a list", A],
    ["an empty list", []],
    ["an empty text", [""]],
    ["undefined within", [undefined]],
    ["a number", [12_345_678_901_234_567_890n, 1]],
    ["a Buffer", [Buffer.from(A)]],
    ["a String object", [Object(A)]],
    ["a second one that is missing", [A, undefined]],
  ])("missing or no text: %s", (_, secrets) => {
    expect(refusalOf(secrets).code).toBe("secrets_missing");
  });

  test.each([
    ["31 characters", A.slice(1)],
    ["one character", "s"],
    ["change-me", `change-me-${A}`],
    ["changeme", `ChangeMe${A}`],
    ["your-", `your-secret-goes-here-${A}`],
    ["my-secret", `my-secret-${A}`],
    ["secret key", `secret key ${A}`],
    ["keyboard cat", `keyboard cat ${A}`],
    ["example", `example-${A}`],
    ["test-secret", `test-secret-${A}`],
    ["password", `Password${A}`],
    ["xxx", "x".repeat(32)],
    ["one character repeated", "k".repeat(64)],
    ["two characters repeated", "ab".repeat(20)],
    ["seven characters repeated", "abcdefg".repeat(6)],
  ])("weak: %s", (_, secret) => {
    expect(refusalOf([secret]).code).toBe("secrets_weak");
    expect(refusalOf([A, secret]).code).toBe("secrets_weak");
    expect(refusalOf([A, secret]).message).toContain("secrets[1]");
  });

  test("the same twice", () => {
    expect(refusalOf([A, B, A])).toBeInstanceOf(ConfigError);
  });

  test("32 random characters are enough, and so is what the hint makes", () => {
    expect(new KeyRing([A]).verifiers("csrf")).toHaveLength(1);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32, noShrink: true } as object), (bytes) => {
        fc.pre(new Set(bytes).size > 20);
        expect(new KeyRing([Buffer.from(bytes).toString("base64url")]).verifiers("csrf")).toHaveLength(1);
      }),
    );
  });

  test("every refusal says the way out, and never the secret", () => {
    const refused = [[A.slice(1)], [`change-me-${A}`], ["abcdefg".repeat(6)], [A, A], [A, B.slice(2)]];
    for (const secrets of refused) {
      const { message, stack } = refusalOf(secrets);
      for (const secret of secrets) expect(`${message} ${stack}`).not.toContain(secret.slice(0, 12));
    }
    expect(refusalOf([]).message).toContain("randomBytes(32)");
    expect(refusalOf(["short"]).message).toContain("randomBytes(32)");
  });

  test("no way of printing a ring or a key shows secrets or key bytes", () => {
    const ring = new KeyRing([A, B]);
    const key = ring.signer("token-mac");
    const printed = [ring, key, { ring, key }]
      .flatMap((each) => [
        inspect(each, { showHidden: true, depth: null }),
        JSON.stringify(each),
        format("%s %o", each, each),
      ])
      .join("\n");
    const subkey = Buffer.from(hkdfSync("sha256", A, "", "sojourn/token-mac", 32));
    expect(printed).toContain("KeyRing { … }");
    for (const secret of [A, B, subkey.toString("hex"), subkey.toString("base64url")])
      expect(printed).not.toContain(secret.slice(0, 8));
    expect(printed).not.toMatch(/<Buffer/);
  });
});

describe("A7 equalBytes", () => {
  test("equals comparing hex, for any two", () => {
    const bytes = fc.uint8Array({ maxLength: 4, max: 2 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(b));
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [0, 1],
    [16, 15],
    [16, 17],
    [32, 0],
  ])("%i and %i bytes: false, no exception", (a, b) => {
    expect(equalBytes(Buffer.alloc(a), Buffer.alloc(b))).toBe(false);
  });
});

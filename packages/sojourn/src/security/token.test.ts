import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bucketCharacters, newSessionId, randomBucket } from "../data/session-id.ts";
import { HmacKey, type KeyPurpose, KeyRing } from "./keyring.ts";
import { MAX_GENERATION, TOKEN_LENGTH, TokenSigner } from "./token.ts";

const A = "Zr9kQ2mX7vB4nL8pT1wY6cH3jF5sD0gA";
const B = "uE4hW8qR2tN6yM0bV3xK7zC1aG5fJ9lS";
const NAMESPACE = "sojourn";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ID = `${bucketCharacters(517)}AAECAwQFBgcICQoLDA0ODw`;
const SECRET = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7));
const BITS = [0, 1, 2, 3, 4, 5, 6, 7];
const LAST_OF = { id: 24, secret: 70, mac: 92 };

function signerOf(secrets: readonly string[], namespace = NAMESPACE): TokenSigner {
  return new TokenSigner(new KeyRing(secrets), namespace);
}

/** What somebody who holds the key of that purpose could sign, in whatever spelling. */
function signedBy(purpose: KeyPurpose, signed: string, namespace = NAMESPACE): string {
  const message = Buffer.from(`sojourn token\0${namespace}\0${signed}`, "utf8");
  return signed + new KeyRing([A]).signer(purpose).mac(message).toString("base64url");
}

function replaced(token: string, at: number, character: string): string {
  return token.slice(0, at) + character + token.slice(at + 1);
}

/** A fresh token whose text has `-` and `_` in it, which plain base64 spells `+` and `/`. */
function tokenWithBoth(signer: TokenSigner): string {
  for (;;) {
    const { token } = signer.issue(ID, 0);
    if (token.includes("-") && token.includes("_")) return token;
  }
}

const signer = signerOf([A]);
const { token: TOKEN, hash: HASH } = signer.compose(ID, 9, SECRET);

afterEach(() => vi.restoreAllMocks());

describe("shape", () => {
  test("version 1, id 24, generation 3, secret 43, mac 22: 93 characters of base64url", () => {
    expect(TOKEN_LENGTH).toBe(93);
    expect(TOKEN).toMatch(/^[A-Za-z0-9_-]{93}$/);
    expect(TOKEN.slice(0, 1)).toBe("1");
    expect(TOKEN.slice(1, 25)).toBe(ID);
    expect(TOKEN.slice(25, 28)).toBe("AAJ");
    expect(TOKEN.slice(28, 71)).toBe(SECRET.toString("base64url"));
    expect(Buffer.from(TOKEN.slice(71), "base64url")).toHaveLength(16);
  });

  test("what is issued is verified with the same id, generation and hash", () => {
    const generation = fc.oneof(
      fc.integer({ min: 0, max: MAX_GENERATION }),
      fc.constantFrom(0, 63, 64, 4_095, 4_096, MAX_GENERATION),
    );
    fc.assert(
      fc.property(generation, fc.nat(1023), (each, bucket) => {
        const id = newSessionId(bucket);
        const { token, hash } = signer.issue(id, each);
        expect(hash).toHaveLength(16);
        expect(signer.verify(token)).toEqual({ id, generation: each, hash, keyIndex: 0, copy: null });
      }),
      { numRuns: 300 },
    );
  });

  test.each([-1, MAX_GENERATION + 1, 1.5, Number.NaN])("generation %d is a RangeError", (generation) => {
    expect(() => signer.issue(ID, generation)).toThrow(RangeError);
  });

  test.each(["", "short", `${ID}A`, `Q${ID.slice(1)}`, `${ID.slice(0, -1)}B`])("%j is no id to issue for", (id) => {
    expect(() => signer.issue(id, 0)).toThrow(RangeError);
  });

  const vectors = JSON.parse(
    readFileSync(new URL("../../test/fixtures/tokens/v1.json", import.meta.url), "utf8"),
  ) as ReadonlyArray<{
    namespace: string;
    secrets: string[];
    id: string;
    generation: number;
    secret: string;
    hash: string;
    token: string;
  }>;

  test.each(vectors)(
    "the token of the stored vector: $namespace $id",
    ({ namespace, secrets, id, generation, secret, hash, token }) => {
      const each = signerOf(secrets, namespace);
      expect(each.compose(id, generation, Buffer.from(secret, "hex"))).toEqual({
        token,
        hash: Buffer.from(hash, "hex"),
      });
      expect(each.verify(token)).toEqual({ id, generation, hash: Buffer.from(hash, "hex"), keyIndex: 0, copy: null });
    },
  );

  test("the vectors cover both ends of bucket and generation", () => {
    expect(vectors.map((vector) => vector.generation)).toEqual(expect.arrayContaining([0, MAX_GENERATION]));
    expect(vectors.map((vector) => vector.id.slice(0, 2))).toEqual(expect.arrayContaining(["AA", "P_"]));
  });
});

test("A1 100,000 tokens are unique and every bit of their secrets is fair", () => {
  const count = 100_000;
  const seen = new Set<string>();
  /** How often each byte stood at each of the 32 places. */
  const bytesAt = Array.from({ length: 32 }, () => new Uint32Array(256));
  for (let i = 0; i < count; i++) {
    const secret = signer.issue(ID, 0).token.slice(28, 71);
    seen.add(secret);
    const bytes = Buffer.from(secret, "base64url");
    bytesAt.forEach((counts, at) => (counts[bytes[at] ?? 0] = (counts[bytes[at] ?? 0] ?? 0) + 1));
  }
  const ones = bytesAt.flatMap((counts) =>
    BITS.map((bit) => counts.reduce((sum, n, byte) => sum + n * ((byte >> bit) & 1), 0)),
  );
  expect(ones).toHaveLength(256);
  expect(seen.size).toBe(count);
  // Monobit: the count of ones over 100,000 fair bits has a standard deviation of 158. Beyond 5.9 of them
  // lies p = 1e-6 over all 256 bits together.
  const worst = Math.max(...ones.map((n) => Math.abs(n - count / 2) / Math.sqrt(count / 4)));
  expect(worst).toBeLessThan(5.9);
});

describe("A6 whatever is not the one genuine spelling is refused", () => {
  test("any one character changed to any other", () => {
    let refused = 0;
    for (let at = 0; at < TOKEN_LENGTH; at++) {
      for (const character of ALPHABET) {
        if (character === TOKEN[at]) continue;
        expect(signer.verify(replaced(TOKEN, at, character)), `${character} at ${at}`).toBeNull();
        refused += 1;
      }
    }
    expect(refused).toBe(93 * 63);
    expect(signer.verify(TOKEN)).toEqual({ id: ID, generation: 9, hash: HASH, keyIndex: 0, copy: null });
  });

  test.each([
    ["id", LAST_OF.id, 3, 16],
    ["secret", LAST_OF.secret, 28, 4],
    ["mac", LAST_OF.mac, 71, 16],
  ])("other spellings of the last character of the %s", (_, at, from, spellings) => {
    const bytes = Buffer.from(TOKEN.slice(from, at + 1), "base64url");
    const alike = [...ALPHABET]
      .map((character) => replaced(TOKEN, at, character))
      .filter((token) => Buffer.from(token.slice(from, at + 1), "base64url").equals(bytes));
    expect(alike).toHaveLength(spellings);
    expect(alike.filter((token) => signer.verify(token) !== null)).toEqual([TOKEN]);
  });

  test("a genuine MAC over another spelling, version or bucket is refused all the same", () => {
    const signed = TOKEN.slice(0, 71);
    expect(signer.verify(signedBy("token-mac", signed))).not.toBeNull();
    for (const [at, character] of [
      [LAST_OF.id, "x"],
      [LAST_OF.secret, "f"],
      [0, "0"],
      [0, "2"],
      [1, "Q"],
      [1, "_"],
    ] as const) {
      expect(signer.verify(signedBy("token-mac", replaced(signed, at, character))), `${character} at ${at}`).toBeNull();
    }
  });

  test("plain base64 and padding are other spellings", () => {
    const token = tokenWithBoth(signer);
    expect(signer.verify(token)).not.toBeNull();
    expect(signer.verify(token.replaceAll("-", "+"))).toBeNull();
    expect(signer.verify(token.replaceAll("_", "/"))).toBeNull();
    expect(signer.verify(`${token}=`)).toBeNull();
    expect(signer.verify(`${token.slice(0, -1)}=`)).toBeNull();
  });
});

describe("A4 N5 input of any type and length is refused without a throw", () => {
  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a number", 93],
    ["a BigInt", 1n],
    ["a boolean", true],
    ["a symbol", Symbol("token")],
    ["a list with the token", [TOKEN]],
    ["its characters", [...TOKEN]],
    ["a String object", Object(TOKEN)],
    ["an object that prints as the token", { toString: () => TOKEN, length: 93 }],
    ["its bytes", Buffer.from(TOKEN)],
    ["a function", () => TOKEN],
    ["empty text", ""],
    ["one character less", TOKEN.slice(0, -1)],
    ["one character more", `${TOKEN}A`],
    ["a line break after it", `${TOKEN}\n`],
    ["a line break in place of the last", `${TOKEN.slice(0, -1)}\n`],
    ["a blank before it", ` ${TOKEN}`],
    ["twice", TOKEN + TOKEN],
    ["a NUL within", replaced(TOKEN, 50, "\0")],
    ["a letter with an accent", replaced(TOKEN, 50, "é")],
    ["a full-width letter", replaced(TOKEN, 0, "\uff11")],
    ["half a surrogate pair", replaced(TOKEN, 50, "\ud83e")],
    ["a fox in place of two characters", `${TOKEN.slice(0, 40)}🦊${TOKEN.slice(42)}`],
    ["a path", "../".repeat(31)],
    ["a pattern", "*".repeat(93)],
    ["a hash tag", `{${"a".repeat(91)}}`],
    ["a megabyte", "1".repeat(1_048_576)],
  ])("%s", (_, input) => {
    expect(signer.verify(input)).toBeNull();
  });

  test("anything, and anything of the right length", () => {
    const anyText = fc.uint16Array({ minLength: 93, maxLength: 93 }).map((codes) => String.fromCharCode(...codes));
    const almost = fc
      .uint8Array({ minLength: 92, maxLength: 92, max: 63 })
      .map((digits) => `1${[...digits].map((digit) => ALPHABET[digit]).join("")}`);
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), anyText, almost), (input) => {
        expect(signer.verify(input)).toBeNull();
      }),
      { numRuns: 400 },
    );
  });
});

describe("A8 tokens of one kind are refused as another", () => {
  test("of another namespace, also where one name begins with the other", () => {
    for (const namespace of ["other", "sojourn2", "sojour", "Sojourn", ""]) {
      const { token } = signerOf([A], namespace).compose(ID, 9, SECRET);
      expect(signer.verify(token), namespace).toBeNull();
      expect(signerOf([A], namespace).verify(TOKEN), namespace).toBeNull();
    }
  });

  test("signed for another purpose by the same ring", () => {
    const signed = TOKEN.slice(0, 71);
    expect(signedBy("token-mac", signed)).toBe(TOKEN);
    for (const purpose of ["csrf", "rotate", "fingerprint"] as const)
      expect(signer.verify(signedBy(purpose, signed)), purpose).toBeNull();
  });

  test("signed without a purpose: by the secret itself", () => {
    const message = Buffer.from(`sojourn token\0${NAMESPACE}\0${TOKEN.slice(0, 71)}`);
    const mac = new HmacKey(Buffer.from(A)).mac(message).toString("base64url");
    expect(signer.verify(TOKEN.slice(0, 71) + mac)).toBeNull();
  });
});

describe("P1 secrets are rotated without logging anybody out", () => {
  test("[A], then [B, A], then [B]", () => {
    const { token, hash } = signerOf([A]).issue(ID, 3);
    expect(signerOf([A]).verify(token)).toEqual({ id: ID, generation: 3, hash, keyIndex: 0, copy: null });
    expect(signerOf([B, A]).verify(token)).toEqual({ id: ID, generation: 3, hash, keyIndex: 1, copy: null });
    expect(signerOf([B]).verify(token)).toBeNull();
  });

  test("the first secret signs, and a re-issued token keeps its secret's hash", () => {
    const both = signerOf([B, A]);
    const reissued = both.compose(ID, 9, SECRET);
    expect(reissued.token.slice(0, 71)).toBe(TOKEN.slice(0, 71));
    expect(reissued.hash).toEqual(HASH);
    expect(signerOf([B]).verify(reissued.token)?.keyIndex).toBe(0);
    expect(signerOf([A]).verify(reissued.token)).toBeNull();
  });
});

describe("verified tokens are remembered", () => {
  const macs = () => vi.spyOn(HmacKey.prototype, "mac");

  test("a genuine one costs one MAC, however often it comes", () => {
    const each = signerOf([A]);
    const { token } = each.issue(ID, 0);
    const mac = macs();
    for (let i = 0; i < 5; i++) expect(each.verify(token)?.id).toBe(ID);
    expect(mac).toHaveBeenCalledTimes(1);
  });

  test("a forged one is never remembered, so it pushes no genuine one out", () => {
    const each = signerOf([A]);
    const { token } = each.issue(ID, 0);
    each.verify(token);
    const mac = macs();
    for (let i = 0; i < 10_050; i++)
      each.verify(`${token.slice(0, 71)}${"A".repeat(17)}${i.toString().padStart(4, "0").slice(-4)}A`);
    expect(mac).toHaveBeenCalledTimes(10_050);
    expect(each.verify(token)?.id).toBe(ID);
    expect(mac).toHaveBeenCalledTimes(10_050);
  });

  test("at most 10,000, those used last", () => {
    const each = signerOf([A]);
    const tokens = Array.from({ length: 10_001 }, () => each.issue(newSessionId(randomBucket()), 0).token);
    for (const token of tokens) each.verify(token);
    const mac = macs();
    for (const token of tokens.slice(1)) each.verify(token);
    expect(mac).toHaveBeenCalledTimes(0);
    each.verify(tokens[0]);
    expect(mac).toHaveBeenCalledTimes(1);
  });
});

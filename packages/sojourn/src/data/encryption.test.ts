import { createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldName } from "../../test/fixtures/records/arbitrary.ts";
import { ConfigError, EncryptionKeyMissingError, InvalidNameError } from "../errors.ts";
import { FieldCipher } from "./encryption.ts";
import { newSessionId } from "./session-id.ts";
import { CorruptRecordError } from "./session-record.ts";

const A = "Zr9kQ2mX7vB4nL8pT1wY6cH3jF5sD0gA";
const B = "uE4hW8qR2tN6yM0bV3xK7zC1aG5fJ9lS";
const ID = "ABabcdefghijklmnopqrstuA";
/** Stored when encryption came; every later version must read it. */
const FIRST_DAY =
  "a64fdb50c0719fd62bfc28c3372acd3f647546e1184b0a6998398b52afd083080b934f5f44d8e0921bd066114a5d3a9d5b1ae40c9e";
const cipher = new FieldCipher("app", { keys: [A] });

function seal(by: FieldCipher, name: string, text: string, id = ID): Buffer {
  const key = by.keyFor(name);
  if (key === null) throw new Error(`${name} is stored plain`);
  return by.seal(key, id, name, text);
}

describe("N4 a sealed value", () => {
  test("opens to the same text, whatever it is, and is 32 bytes longer", () => {
    fc.assert(
      fc.property(fieldName, fc.string({ unit: "grapheme", maxLength: 300 }), (name, text) => {
        const sealed = seal(cipher, name, text);
        expect(cipher.open(ID, name, sealed)).toBe(text);
        expect(sealed.length).toBe(Buffer.byteLength(text) + 32);
      }),
    );
  });

  test("says nothing of its text but the length", () => {
    const [one, two] = [seal(cipher, "a", "same text"), seal(cipher, "a", "same text")];
    expect(one.subarray(0, 4)).toEqual(two.subarray(0, 4));
    expect(one.subarray(4)).not.toEqual(two.subarray(4));
    expect(one.includes("same")).toBe(false);
  });

  test("is AES-256-GCM under HMAC-SHA256(HKDF(key), namespace ‖ 0 ‖ id), as documented", () => {
    const sealed = seal(cipher, "näme", '"Ada"');
    const ringKey = Buffer.from(hkdfSync("sha256", A, "", "sojourn/field-encryption", 32));
    const sessionKey = createHmac("sha256", ringKey).update(`app\0${ID}`).digest();
    const decipher = createDecipheriv("aes-256-gcm", sessionKey, sealed.subarray(4, 16), { authTagLength: 16 });
    decipher.setAAD(Buffer.concat([sealed.subarray(0, 4), Buffer.from(`app\0${ID}näme`)]));
    decipher.setAuthTag(sealed.subarray(-16));
    expect(decipher.update(sealed.subarray(16, -16), undefined, "utf8") + decipher.final("utf8")).toBe('"Ada"');
  });

  test("of the first day opens", () => {
    const stored = Buffer.from(FIRST_DAY, "hex");
    expect(cipher.open(ID, "ssn", stored)).toBe('{"ssn":"078-05-1120"}');
  });

  test("changed in any byte does not open", () => {
    const sealed = seal(cipher, "a", '"x"');
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8((sealed[at] ?? 0) ^ 1, at);
      expect(() => cipher.open(ID, "a", changed)).toThrow(at < 4 ? EncryptionKeyMissingError : CorruptRecordError);
    }
    for (const length of [0, 31, sealed.length - 1]) {
      expect(() => cipher.open(ID, "a", sealed.subarray(0, length))).toThrow(CorruptRecordError);
    }
  });

  test("does not open in another session, under another name or in another namespace", () => {
    const sealed = seal(cipher, "a", '"x"');
    const elsewhere = new FieldCipher("app2", { keys: [A] });
    expect(() => cipher.open(newSessionId(0), "a", sealed)).toThrow(CorruptRecordError);
    expect(() => cipher.open(ID, "b", sealed)).toThrow(CorruptRecordError);
    expect(() => cipher.open(ID, "", sealed)).toThrow(CorruptRecordError);
    expect(() => elsewhere.open(ID, "a", sealed)).toThrow(CorruptRecordError);
    expect(() => cipher.open(ID.slice(0, -1), `${ID.at(-1)}a`, sealed)).toThrow(CorruptRecordError);
  });

  test("has a fresh nonce: a hundred thousand of one session differ", () => {
    const key = cipher.keyFor("a");
    if (key === null) throw new Error("a is stored plain");
    const nonces = new Set<string>();
    for (let i = 0; i < 100_000; i++) nonces.add(cipher.seal(key, ID, "a", "1").toString("latin1", 4, 16));
    expect(nonces.size).toBe(100_000);
  });
});

describe("P1 the keys of encryption", () => {
  const rotated = new FieldCipher("app", { keys: [B, A] });
  const retired = new FieldCipher("app", { keys: [B] });

  test("A, then B and A, then B: what lies under A opens, opens, and says that its key is missing", () => {
    const old = seal(cipher, "a", '"x"');
    expect(rotated.open(ID, "a", old)).toBe('"x"');
    expect(() => retired.open(ID, "a", old)).toThrow(EncryptionKeyMissingError);
    const fresh = seal(rotated, "a", '"y"');
    expect(retired.open(ID, "a", fresh)).toBe('"y"');
    expect(() => cipher.open(ID, "a", fresh)).toThrow(EncryptionKeyMissingError);
    expect(() => new FieldCipher("app").open(ID, "a", fresh)).toThrow(EncryptionKeyMissingError);
  });

  test("a missing key is an outage of one field, and the message says the remedy and no secret", () => {
    const error = new EncryptionKeyMissingError(ID, "ssn");
    expect(error).toMatchObject({ code: "encryption_key_missing", status: 503, field: "ssn" });
    expect(error.headers).toEqual({ "Retry-After": "1" });
    expect(error.message).toContain("encryption.keys");
    expect(inspect(rotated, { depth: 9, showHidden: true })).not.toContain(A);
  });

  test.each([
    ["short", ["too short"], "secrets_weak"],
    ["a sample", ["change-me-change-me-change-me-change-me"], "secrets_weak"],
    ["missing", [undefined], "secrets_missing"],
    ["none", [], "secrets_missing"],
    ["twice the same", [A, A], "config_invalid"],
  ])("P3 refused when %s", (_, keys, code) => {
    const make = (): FieldCipher => new FieldCipher("app", { keys });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(/encryption\.keys/) as string }),
    );
  });

  test("fields are names, or all", () => {
    const some = new FieldCipher("app", { keys: [A], fields: ["ssn"] });
    expect([some.keyFor("ssn") !== null, some.keyFor("theme")]).toEqual([true, null]);
    expect(cipher.keyFor("anything")).not.toBeNull();
    expect(new FieldCipher("app").keyFor("ssn")).toBeNull();
    expect(() => new FieldCipher("app", { keys: [A], fields: [] })).toThrow(ConfigError);
    expect(() => new FieldCipher("app", { keys: [A], fields: ["__proto__"] })).toThrow(InvalidNameError);
  });
});

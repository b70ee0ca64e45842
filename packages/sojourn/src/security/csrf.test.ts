import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OLDER_SECRET, TEST_SECRET } from "../../test/support/secrets.ts";
import { newSessionId, randomBucket } from "../data/session-id.ts";
import { CsrfTokens } from "./csrf.ts";
import { KeyRing } from "./keyring.ts";
import { TokenSigner } from "./token.ts";

const tokensOf = (secrets: string[], namespace = "sojourn"): CsrfTokens =>
  new CsrfTokens(new KeyRing(secrets), namespace);
const tokens = tokensOf([TEST_SECRET]);
const subjectOf = (floor = 0): { id: string; floor: number } => ({ id: newSessionId(randomBucket()), floor });

describe("CSRF tokens", () => {
  test("43 characters, never twice the same, each one good", () => {
    const subject = subjectOf();
    const issued = Array.from({ length: 200 }, () => tokens.issue(subject));
    expect(new Set(issued).size).toBe(200);
    for (const token of issued) {
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(tokens.verify(subject, token)).toBe(true);
    }
  });

  test("H4: the mask leaves no byte that is the same in every token, so that compression finds nothing (BREACH)", () => {
    const subject = subjectOf();
    const issued = Array.from({ length: 200 }, () => Buffer.from(tokens.issue(subject), "base64url"));
    for (let at = 0; at < 32; at++) expect(new Set(issued.map((bytes) => bytes[at])).size).toBeGreaterThan(64);
  });

  test("E2, H4: bound to the session's id and to its last elevation", () => {
    const subject = subjectOf();
    const token = tokens.issue(subject);
    expect(tokens.verify({ ...subject, floor: 1 }, token)).toBe(false);
    expect(tokens.verify(subjectOf(), token)).toBe(false);
  });

  test("A8: bound to the namespace and the purpose: no token of another kind is one", () => {
    const subject = subjectOf();
    expect(tokensOf([TEST_SECRET], "other").verify(subject, tokens.issue(subject))).toBe(false);
    const { token } = new TokenSigner(new KeyRing([TEST_SECRET]), "sojourn").issue(subject.id, 0);
    for (const other of [token, token.slice(28, 71), token.slice(-43), subject.id]) {
      expect(tokens.verify(subject, other)).toBe(false);
    }
  });

  test("P1: an older secret of the ring verifies, a retired one does not", () => {
    const subject = subjectOf();
    const old = tokensOf([OLDER_SECRET]).issue(subject);
    expect(tokensOf([TEST_SECRET, OLDER_SECRET]).verify(subject, old)).toBe(true);
    expect(tokens.verify(subject, old)).toBe(false);
  });

  test("A7, H4: one character changed, anywhere, is refused", () => {
    const subject = subjectOf();
    const token = tokens.issue(subject);
    for (let i = 0; i < token.length; i++) {
      const changed = token.slice(0, i) + (token[i] === "A" ? "Q" : "A") + token.slice(i + 1);
      expect(tokens.verify(subject, changed)).toBe(false);
    }
  });

  test("N5: anything else is refused without an exception", () => {
    const subject = subjectOf();
    fc.assert(fc.property(fc.anything(), (value) => !tokens.verify(subject, value)));
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/), (text) => !tokens.verify(subject, text)),
    );
    for (const value of [["a"], { length: 43 }, tokens.issue(subject).padEnd(44, "A"), ""]) {
      expect(tokens.verify(subject, value)).toBe(false);
    }
  });
});

import * as crypto from "node:crypto";
import { beforeEach, expect, test, vi } from "vitest";
import { TEST_SECRET } from "../../test/support/secrets.ts";
import { newSessionId, randomBucket } from "../data/session-id.ts";
import { Fingerprints } from "./binding.ts";
import { CsrfTokens } from "./csrf.ts";
import { equalBytes, KeyRing } from "./keyring.ts";
import { TokenSigner } from "./token.ts";

vi.mock("node:crypto", async (original) => {
  const actual = await original<typeof crypto>();
  return { ...actual, timingSafeEqual: vi.fn(actual.timingSafeEqual) };
});

const compared = vi.mocked(crypto.timingSafeEqual);
const ring = new KeyRing([TEST_SECRET]);
const id = newSessionId(randomBucket());
beforeEach(() => {
  compared.mockClear();
});

/** Whole secrets of these lengths were compared by `timingSafeEqual`, and nothing else decided. */
function comparedBytes(): number[] {
  return compared.mock.calls.map(([a]) => a.byteLength);
}

test("A7: a token's MAC is compared by timingSafeEqual, right or wrong", () => {
  const signer = new TokenSigner(ring, "sojourn");
  const { token } = signer.issue(id, 0);
  expect(signer.verify(token)).not.toBeNull();
  expect(signer.verify(`${token.slice(0, -22)}${"A".repeat(22)}`)).toBeNull();
  expect(comparedBytes()).toEqual([16, 16]);
});

test("A7: a CSRF token is compared by timingSafeEqual, right or wrong", () => {
  const tokens = new CsrfTokens(ring, "sojourn");
  const subject = { id, floor: 0 };
  const token = tokens.issue(subject);
  expect([tokens.verify(subject, token), tokens.verify({ id, floor: 1 }, token)]).toEqual([true, false]);
  expect(comparedBytes()).toEqual([16, 16]);
});

test("A7: a fingerprint is compared by timingSafeEqual, as a hash, right or wrong", () => {
  const fingerprints = new Fingerprints(ring, "sojourn");
  const sealed = fingerprints.seal(id, "one");
  expect([fingerprints.fits(id, sealed, "one"), fingerprints.fits(id, sealed, "other")]).toEqual([true, false]);
  expect(comparedBytes()).toEqual([16, 16]);
});

test("A7: unequal lengths are unequal, without an exception", () => {
  expect(equalBytes(Buffer.from("ab"), Buffer.from("abc"))).toBe(false);
  expect(comparedBytes()).toEqual([]);
});

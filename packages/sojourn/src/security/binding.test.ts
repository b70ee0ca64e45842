import { describe, expect, test } from "vitest";
import { OLDER_SECRET, TEST_SECRET } from "../../test/support/secrets.ts";
import { newSessionId, randomBucket } from "../data/session-id.ts";
import { ConfigError } from "../errors.ts";
import { Binding, bindingFacts, Fingerprints } from "./binding.ts";
import { KeyRing } from "./keyring.ts";

const fingerprintsOf = (secrets: string[], namespace = "sojourn"): Fingerprints =>
  new Fingerprints(new KeyRing(secrets), namespace);
const fingerprints = fingerprintsOf([TEST_SECRET]);
const id = newSessionId(randomBucket());

describe("fingerprints", () => {
  test("A7: only the same one fits, whichever character differs, and nothing throws", () => {
    const sealed = fingerprints.seal(id, "a fingerprint");
    expect(fingerprints.fits(id, sealed, "a fingerprint")).toBe(true);
    for (let i = 0; i < 13; i++) {
      expect(fingerprints.fits(id, sealed, `${"a fingerprint".slice(0, i)}#${"a fingerprint".slice(i + 1)}`)).toBe(
        false,
      );
    }
    for (const other of ["", null, undefined, 7, {}, ["a fingerprint"]]) {
      expect(fingerprints.fits(id, sealed, other)).toBe(false);
    }
  });

  test("K1: kept as a hash that says nothing without the secret, another one for each session", () => {
    const sealed = fingerprints.seal(id, "a fingerprint");
    expect(sealed).toMatch(/^[\w-]{27}$/);
    expect(fingerprints.seal(newSessionId(randomBucket()), "a fingerprint").slice(6)).not.toBe(sealed.slice(6));
    expect(fingerprintsOf([TEST_SECRET], "other").fits(id, sealed, "a fingerprint")).toBe(false);
  });

  test("P1: an older secret of the ring compares; of a retired one nobody can tell", () => {
    const old = fingerprintsOf([OLDER_SECRET]).seal(id, "a fingerprint");
    const both = fingerprintsOf([TEST_SECRET, OLDER_SECRET]);
    expect([both.fits(id, old, "a fingerprint"), both.fits(id, old, "another")]).toEqual([true, false]);
    expect(fingerprints.fits(id, old, "another")).toBe(true);
  });

  test("what is no fingerprint is refused when a session begins", () => {
    for (const wrong of ["", 7, {}, "x".repeat(1_025)]) {
      expect(() => bindingFacts(fingerprints, id, { fingerprint: wrong as string })).toThrow(TypeError);
    }
    expect(() => bindingFacts(fingerprints, id, null as never)).toThrow(TypeError);
    expect(bindingFacts(fingerprints, id, { fingerprint: null, language: "*" })).toBeUndefined();
    expect(bindingFacts(fingerprints, id, { language: "de-CH, en;q=0.5" })).toEqual({ language: "de" });
  });
});

describe("the option", () => {
  test("anything but its values is refused", () => {
    const make = (options: unknown) => () => new Binding(options as never, fingerprints);
    expect(make({})).toThrow(ConfigError);
    expect(make({ onMismatch: "ignore" })).toThrow(/log, stepUp, revoke/);
    expect(make({ onMismatch: "log", signals: ["ip"] })).toThrow(/network/);
    expect(make({ onMismatch: "log", signals: "network" })).toThrow(ConfigError);
  });

  test("K1: only the chosen signals are compared", () => {
    const known = { policy: "normal", device: { ip: "203.0.113.7", userAgent: "curl/8" }, binding: { language: "en" } };
    const now = { ip: "198.51.100.1", userAgent: "wget/1", language: "de" };
    const binding = new Binding({ onMismatch: "log", signals: ["network", "browser"] }, fingerprints);
    expect(binding.differing(id, known, now)).toEqual(["browser", "network"]);
    const all = new Binding({ onMismatch: "log" }, fingerprints);
    expect(all.differing(id, known, now)).toEqual(["browser", "language", "network"]);
    expect(all.differing(id, known, {})).toEqual([]);
  });
});

/** Sessions that are bound to the client they were begun on, on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions, type Validation } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const HOUR = 3_600_000;
const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const NEWER_CHROME = CHROME.replace("138", "139");
const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0";
const HOME = { ip: "203.0.113.7", userAgent: CHROME };
const client = { device: HOME, binding: { fingerprint: "fp-1", language: "en-GB,en;q=0.8" } };
const same = { ...HOME, fingerprint: "fp-1", language: "en" };
const thief = { ...same, userAgent: FIREFOX };
const bench = engineBench();

function reasonOf(result: Validation): string {
  return result.valid ? "valid" : result.reason;
}

describe.each(ENGINES)("binding on %s", (engine) => {
  async function open(
    onMismatch: "log" | "stepUp" | "revoke" | null,
    more: SessionsOptions = {},
  ): Promise<{ sessions: Sessions; clock: ManualClock; lines: string[]; calls: string[] }> {
    const { store, clock } = await bench.open(engine);
    const lines: string[] = [];
    const calls: string[] = [];
    const counted = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (!["now", "near", "stale", "onEnding", "ready"].includes(String(name))) calls.push(String(name));
          return Reflect.apply(value, target, args);
        };
      },
    });
    const binding = onMismatch === null ? {} : { binding: { onMismatch } };
    const options = { store: counted, clock, secrets: [TEST_SECRET], log: (line: string) => lines.push(line) };
    return { sessions: createSessions({ ...options, ...binding, ...more }), clock, lines, calls };
  }

  test("off: nothing is compared, and nothing more is called", async () => {
    const { sessions, calls, lines } = await open(null);
    const { token } = await sessions.create({ userId: "ada", ...client });
    calls.length = 0;
    expect(await sessions.validate(token, { ...thief, fingerprint: "fp-2" })).not.toHaveProperty("differing");
    expect([calls, lines]).toEqual([["read"], []]);
  });

  test.each(["log", "stepUp", "revoke"] as const)(
    "K1 %s: an update, another address or language, alone or together, end and lock nothing",
    async (onMismatch) => {
      const { sessions, calls, lines } = await open(onMismatch);
      const { token } = await sessions.create({ userId: "ada", ...client });
      calls.length = 0;
      for (const now of [
        same,
        { ...same, userAgent: NEWER_CHROME },
        { ...same, ip: "203.0.113.250" },
        { ...same, ip: "198.51.100.1" },
        { ...same, ip: "2001:db8::1" },
        { ...same, language: "de" },
        { ...same, ip: "198.51.100.2", language: "de" },
        {},
        { ip: "198.51.100.2" },
      ]) {
        expect(reasonOf(await sessions.validate(token, now))).toBe("valid");
      }
      expect(await sessions.validate(token, { ...same, ip: "198.51.100.2" })).toMatchObject({ differing: ["network"] });
      expect([new Set(calls), lines]).toEqual([new Set(["read"]), []]);
    },
  );

  test("K1 log: it goes on, a line says so, and the first suspicion is kept", async () => {
    const { sessions, lines } = await open("log");
    const { token, session } = await sessions.create({ userId: "ada", ...client });
    const result = await sessions.validate(token, { ...thief, ip: "198.51.100.1" });
    expect(result).toMatchObject({ valid: true, differing: ["browser", "platform", "network"] });
    await expect
      .poll(async () => (await sessions.get(session.id))?.security.suspicious)
      .toMatchObject({ why: "another browser, platform, network" });
    await sessions.validate(token, { ...same, fingerprint: "fp-2" });
    expect((await sessions.get(session.id))?.security.suspicious?.why).toBe("another browser, platform, network");
    expect(lines).toEqual([expect.stringContaining(`session ${session.id}: its token came from another browser`)]);
    expect(lines.join()).not.toMatch(/fp-|Mozilla|203\.0/);
  });

  test("K1 stepUp: locked for everybody until reauthenticate, which binds to the client it comes from", async () => {
    const { sessions, lines } = await open("stepUp");
    const { token, session, csrfToken } = await sessions.create({ userId: "ada", data: { a: 1 }, ...client });
    const locked = { valid: false, reason: "locked", clearCookie: false };
    expect(await sessions.validate(token, thief)).toEqual(locked);
    expect(await sessions.validate(token, same)).toEqual(locked);
    expect(await sessions.validate(token)).toEqual(locked);
    expect(await sessions.rotate(token)).toBeNull();
    expect(await sessions.get(session.id)).toMatchObject({
      locked: true,
      security: { suspicious: { why: "another browser, platform" } },
    });
    const { userAgent, ip, fingerprint, language } = thief;
    const elevated = await sessions.reauthenticate(token, {
      userId: "ada",
      device: { userAgent, ip },
      binding: { fingerprint, language },
    });
    expect(elevated?.session).toMatchObject({
      id: session.id,
      locked: false,
      data: { a: 1 },
      security: { suspicious: null },
    });
    expect(await sessions.csrf.verify(session.id, csrfToken)).toBe(false);
    expect(reasonOf(await sessions.validate(elevated?.token, thief))).toBe("valid");
    expect(reasonOf(await sessions.validate(token, thief))).toBe("superseded");
    expect(reasonOf(await sessions.validate(elevated?.token, same))).toBe("locked");
    expect(lines).not.toEqual([]);
  });

  test("a locked session ends by logout, by login, and by its timeout", async () => {
    const { sessions, clock } = await open("stepUp");
    const made = await Promise.all([1, 2, 3].map(() => sessions.create({ userId: "ada", ...client })));
    for (const { token } of made) expect(reasonOf(await sessions.validate(token, thief))).toBe("locked");
    const [first, second, third] = made.map(({ token }) => token);
    expect(await sessions.logout(first)).toBe(true);
    expect(reasonOf(await sessions.validate(first))).toBe("revoked");
    await sessions.login(second, { userId: "ada" });
    expect(reasonOf(await sessions.validate(second))).toBe("revoked");
    await clock.advance(24 * HOUR + 10_000);
    expect(reasonOf(await sessions.validate(third))).toBe("expired");
    expect(await sessions.reauthenticate(third, { userId: "ada" })).toBeNull();
  });

  test("I3 stepUp: another user gets a session of their own, and the locked one ends", async () => {
    const { sessions } = await open("stepUp");
    const { token, session } = await sessions.create({ userId: "ada", data: { a: 1 }, ...client });
    await sessions.validate(token, thief);
    const other = await sessions.reauthenticate(token, { userId: "grace" });
    expect(other?.session).toMatchObject({ userId: "grace", data: {} });
    expect(await sessions.get(session.id)).toBeNull();
  });

  test("K1 revoke: the session ends, with its reason", async () => {
    const { sessions } = await open("revoke");
    const { token } = await sessions.create({ userId: "ada", ...client });
    const mismatch = { valid: false, reason: "binding_mismatch", clearCookie: false };
    expect(await sessions.validate(token, { ...same, fingerprint: "fp-2" })).toEqual(mismatch);
    const ended = { reason: "binding_mismatch" };
    expect(await sessions.validate(token, same)).toMatchObject({ valid: false, reason: "revoked", ended });
    expect(await sessions.count()).toBe(0);
  });

  test("a fingerprint that is missing where there was one differs; one that was not asked for does not", async () => {
    const { sessions } = await open("stepUp");
    const { token } = await sessions.create({ userId: "ada", ...client });
    expect(reasonOf(await sessions.validate(token, { ...HOME, fingerprint: undefined }))).toBe("valid");
    expect(reasonOf(await sessions.validate(token, { ...HOME, fingerprint: null }))).toBe("locked");
    const unbound = await sessions.create({ userId: "ada" });
    expect(reasonOf(await sessions.validate(unbound.token, { ...thief, fingerprint: "fp-2" }))).toBe("valid");
  });

  test("E4 no successor for a client that differs, in any signal: it keeps the token it has", async () => {
    const { sessions, clock } = await open("log", { rotation: { every: "1h" } });
    const { token } = await sessions.create({ userId: "ada", ...client });
    await clock.advance(2 * HOUR);
    const away = { ...same, ip: "198.51.100.1" };
    for (const now of [away, thief]) {
      expect(await sessions.validate(token, now)).not.toHaveProperty("token");
      expect((await sessions.rotate(token, now))?.token).toBe(token);
    }
    const renewed = await sessions.validate(token, same);
    expect(renewed).toHaveProperty("token");
    // Pending now: still only for the client that the session is bound to.
    expect(await sessions.validate(token, thief)).not.toHaveProperty("token");
    expect(await sessions.validate(token, same)).toMatchObject({ token: renewed.valid ? renewed.token : "" });
  });

  test("twenty mismatches at once lock once; a step-up meanwhile is not undone by a late one", async () => {
    const { sessions } = await open("stepUp");
    const { token, session } = await sessions.create({ userId: "ada", ...client });
    const answers = await Promise.all(Array.from({ length: 20 }, () => sessions.validate(token, thief)));
    expect(new Set(answers.map(reasonOf))).toEqual(new Set(["locked"]));
    const elevating = sessions.reauthenticate(token, { userId: "ada", device: { userAgent: FIREFOX, ip: HOME.ip } });
    const late = Array.from({ length: 20 }, () => sessions.validate(token, thief));
    const [elevated, ...reasons] = await Promise.all([elevating, ...late.map(async (each) => reasonOf(await each))]);
    for (const reason of reasons) expect(["locked", "superseded"]).toContain(reason);
    expect((await sessions.get(session.id))?.locked).toBe(false);
    expect(reasonOf(await sessions.validate(elevated?.token, thief))).toBe("valid");
  });
});

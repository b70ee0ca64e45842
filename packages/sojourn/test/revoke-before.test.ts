/** revokeBefore on every engine, through the public API. */

import { describe, expect, test } from "vitest";
import { createSessions, SessionEndedError, type Sessions } from "../src/index.ts";
import type { RevokeBeforeOptions } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { whileAdvancing } from "../src/testing/conformance/environment.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const MINUTE = 60_000;
const bench = engineBench();

describe.each(ENGINES)("revokeBefore on %s", (engine) => {
  async function open() {
    const { store, clock } = await bench.open(engine);
    const sessions = createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined });
    return { sessions, clock };
  }

  function revokeBefore(sessions: Sessions, clock: ManualClock, options: RevokeBeforeOptions) {
    return whileAdvancing(clock, sessions.revokeBefore(options));
  }

  test("F6 signs everybody out who logged in before a time, and says why; nobody else", async () => {
    const { sessions, clock } = await open();
    const old = [
      await sessions.create({ userId: "ada" }),
      await sessions.create(),
      await sessions.create({ userId: "grace" }),
    ];
    await clock.advance(MINUTE);
    const leak = new Date(clock.now());
    await clock.advance(MINUTE);
    const later = await sessions.create({ userId: "ada" });
    const ended = await revokeBefore(sessions, clock, { before: leak, reason: "key_leak", actor: "ops" });
    expect(ended).toEqual({ ended: 3 });
    for (const { token, session } of old) {
      expect(await sessions.validate(token)).toMatchObject({
        valid: false,
        reason: "revoked",
        clearCookie: true,
        ended: { reason: "key_leak" },
      });
      expect(await sessions.get(session.id)).toBeNull();
      expect(await sessions.data(session.id).set("a", 1)).toBe(false);
      await expect(session.set("a", 1)).rejects.toThrow(SessionEndedError);
      await expect(session.touch()).rejects.toThrow(SessionEndedError);
      expect(await sessions.rotate(token)).toBeNull();
    }
    expect(await sessions.validate(later.token)).toMatchObject({ valid: true });
    expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([later.session.id]);
    expect(await sessions.count()).toBe(1);
    expect(await revokeBefore(sessions, clock, { before: leak })).toEqual({ ended: 0 });
  });

  test("F6 everything until now: a time that is still to come; the next login stays", async () => {
    const { sessions, clock } = await open();
    const { token } = await sessions.login(null, { userId: "ada" });
    expect(await revokeBefore(sessions, clock, { before: Number.POSITIVE_INFINITY })).toEqual({ ended: 1 });
    const next = await sessions.login(token, { userId: "ada" });
    await clock.advance(10 * MINUTE);
    expect(await sessions.validate(next.token)).toMatchObject({ valid: true });
    await next.session.set("a", 1);
    expect(await sessions.count()).toBe(1);
  });

  test("F6 one policy only", async () => {
    const { sessions, clock } = await open();
    const kept = await sessions.create({ userId: "ada" });
    const ended = await sessions.create({ userId: "ada", policy: "rememberMe" });
    expect(await revokeBefore(sessions, clock, { policy: "rememberMe", before: clock.now() + MINUTE })).toEqual({
      ended: 1,
    });
    expect(await sessions.validate(ended.token)).toMatchObject({ reason: "revoked", ended: { reason: "revoked" } });
    expect(await sessions.validate(kept.token)).toMatchObject({ valid: true });
  });

  test("refuses a policy that does not exist and a time that is none", async () => {
    const { sessions } = await open();
    await expect(sessions.revokeBefore({ policy: "remeberMe", before: 1 })).rejects.toMatchObject({
      code: "config_invalid",
    });
    for (const before of [Number.NaN, -1, new Date(Number.NaN), "2026-01-01", null, undefined]) {
      const call = sessions.revokeBefore({ before } as RevokeBeforeOptions);
      await expect(call, String(before)).rejects.toThrow(TypeError);
    }
    await expect(sessions.revokeBefore({ before: 1, reason: "x".repeat(300) })).rejects.toThrow(TypeError);
  });
});

/** Sessions without a user: short until their token comes back, and begun only so often. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const bench = engineBench();

interface Opened {
  readonly sessions: Sessions;
  readonly clock: ManualClock;
  readonly calls: string[];
  readonly lines: string[];
}

describe.each(ENGINES)("anonymous sessions on %s", (engine) => {
  async function open(options: SessionsOptions = {}): Promise<Opened> {
    const { store, clock } = await bench.open(engine);
    const watched = new WatchedStore(store);
    const lines: string[] = [];
    const sessions = createSessions({
      store: watched.store,
      clock,
      secrets: [TEST_SECRET],
      log: (line) => lines.push(line),
      ...options,
    });
    await sessions.ready();
    watched.calls.length = 0;
    return { sessions, clock, calls: watched.calls, lines };
  }

  async function idleOf({ sessions }: Opened, id: string): Promise<number | undefined> {
    return (await sessions.get(id))?.idleMs;
  }

  test("one whose token never came back ends after ten minutes, wherever it is asked for", async () => {
    const { sessions, clock } = await open();
    const { token, session } = await sessions.create({ data: { cart: ["a"] } });
    await session.set("cart", ["a", "b"]);
    await clock.advance(10 * MINUTE - 5 * SECOND);
    expect((await sessions.get(session.id))?.data).toEqual({ cart: ["a", "b"] });
    expect(await sessions.count()).toBe(1);
    await clock.advance(6 * SECOND);
    expect(await sessions.get(session.id)).toBeNull();
    expect(await sessions.count()).toBe(0);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "expired" });
    await clock.advance(HOUR);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "not_found" });
  });

  test("its first validate gives it the policy's idle timeout, behind the answer and once", async () => {
    const opened = await open();
    const { sessions, clock, calls } = opened;
    const { token, session } = await sessions.create();
    calls.length = 0;
    const returns = await Promise.all(Array.from({ length: 5 }, () => sessions.validate(token)));
    expect(returns.every(({ valid }) => valid)).toBe(true);
    await expect.poll(() => idleOf(opened, session.id)).toBe(HOUR);
    expect(calls.filter((name) => name === "touch")).toHaveLength(1);
    calls.length = 0;
    await sessions.validate(token);
    expect(calls).toEqual(["read"]);
    await clock.advance(59 * MINUTE);
    expect((await sessions.validate(token, { touch: false })).valid).toBe(true);
    await clock.advance(2 * MINUTE);
    expect(await sessions.validate(token, { touch: false })).toMatchObject({ valid: false, reason: "expired" });
  });

  test("D1 with touch: true the answer says the new deadline; touch: false never moves it", async () => {
    const opened = await open();
    const { sessions, clock, calls } = opened;
    const { token, session } = await sessions.create();
    await clock.advance(MINUTE);
    calls.length = 0;
    expect(await sessions.validate(token, { touch: false })).toMatchObject({ valid: true });
    expect(calls).toEqual(["read"]);
    expect(await idleOf(opened, session.id)).toBe(10 * MINUTE);
    const touched = await sessions.validate(token, { touch: true });
    const stored = await sessions.get(session.id);
    expect(stored?.expiresAt).toBe((stored?.lastSeenAt ?? 0) + HOUR);
    expect(touched).toMatchObject({ valid: true, session: { idleMs: HOUR, expiresAt: stored?.expiresAt } });
  });

  test("of a policy with a shorter idle timeout keeps that, before and after", async () => {
    const opened = await open({ policies: { kiosk: { idle: "2m", absolute: "1h" } } });
    const { token, session } = await opened.sessions.create({ policy: "kiosk" });
    expect(session.idleMs).toBe(2 * MINUTE);
    await opened.sessions.validate(token, { touch: true });
    expect(await idleOf(opened, session.id)).toBe(2 * MINUTE);
  });

  test("a user's session has its policy's lifetime from the beginning, and costs no script when its token comes back", async () => {
    const { sessions, calls } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    expect(session.idleMs).toBe(24 * HOUR);
    calls.length = 0;
    await sessions.validate(token);
    expect(calls).toEqual(["read"]);
  });

  test("more than createRate allows: CreationRateError with the time to wait, nothing stored, users are served", async () => {
    const { sessions, clock, calls, lines } = await open({ anonymous: { createRate: "3/m" } });
    const { token } = await sessions.create();
    await Promise.all([sessions.create(), sessions.create()]);
    calls.length = 0;
    const refusals = await Promise.allSettled([sessions.create(), sessions.create({ policy: "temporary" })]);
    for (const refusal of refusals) {
      const reason: unknown = refusal.status === "rejected" ? refusal.reason : null;
      expect(reason).toMatchObject({ name: "CreationRateError", code: "creation_rate", status: 429 });
      expect(reason).toMatchObject({ headers: { "Retry-After": expect.stringMatching(/^(?:20|1\d)$/) } });
    }
    expect(calls).toEqual([]);
    expect(lines).toEqual([expect.stringContaining("anonymous.createRate")]);
    await sessions.create({ userId: "ada" });
    await sessions.login(token, { userId: "grace" });
    expect(await sessions.count()).toBe(4);
    await clock.advance(20 * SECOND);
    await sessions.create();
    await expect(sessions.create()).rejects.toMatchObject({ code: "creation_rate" });
  });
});

test("a wrong call takes nothing from the rate", async () => {
  const sessions = createSessions({ development: true, log: () => undefined, anonymous: { createRate: "1/h" } });
  await expect(sessions.create({ policy: "none" })).rejects.toMatchObject({ code: "config_invalid" });
  await expect(sessions.create({ data: { when: new Map() } })).rejects.toMatchObject({ code: "invalid_value" });
  await sessions.create();
  await expect(sessions.create()).rejects.toMatchObject({ code: "creation_rate", retryAfterMs: expect.any(Number) });
});

test("createRate is 6000/m unless said otherwise, and false is no limit", async () => {
  async function begun(options: SessionsOptions): Promise<number> {
    const clock = { now: () => 1_000, monotonic: () => 1_000, shift: () => 0 };
    const sessions = createSessions({ development: true, log: () => undefined, clock, ...options });
    const tries = await Promise.allSettled(Array.from({ length: 6_050 }, () => sessions.create()));
    return tries.filter(({ status }) => status === "fulfilled").length;
  }
  expect(await begun({})).toBe(6_000);
  expect(await begun({ anonymous: { createRate: false } })).toBe(6_050);
  expect(() => createSessions({ development: true, anonymous: { createRate: "fast" as never } })).toThrow(
    expect.objectContaining({ code: "config_invalid" }),
  );
});

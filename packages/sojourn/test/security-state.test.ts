/** Failed logins, suspicion, changed passwords, on every engine. */

import { describe, expect, test, vi } from "vitest";
import { createSessions, type Sessions, type Store } from "../src/index.ts";
import { memoryStore } from "../src/stores/memory/memory-store.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const MINUTE = 60_000;
const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAAAAAA";
const bench = engineBench();

describe.each(ENGINES)("security state on %s", (engine) => {
  async function open(): Promise<{ sessions: Sessions; other: Sessions; clock: ManualClock; store: Store }> {
    const { store, clock } = await bench.open(engine);
    const server = (): Sessions => createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined });
    return { sessions: server(), other: server(), clock, store };
  }

  test("a failed login counts on the session, on the user's sessions, for the user and for the network", async () => {
    const { sessions } = await open();
    const [first, second] = [await sessions.create({ userId: "ada" }), await sessions.create({ userId: "ada" })];
    const stranger = await sessions.create({ userId: "grace" });
    const { recordFailedLogin } = { recordFailedLogin: sessions.security.recordFailedLogin.bind(sessions.security) };
    expect(await recordFailedLogin({ userId: "ada", ip: "203.0.113.7" })).toEqual({
      session: null,
      user: 1,
      network: 1,
    });
    expect(await recordFailedLogin({ sessionId: first.session.id })).toEqual({ session: 2, user: null, network: null });
    const both = { userId: "ada", sessionId: first.session.id, ip: "::ffff:203.0.113.99" };
    expect(await recordFailedLogin(both)).toEqual({ session: 3, user: 2, network: 2 });
    const counts = [first, second, stranger].map(
      async ({ session }) => (await sessions.get(session.id))?.security.failedLogins,
    );
    expect(await Promise.all(counts)).toEqual([3, 2, 0]);
  });

  test("users and sessions that nobody knows are counted, and nothing is made for them", async () => {
    const { sessions } = await open();
    const answer = { session: null, user: 1, network: 1 };
    expect(await sessions.security.recordFailedLogin({ userId: "nobody", sessionId: UNKNOWN_ID, ip: "x" })).toEqual(
      answer,
    );
    expect(await sessions.security.recordFailedLogin({ sessionId: "no id" })).toEqual({
      session: null,
      user: null,
      network: null,
    });
    expect(await sessions.count()).toBe(0);
    await expect(sessions.security.recordFailedLogin({ userId: "" })).rejects.toThrow(TypeError);
  });

  test("M1: guesses push nothing out of the activities that are noted by themselves", async () => {
    const { store, clock } = await bench.open(engine);
    const options = { store, clock, secrets: [TEST_SECRET], log: () => undefined, activity: { automatic: true } };
    const sessions = createSessions(options);
    const { session } = await sessions.login(null, { userId: "ada" });
    for (let i = 0; i < 120; i++) await sessions.security.recordFailedLogin({ userId: "ada" });
    await vi.waitFor(async () => {
      const actions = (await sessions.activity.list(session.id)).map(({ action }) => action);
      expect(actions).toEqual([...Array.from({ length: 10 }, () => "login_failed"), "login"]);
    });
  });

  test("counts of users and networks begin anew after 15 minutes, the session's does not", async () => {
    const { sessions, clock } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const failed = { userId: "ada", sessionId: session.id, ip: "203.0.113.7" };
    await sessions.security.recordFailedLogin(failed);
    await clock.advance(14 * MINUTE);
    expect(await sessions.security.recordFailedLogin(failed)).toEqual({ session: 2, user: 2, network: 2 });
    await clock.advance(2 * MINUTE);
    expect(await sessions.security.recordFailedLogin(failed)).toEqual({ session: 3, user: 1, network: 1 });
  });

  test("G2 forty failures at once on two servers are forty", async () => {
    const { sessions, other } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const failing = [sessions, other].flatMap((each) =>
      Array.from({ length: 20 }, () => each.security.recordFailedLogin({ sessionId: session.id })),
    );
    const counts = (await Promise.all(failing)).map((answer) => answer.session);
    expect(counts.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  test("M1: a failed login writes to no more than 20 sessions, those seen last", async () => {
    const { sessions, clock } = await open();
    const old = await sessions.create({ userId: "ada" });
    await clock.advance(MINUTE);
    for (let i = 0; i < 20; i++) await sessions.create({ userId: "ada" });
    await sessions.security.recordFailedLogin({ userId: "ada" });
    const noted = (await sessions.list("ada")).filter(({ security }) => security.failedLogins === 1);
    expect(noted).toHaveLength(20);
    expect(noted.map(({ id }) => id)).not.toContain(old.session.id);
  });

  test("M1: a failed login looks at a hundred of a user's sessions at most", async () => {
    const { sessions, store } = await open();
    await Promise.all(Array.from({ length: 130 }, () => sessions.create({ userId: "ada" })));
    const listed = vi.spyOn(store, "listUser");
    await sessions.security.recordFailedLogin({ userId: "ada" });
    expect(listed).toHaveBeenCalledOnce();
    expect(await listed.mock.results[0]?.value).toHaveLength(100);
  });

  test("flagSuspicious marks a live session, says why and when, and keeps the rest", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { a: 1 }, loginMethod: "passkey" });
    await sessions.security.recordFailedLogin({ sessionId: session.id });
    expect(await sessions.security.flagSuspicious(session.id, "impossible travel")).toBe(true);
    const stored = await sessions.get(session.id);
    expect(stored).toMatchObject({ data: { a: 1 }, loginMethod: "passkey", revision: 0, locked: false });
    expect(stored?.security).toMatchObject({ failedLogins: 1, suspicious: { why: "impossible travel" } });
    expect(Math.abs((stored?.security.suspicious?.at ?? 0) - session.createdAt)).toBeLessThan(10_000);
    await sessions.revoke(session.id);
    for (const id of [session.id, UNKNOWN_ID, "no id"]) {
      expect(await sessions.security.flagSuspicious(id, "x")).toBe(false);
    }
    await expect(sessions.security.flagSuspicious(UNKNOWN_ID, "x".repeat(257))).rejects.toThrow(TypeError);
  });

  test("F4: a changed password ends the user's other sessions and gives this one a new token", async () => {
    const { sessions } = await open();
    const kept = await sessions.create({ userId: "ada", data: { a: 1 } });
    const [other, stranger] = [await sessions.create({ userId: "ada" }), await sessions.create({ userId: "grace" })];
    const copy = kept.token;
    const changed = await sessions.security.passwordChanged("ada", { keep: kept.token });
    expect(changed.token).not.toBe(copy);
    const now = await sessions.validate(changed.token);
    expect(now).toMatchObject({ valid: true, session: { id: kept.session.id, data: { a: 1 }, aal: 1 } });
    expect(now.valid && now.session.security.passwordChangedAt).toBeGreaterThanOrEqual(kept.session.createdAt);
    expect(await sessions.validate(copy)).toMatchObject({ valid: false, reason: "superseded" });
    const ended = { reason: "password_changed" };
    expect(await sessions.validate(other.token)).toMatchObject({ valid: false, reason: "revoked", ended });
    expect(await sessions.validate(stranger.token)).toMatchObject({ valid: true });
  });

  test("F4: without a good token of that user all of theirs end, and nobody else's", async () => {
    const { sessions } = await open();
    const stranger = await sessions.create({ userId: "grace" });
    for (const keep of [undefined, null, "no token", stranger.token]) {
      const mine = await sessions.create({ userId: "ada" });
      expect(await sessions.security.passwordChanged("ada", keep === undefined ? {} : { keep })).toEqual({});
      expect(await sessions.validate(mine.token)).toMatchObject({ valid: false, reason: "revoked" });
    }
    expect(await sessions.validate(stranger.token)).toMatchObject({ valid: true });
  });

  test("F4: a token renewed but not yet seen again counts as the user's, and both old tokens die", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    const renewed = await sessions.rotate(token);
    const changed = await sessions.security.passwordChanged("ada", { keep: renewed?.token ?? "" });
    expect(await sessions.validate(changed.token)).toMatchObject({ valid: true });
    for (const old of [token, renewed?.token]) {
      expect(await sessions.validate(old)).toMatchObject({ valid: false, reason: "superseded" });
    }
  });

  test("E1 reauthenticate while failed logins are noted steps the user up all the same", async () => {
    const { sessions, other, store } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    noteBeforeElevating(store, 8, () => other.security.recordFailedLogin({ sessionId: session.id }));
    const elevated = await sessions.reauthenticate(token, { userId: "ada", aal: 2 });
    expect(elevated?.session).toMatchObject({ aal: 2, security: { failedLogins: 8 } });
  });
});

test("M4 reauthenticate says that others were faster, and not that a good token is bad", async () => {
  const store = memoryStore();
  const sessions = createSessions({ store, secrets: [TEST_SECRET] });
  const { token, session } = await sessions.create({ userId: "ada" });
  noteBeforeElevating(store, Number.POSITIVE_INFINITY, () =>
    sessions.security.recordFailedLogin({ sessionId: session.id }),
  );
  await expect(sessions.reauthenticate(token, { userId: "ada" })).rejects.toMatchObject({ code: "conflict" });
  expect((await sessions.validate(token)).valid).toBe(true);
});

/** Another writer is faster than an elevation, so many times. */
function noteBeforeElevating(store: Store, times: number, note: () => Promise<unknown>): void {
  const elevate = store.elevate.bind(store);
  let left = times;
  store.elevate = async (input, call) => {
    if (left-- > 0) await note();
    return elevate(input, call);
  };
}

test("M1: counts of users are not pushed out by those of networks, however many; what is no address is short", async () => {
  const { security } = createSessions({ store: memoryStore(), secrets: [TEST_SECRET], log: () => undefined });
  for (let i = 0; i < 3; i++) await security.recordFailedLogin({ userId: "nobody" });
  for (let i = 0; i < 10_001; i++) await security.recordFailedLogin({ ip: `${i.toString(16)}:1::` });
  expect(await security.recordFailedLogin({ userId: "nobody" })).toMatchObject({ user: 4 });
  const text = "x".repeat(64);
  await security.recordFailedLogin({ ip: `${text} and more` });
  expect(await security.recordFailedLogin({ ip: `${text} and other` })).toMatchObject({ network: 2 });
});

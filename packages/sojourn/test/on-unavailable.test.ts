/** `onUnavailable` of `createSessions` and `validate`: what is answered of a session that cannot be read, and what is not. */

import { expect, test } from "vitest";
import { ConfigError, createSessions, memoryStore, type Sessions, type SessionsOptions } from "../src/index.ts";
import { sqliteStore } from "../src/stores/sqlite/index.ts";
import { type ManualClock, manualClock } from "../src/testing/manual-clock.ts";
import { TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const LEASE_MS = 5_000;
/** The clock goes on by itself, too. */
const MARGIN_MS = 5_000;

interface Setting {
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  readonly clock: ManualClock;
}

function setting(options: SessionsOptions = { onUnavailable: "stale" }): Setting {
  const clock = manualClock();
  const store = new WatchedStore(sqliteStore(":memory:", { clock, nearCache: { leaseMs: LEASE_MS } }));
  const log = (): void => undefined;
  const sessions = createSessions({ store: store.store, secrets: [TEST_SECRET], clock, log, ...options });
  return { sessions, store, clock };
}

/** A session of ada's that was read, and then for longer than the lease was not. */
async function known({ sessions, clock }: Setting, policy = "normal"): Promise<string> {
  const { token } = await sessions.create({ userId: "ada", policy });
  expect(await sessions.validate(token)).not.toHaveProperty("stale");
  await clock.advance(LEASE_MS + 1);
  return token;
}

const UNAVAILABLE = { code: "store_unavailable" };
const STALE = { valid: true, stale: true, session: { userId: "ada" } };

test("M4 stale: what was known, up to staleFor; then the error, and the store's word as soon as it has one", async () => {
  const made = setting({ onUnavailable: "stale", staleFor: "2m" });
  const token = await known(made);
  made.store.down = true;
  expect(await made.sessions.validate(token)).toMatchObject(STALE);
  await made.clock.advance(120_000 - LEASE_MS - MARGIN_MS);
  expect(await made.sessions.validate(token)).toMatchObject(STALE);
  await made.clock.advance(MARGIN_MS);
  await expect(made.sessions.validate(token)).rejects.toMatchObject(UNAVAILABLE);
  made.store.down = false;
  expect(await made.sessions.validate(token)).not.toHaveProperty("stale");
});

test("M4 stale: nothing for fresh: true, for touch: true, for a call that says reject, nor for what was never read", async () => {
  const made = setting();
  const token = await known(made);
  const { token: unread } = await made.sessions.create({ userId: "ada" });
  made.store.down = true;
  for (const options of [{ fresh: true }, { touch: true }, { onUnavailable: "reject" }] as const) {
    await expect(made.sessions.validate(token, options)).rejects.toMatchObject(UNAVAILABLE);
  }
  await expect(made.sessions.validate(unread)).rejects.toMatchObject(UNAVAILABLE);
  expect(await made.sessions.validate("malformed")).toMatchObject({ valid: false, reason: "malformed" });
});

test("M4 stale: nothing is touched, and what is written goes to the store, which says no", async () => {
  const made = setting();
  const token = await known(made);
  await made.clock.advance(MARGIN_MS);
  made.store.down = true;
  made.store.calls.length = 0;
  const result = await made.sessions.validate(token);
  expect(made.store.calls).toEqual(["read"]);
  if (!result.valid) throw new Error("not valid");
  await expect(result.session.set("a", 1)).rejects.toMatchObject(UNAVAILABLE);
  await expect(result.session.revoke()).rejects.toMatchObject(UNAVAILABLE);
});

test.each([
  ["its idle deadline", { idle: "10s", absolute: "1h" }],
  ["its absolute deadline", { idle: "10s", absolute: "10s" }],
] as const)("D1 stale: nothing past %s", async (_what, policy) => {
  const made = setting({ onUnavailable: "stale", policies: { short: policy }, staleFor: "10m" });
  const token = await known(made, "short");
  made.store.down = true;
  expect(await made.sessions.validate(token)).toMatchObject(STALE);
  await made.clock.advance(5_000);
  await expect(made.sessions.validate(token)).rejects.toMatchObject(UNAVAILABLE);
});

test("K1 stale: nothing for another client than the session is bound to", async () => {
  const made = setting({ onUnavailable: "stale", binding: { onMismatch: "log" } });
  const { token } = await made.sessions.create({ userId: "ada", binding: { fingerprint: "hers" } });
  await made.sessions.validate(token, { fingerprint: "hers" });
  await made.clock.advance(LEASE_MS + 1);
  made.store.down = true;
  expect(await made.sessions.validate(token, { fingerprint: "hers" })).toMatchObject(STALE);
  await expect(made.sessions.validate(token, { fingerprint: "his" })).rejects.toMatchObject(UNAVAILABLE);
});

test("M4 stale: nothing of what this process ended, changed or renewed, nor by another token", async () => {
  const made = setting();
  const { sessions, store } = made;
  const ended = await known(made);
  const renewed = await known(made);
  const written = await known(made);
  await sessions.logout(ended);
  const next = (await sessions.rotate(renewed))?.token ?? "";
  const read = await sessions.validate(written);
  if (read.valid) await read.session.set("a", 1);
  const kept = await known(made);
  store.down = true;
  for (const token of [ended, renewed, next, written]) {
    await expect(sessions.validate(token)).rejects.toMatchObject(UNAVAILABLE);
  }
  expect(await sessions.validate(kept)).toMatchObject(STALE);
});

test("M4 stale: a token that is due for renewal is good all the same, and stays", async () => {
  const made = setting({ onUnavailable: "stale", rotation: { grace: "1s", every: "2s" } });
  const token = await known(made);
  made.store.down = true;
  const result = await made.sessions.validate(token);
  expect(result).toMatchObject(STALE);
  expect(result).not.toHaveProperty("token");
});

test("a call may say stale itself: from then on copies are kept", async () => {
  const made = setting({});
  const asked = { onUnavailable: "stale" } as const;
  const { token } = await made.sessions.create({ userId: "ada" });
  await made.sessions.validate(token, asked);
  await made.clock.advance(LEASE_MS + 1);
  made.store.down = true;
  await expect(made.sessions.validate(token)).rejects.toMatchObject(UNAVAILABLE);
  expect(await made.sessions.validate(token, asked)).toMatchObject(STALE);
});

test("stale without a near cache is refused, and says what to do", async () => {
  const options = { store: memoryStore(), secrets: [TEST_SECRET] };
  expect(() => createSessions({ ...options, onUnavailable: "stale" })).toThrow(ConfigError);
  expect(() => createSessions({ ...options, onUnavailable: "stale" })).toThrow("nearCache: true");
  const sessions = createSessions(options);
  const { token } = await sessions.create();
  await expect(sessions.validate(token, { onUnavailable: "stale" })).rejects.toThrow("nearCache: true");
});

test.each([
  [{ onUnavailable: "later" }, "onUnavailable"],
  [{ staleFor: "11m" }, "staleFor"],
  [{ staleFor: "999ms" }, "staleFor"],
  [{ staleFor: 30 }, "staleFor"],
])("%j is refused by name", (options, named) => {
  const wrong = { store: memoryStore(), secrets: [TEST_SECRET], ...options } as SessionsOptions;
  expect(() => createSessions(wrong)).toThrow(ConfigError);
  expect(() => createSessions(wrong)).toThrow(named);
});

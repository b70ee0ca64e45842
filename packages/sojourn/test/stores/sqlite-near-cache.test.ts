/** The near cache of the sqlite engine: own writes at once, those of another process with the lease. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createSessions, type Session, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { runConformance } from "../support/run-conformance.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LEASE_MS = 2_000;

runConformance("sqlite with a near cache", {
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "sojourn-near-"));
    const clock = manualClock();
    const opened = [0, 1].map(() =>
      sqliteStore(join(folder, "sessions.db"), { clock, writeDeadlineMs: 10_000, nearCache: true }),
    );
    const [store, other] = opened as [(typeof opened)[0], (typeof opened)[0]];
    const close = async (): Promise<void> => {
      await Promise.all([store.close(), other.close()]);
      await rm(folder, { recursive: true, force: true });
    };
    return { store, other, clock, close };
  },
  without: { "operation ids": "no client re-sends between this process and its file" },
});

async function twoServers(
  more: SessionsOptions = {},
): Promise<{ here: Sessions; there: Sessions; clock: ManualClock }> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-near-"));
  const clock = manualClock();
  const [here, there] = [0, 1].map(() => {
    const store = sqliteStore(join(folder, "sessions.db"), { clock, nearCache: { leaseMs: LEASE_MS } });
    return createSessions({ store, secrets: [TEST_SECRET], clock, ...more });
  }) as [Sessions, Sessions];
  onTestFinished(async () => {
    await Promise.all([here.close(), there.close()]);
    await rm(folder, { recursive: true, force: true });
  });
  return { here, there, clock };
}

test("F1 the process that revokes sees it at once, another one asked afresh too, and otherwise with the lease", async () => {
  const { here, there, clock } = await twoServers();
  const { token, session } = await here.create({ userId: "ada" });
  for (const sessions of [here, there]) {
    await sessions.validate(token);
    expect(await sessions.validate(token)).toMatchObject({ valid: true, near: true });
  }
  await here.revoke(session.id);
  expect(await here.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
  expect(await there.validate(token)).toMatchObject({ valid: true, near: true });
  await clock.advance(LEASE_MS + 1);
  expect(await there.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
});

test("F1 fresh: true asks the file", async () => {
  const { here, there } = await twoServers();
  const { token, session } = await here.create({ userId: "ada" });
  await there.validate(token);
  await here.revoke(session.id);
  expect(await there.validate(token, { fresh: true })).toMatchObject({ valid: false, reason: "revoked" });
  expect(await there.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
});

test("F3 revokeUser is seen at once by the process that called it", async () => {
  const { here } = await twoServers();
  const made = await Promise.all([1, 2, 3].map(() => here.create({ userId: "ada" })));
  for (const { token } of made) await here.validate(token);
  await here.revokeUser("ada");
  for (const { token } of made) expect(await here.validate(token)).toMatchObject({ valid: false });
});

test("E1 a token that was good for a copy is not good for the next one: superseded elsewhere, it is refused", async () => {
  const { here, there, clock } = await twoServers();
  const { token } = await here.create({ userId: "ada" });
  await there.validate(token);
  for (let i = 0; i < 3; i++) expect(await there.validate(token)).toMatchObject({ valid: true, near: true });
  const elevated = await here.reauthenticate(token, { userId: "ada", aal: 2, amr: ["otp"] });
  await clock.advance(LEASE_MS + 1);
  // The copy that is kept now is another one.
  expect(await there.validate(elevated?.token)).toMatchObject({ valid: true });
  expect(await there.validate(elevated?.token)).toMatchObject({ valid: true, near: true });
  for (let i = 0; i < 2; i++) {
    expect(await there.validate(token)).toMatchObject({ valid: false, reason: "superseded" });
  }
});

test("A4 a token with another MAC is not judged by the copy that the right one was good for", async () => {
  const { here } = await twoServers();
  const [{ token }, other] = [await here.create({ userId: "ada" }), await here.create({ userId: "ada" })];
  for (let i = 0; i < 3; i++) await here.validate(token);
  const mixed = token.slice(0, 71) + other.token.slice(71);
  expect(await here.validate(mixed)).toMatchObject({ valid: false, reason: "malformed" });
  expect(await here.validate(token)).toMatchObject({ valid: true, near: true });
});

test("D5 what is due is done, also for a token that was good for the copy: activity is stored, an unused session locked", async () => {
  const often = { absolute: "10m", touchInterval: "1s" } as const;
  const policies = { normal: { ...often, idle: "5s" }, office: { ...often, idle: "5m", lockAfter: "1500ms" } } as const;
  const { here, clock } = await twoServers({ policies });
  const { token, session } = await here.create({ userId: "ada" });
  const { token: locking } = await here.create({ userId: "ada", policy: "office" });
  for (let i = 0; i < 3; i++) for (const each of [token, locking]) await here.validate(each);
  await clock.advance(1_001);
  await here.validate(token);
  const stored = session.createdAt + 1_001;
  await expect.poll(async () => (await here.get(session.id))?.lastSeenAt).toBeGreaterThanOrEqual(stored);
  await clock.advance(500);
  expect(await here.validate(locking)).toMatchObject({ valid: false, reason: "locked" });
});

test("E1 a renewal that is due is made, also for a token that was good for the copy", async () => {
  const { here, clock } = await twoServers({ rotation: { grace: "500ms", every: "1s" } });
  const { token } = await here.create({ userId: "ada" });
  for (let i = 0; i < 3; i++) expect((await here.validate(token)) as object).not.toHaveProperty("token");
  await clock.advance(1_001);
  expect(await here.validate(token)).toMatchObject({ valid: true, token: expect.any(String) as unknown });
});

test("data is each request's own: what one changes in place, and what it writes, no other sees before it is stored", async () => {
  const { here } = await twoServers();
  const { token } = await here.create({ userId: "ada", data: { roles: ["user"], theme: "dark" } });
  const near = async (): Promise<Session> => {
    const answer = await here.validate(token);
    if (!answer.valid || answer.near !== true) throw new Error("no copy");
    return answer.session;
  };
  await here.validate(token);
  const [one, other] = [await near(), await near()];
  (one.data["roles"] as string[]).push("admin");
  expect(other.data["roles"]).toEqual(["user"]);
  expect((await near()).data["roles"]).toEqual(["user"]);
  expect(() => Object.assign(one.data, { theme: "light" })).toThrow(TypeError);
  await other.update((draft) => void (draft["theme"] = "light"));
  await here.validate(token);
  expect((await near()).data).toEqual({ roles: ["user"], theme: "light" });
});

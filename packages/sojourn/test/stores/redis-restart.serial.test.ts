/** Redis ends under load and comes back with what it kept; and Redis whose memory is full. `npm run restart` measures more of both. */

import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { atFullMemory } from "../support/eviction-run.ts";
import { PATIENT, startRedis } from "../support/redis-server.ts";
import { KEEPING, restartUnderLoad } from "../support/restart-run.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const [ALWAYS = "", EVERY_SECOND = "", SNAPSHOTS = "", NOTHING = ""] = Object.keys(KEEPING);

describe("a restart under load", () => {
  test.each([
    [ALWAYS, "kill -9"],
    [EVERY_SECOND, "SHUTDOWN"],
    [SNAPSHOTS, "SHUTDOWN"],
  ] as const)("D7 %s, %s: all that was acknowledged is so", { timeout: 60_000 }, async (keeping, end) => {
    const { logins, endings, ...rest } = await restartUnderLoad({ keeping, end, loadMs: 600 });
    expect(logins).toMatchObject({ acknowledged: expect.toSatisfy((count: number) => count > 20), lost: 0 });
    expect(endings).toMatchObject({ undone: 0, acceptedBySurvivor: 0, undoneForGood: 0 });
    expect(endings.acknowledged).toBeGreaterThan(20);
    expect(rest).toMatchObject({ mostOfOneUser: 3, disabledHolds: true, cutOffHolds: true, differences: 0 });
  });

  test("D7 snapshots only, kill -9: endings come back, and only a process that knew of them refuses and mends", {
    timeout: 60_000,
  }, async () => {
    const result = await restartUnderLoad({ keeping: SNAPSHOTS, end: "kill -9", loadMs: 600 });
    expect(result.logins.lost).toBeGreaterThan(0);
    expect(result.endings.undone).toBeGreaterThan(0);
    expect(result.endings).toMatchObject({ acceptedBySurvivor: 0, undoneForGood: 0 });
    expect(result).toMatchObject({ disabledHolds: false, cutOffHolds: false, differences: 0 });
  });

  test("D7 nothing kept: everybody is signed out, and no ending is undone", { timeout: 60_000 }, async () => {
    const { logins, endings, disabledHolds, cutOffHolds } = await restartUnderLoad({
      keeping: NOTHING,
      end: "kill -9",
      loadMs: 600,
    });
    expect(logins.lost).toBe(logins.acknowledged);
    expect(endings).toMatchObject({ undone: 0, acceptedBySurvivor: 0, undoneForGood: 0 });
    expect([disabledHolds, cutOffHolds]).toEqual([false, true]);
  });
});

describe("full memory", () => {
  test("M5 noeviction: logins are told so, nobody is signed out, every revocation holds, and a new process reads", {
    timeout: 60_000,
  }, async () => {
    const result = await atFullMemory({ policy: "noeviction", maxMemory: "4mb", logins: 5_000 });
    expect(Object.keys(result.refused)).toEqual(["full, not_executed"]);
    expect(result).toMatchObject({ signedOut: 0, undone: 0, revocationsFailed: 0, missed: 0, newProcessReads: true });
    expect(result.ofUsers).toBeGreaterThan(100);
  });

  test.each(["allkeys-lru", "volatile-ttl", "volatile-random"] as const)(
    "M5 %s: sessions go, no ending is undone",
    { timeout: 60_000 },
    async (policy) => {
      const result = await atFullMemory({ policy, maxMemory: "4mb", logins: 6_000 });
      expect(result.signedOut).toBeGreaterThan(0);
      expect(result).toMatchObject({ refused: {}, undone: 0, revocationsFailed: 0 });
    },
  );

  test("M5 where lists of users may be evicted, revokeUser misses sessions: what diagnose() warns of", {
    timeout: 60_000,
  }, async () => {
    const { missed } = await atFullMemory({ policy: "volatile-random", maxMemory: "4mb", logins: 6_000 });
    expect(missed).toBeGreaterThan(0);
  });

  test("M5 a process that begins at full memory reads and revokes; on an empty server it says that memory is full", async () => {
    const server = await startRedis();
    const admin = await server.admin();
    const opened = async () =>
      createSessions({
        store: redisStore(await server.client(), { deadline: PATIENT }),
        secrets: [TEST_SECRET],
        background: false,
      });
    const before = await opened();
    const { token } = await before.create({ userId: "ada" });
    await admin.configSet("maxmemory", "1mb");
    const after = await opened();
    expect(await after.validate(token)).toMatchObject({ valid: true });
    expect(await after.logout(token)).toBe(true);
    await admin.configSet("maxmemory", "0");
    await admin.flushAll();
    await admin.configSet("maxmemory", "1mb");
    await expect((await opened()).ready()).rejects.toMatchObject({ reason: "full", outcome: "not_executed" });
    await Promise.all([before.close(), after.close()]);
    await server.stop();
  });
});

test.each([
  ["all rights", undefined, true],
  ["none", [], false],
] as const)(
  "M5 the default user is off and has %s: what scripts wrote is there after a restart: %o, %s",
  async (_what, defaultMay, kept) => {
    const options = defaultMay === undefined ? {} : { defaultMay };
    const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"], options);
    const store = redisStore(await server.client(), { deadline: PATIENT });
    const sessions = createSessions({ store, secrets: [TEST_SECRET], log: () => undefined });
    try {
      const { token } = await sessions.create({ userId: "ada" });
      await server.kill();
      await server.start();
      await expect
        .poll(() => sessions.validate(token).catch(() => null), { timeout: 5_000 })
        .toMatchObject({ valid: kept });
    } finally {
      await sessions.close();
      await server.stop();
    }
  },
);

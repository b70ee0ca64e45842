/** The mover: what it refuses, what it leaves, how it is stopped and taken up again. */

import { expect, test } from "vitest";
import type { Store } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { movingStore, moveStore } from "../../src/stores/moving/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { secondaryStorage } from "../../src/adapters/better-auth.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const MINUTE = 60_000;

function stores() {
  const clock = manualClock();
  return { clock, from: memoryStore({ clock }), to: memoryStore({ clock }) };
}

async function filled(store: Store, clock: ReturnType<typeof manualClock>, count: number): Promise<string[]> {
  const sessions = createSessions({ store, secrets: [TEST_SECRET], clock, background: false });
  const made = Array.from({ length: count }, (_, i) => sessions.create({ userId: `user-${i}`, data: { i } }));
  return (await Promise.all(made)).map(({ token }) => token);
}

/** As long after its beginning that nobody waits. */
async function begunEarlier(to: Store, clock: ReturnType<typeof manualClock>): Promise<void> {
  await to.transfer.begin();
  await clock.advance(MINUTE);
}

test("all sessions are at the target with their tokens, data and users, and the source is empty", async () => {
  const { from, to, clock } = stores();
  const tokens = await filled(from, clock, 300);
  await createSessions({ store: from, secrets: [TEST_SECRET], clock }).disableUser("mallory");
  await to.transfer.adopt((await from.ready()).salt);
  await begunEarlier(to, clock);
  const seen: number[] = [];
  const result = await moveStore(from, to, { onProgress: ({ moved }) => void seen.push(moved) });
  expect(result).toEqual({
    moved: 300,
    ended: 0,
    of: 300,
    values: 0,
    done: true,
    left: 0,
    live: 300,
    valuesLeft: 0,
    valuesLive: 0,
  });
  expect(seen).toEqual([0, 128, 256, 300, 300]);
  const after = createSessions({ store: to, secrets: [TEST_SECRET], clock });
  for (const [i, token] of tokens.entries()) {
    const valid = await after.validate(token);
    expect(valid.valid && valid.session.data).toEqual({ i });
  }
  expect(await after.list("user-7")).toHaveLength(1);
  await expect(after.create({ userId: "mallory" })).rejects.toMatchObject({ code: "user_disabled" });
  expect(await moveStore(from, to)).toMatchObject({ moved: 0, done: true, live: 300 });
});

test("stopped by onProgress and called again it goes on", async () => {
  const { from, to, clock } = stores();
  await filled(from, clock, 300);
  await to.transfer.adopt((await from.ready()).salt);
  await begunEarlier(to, clock);
  const first = await moveStore(from, to, { onProgress: ({ moved }) => moved < 100 });
  expect(first).toMatchObject({ moved: 128, done: false, left: 172, live: 128 });
  expect(await moveStore(from, to)).toMatchObject({ moved: 172, of: 172, done: true, left: 0, live: 300 });
});

test("a session that was taken out by a mover that died then arrives, however long ago that is", async () => {
  const { from, to, clock } = stores();
  const [token = ""] = await filled(from, clock, 1);
  await to.transfer.adopt((await from.ready()).salt);
  await begunEarlier(to, clock);
  const [first] = (await from.page({ cursor: null, limit: 1 })).items;
  await from.transfer.takeAway(first?.id ?? "");
  await clock.advance(2 * 60 * MINUTE);
  expect(await moveStore(from, to)).toMatchObject({ moved: 1, done: true, live: 1 });
  const after = createSessions({ store: to, secrets: [TEST_SECRET], clock });
  expect((await after.validate(token)).valid).toBe(true);
});

test("sessions begin at the source until the mover has begun, at the target from then on", async () => {
  const { from, to, clock } = stores();
  const sessions = createSessions({ store: movingStore({ from, to }), secrets: [TEST_SECRET], clock });
  await sessions.create({ userId: "ada" });
  expect([await from.count(), await to.count()]).toEqual([1, 0]);
  await to.transfer.begin();
  await sessions.create({ userId: "ada" });
  expect([await from.count(), await to.count()]).toEqual([1, 1]);
  expect(await sessions.list("ada")).toHaveLength(2);
});

test("the mover waits for beginnings that had not heard of it", async () => {
  const [from, to] = [memoryStore(), memoryStore()];
  const startedAt = performance.now();
  await moveStore(from, to);
  expect(performance.now() - startedAt).toBeGreaterThan(4_900);
});

test("refused: one store, two namespaces, a target with sessions of another salt, clocks apart", async () => {
  const { from, to, clock } = stores();
  await expect(moveStore(from, from)).rejects.toMatchObject({ code: "config_invalid" });
  expect(() => movingStore({ from, to: memoryStore({ namespace: "other", clock }) })).toThrow(/one namespace/);
  await filled(to, clock, 1);
  await expect(moveStore(from, to)).rejects.toThrow(/salt of its own/);
  const fast = manualClock();
  await fast.advance(3_000);
  await expect(moveStore(from, memoryStore({ clock: fast }))).rejects.toThrow(
    /clocks of the two stores are 3\d\d\d ms apart/,
  );
});

test("refused: sessions that begin at the source alone long after the move began", async () => {
  const { from, to, clock } = stores();
  await to.transfer.adopt((await from.ready()).salt);
  await begunEarlier(to, clock);
  await filled(from, clock, 1);
  await expect(moveStore(from, to)).rejects.toThrow(/without movingStore/);
  expect(await moveStore(from, to)).toMatchObject({ done: true, live: 1 });
});

test("events of both stores reach a consumer, and each is acknowledged where it came from", async () => {
  const { from, to, clock } = stores();
  const sessions = createSessions({ store: movingStore({ from, to }), secrets: [TEST_SECRET], clock });
  const first = await sessions.create({ userId: "ada" });
  await to.transfer.begin();
  const second = await sessions.create({ userId: "ada" });
  const reader = movingStore({ from, to }).readEvents({ group: "g", consumer: "c", claimAfterMs: MINUTE });
  const taken = [...(await reader.take(0)), ...(await reader.take(0))];
  expect(taken.map((each) => ("sessionId" in each ? each.sessionId : null))).toEqual([
    first.session.id,
    second.session.id,
  ]);
  await reader.acknowledge(taken);
  expect(await reader.take(0)).toEqual([]);
  reader.stop();
});

test("moved back at once, and there again, it is the same sessions", async () => {
  const { from, to, clock } = stores();
  const [token = "", ended = ""] = await filled(from, clock, 2);
  await to.transfer.adopt((await from.ready()).salt);
  let isLive = true;
  for (const [source, target] of [
    [from, to],
    [to, from],
    [from, to],
  ] as const) {
    await begunEarlier(target, clock);
    const sessions = createSessions({
      store: movingStore({ from: source, to: target }),
      secrets: [TEST_SECRET],
      clock,
    });
    expect(await sessions.validate(token)).toMatchObject({ valid: true });
    await sessions.data((await idOf(sessions, token)) ?? "").increment("n");
    if (source === to) {
      expect(await sessions.logout(ended)).toBe(true);
      isLive = false;
    }
    expect(await moveStore(source, target)).toMatchObject({ done: true, left: 0 });
    expect((await sessions.validate(ended)).valid).toBe(isLive);
  }
  const after = createSessions({ store: to, secrets: [TEST_SECRET], clock });
  const valid = await after.validate(token);
  expect(valid.valid && valid.session.data).toEqual({ i: 0, n: 3 });
  expect(await to.count()).toBe(1);
});

test("stopped, moved back and there again, each session and value arrives", async () => {
  const { from, to, clock } = stores();
  const tokens = await filled(from, clock, 300);
  await to.transfer.adopt((await from.ready()).salt);
  const storage = secondaryStorage(createSessions({ store: from, secrets: [TEST_SECRET], clock }));
  for (let i = 0; i < 300; i++) await storage.set(`key-${i}`, `value-${i}`, 3_600);
  for (const [source, target, most] of [
    [from, to, 500],
    [to, from, 500],
    [from, to, Number.POSITIVE_INFINITY],
  ] as const) {
    await begunEarlier(target, clock);
    await moveStore(source, target, { onProgress: ({ moved, values }) => moved + values < most });
  }
  const sessions = createSessions({ store: to, secrets: [TEST_SECRET], clock });
  for (const token of tokens) expect(await sessions.validate(token)).toMatchObject({ valid: true });
  for (let i = 0; i < 300; i++) expect(await secondaryStorage(sessions).get(`key-${i}`)).toBe(`value-${i}`);
});

test("refused while sessions still lie aside at the target, on their way out of it", async () => {
  const { from, to, clock } = stores();
  await filled(to, clock, 1);
  await from.transfer.adopt((await to.ready()).salt);
  const [first] = (await to.page({ cursor: null, limit: 1 })).items;
  await to.transfer.takeAway(first?.id ?? "");
  await expect(moveStore(from, to)).rejects.toThrow(/finish that move first/i);
});

async function idOf(sessions: ReturnType<typeof createSessions>, token: string): Promise<string | null> {
  const valid = await sessions.validate(token, { touch: false });
  return valid.valid ? valid.session.id : null;
}

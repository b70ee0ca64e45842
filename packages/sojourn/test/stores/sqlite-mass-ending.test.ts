/** The sqlite engine while many sessions are ended: in turns, so that nobody waits long, and whatever happens between two. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreClosedError } from "../../src/errors.ts";
import { isRecord, type Store } from "../../src/store/store.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { endingUser, Environment, IDLE } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

const MANY = 3_000;

let folder: string;
let store: Store;
let other: Store;
let env: Environment;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-mass-"));
  const clock = manualClock();
  const open = (): Store => sqliteStore(join(folder, "sessions.db"), { clock, writeDeadlineMs: 10_000 });
  [store, other] = [open(), open()];
  env = await Environment.over({ store, other, clock, close: async () => undefined });
});
afterEach(async () => {
  await Promise.all([store.close(), other.close()]);
  await rm(folder, { recursive: true, force: true });
});

function created(n: number) {
  return Promise.all(Array.from({ length: n }, () => env.created({ userId: "ada", idleMs: 8 * IDLE })));
}

function everything() {
  return { policy: null, before: store.now() + IDLE, reason: "leak", actor: null, keptMs: IDLE };
}

/** Until the first turn of an ending is done. */
async function begun(): Promise<void> {
  while ((await other.count()) === MANY) await turn();
}

/** Turns of the event loop, and writes of another process, until an answer comes. */
async function meanwhile(answer: Promise<unknown>): Promise<{ turns: number; written: number }> {
  const settled = Promise.allSettled([answer]).then(() => true);
  let [turns, written] = [0, 0];
  for (; !(await Promise.race([settled, turn(false)])); turns++) {
    if (turns % 4 === 0) written += (await other.create(env.made())).status === "created" ? 1 : 0;
  }
  return { turns, written };
}

test("F3 revokeUser of 3,000 sessions leaves the event loop and other processes their turns", async () => {
  const before = await created(MANY);
  const revoked = store.revokeUser(endingUser(env.userKey("ada"), before[0]?.id));
  const { turns, written } = await meanwhile(revoked);
  expect(await revoked).toEqual({ ended: MANY - 1 });
  expect(turns).toBeGreaterThanOrEqual(MANY / 500);
  expect(written).toBeGreaterThanOrEqual(2);
  expect((await other.listUser(env.userKey("ada"))).map(({ id }) => id)).toEqual([before[0]?.id]);
});

test("F3 logins between two turns of revokeUser stay", async () => {
  await created(MANY);
  const revoked = store.revokeUser(endingUser(env.userKey("ada")));
  await begun();
  const login = await env.created({ userId: "ada" }, other);
  expect(await other.count()).toBeGreaterThan(1);
  await revoked;
  expect((await other.listUser(env.userKey("ada"))).map(({ id }) => id)).toEqual([login.id]);
  expect(await other.count()).toBe(1);
});

test("F6 revokeBefore of 3,000 sessions leaves the event loop and other processes their turns", async () => {
  await created(MANY);
  const revoked = store.revokeBefore(everything());
  const { turns, written } = await meanwhile(revoked);
  expect(await revoked).toEqual({ ended: MANY });
  expect(turns).toBeGreaterThanOrEqual(MANY / 500);
  expect(written).toBeGreaterThanOrEqual(2);
});

test("F6 a sweep that was cut short: every process judges by the cut-off at once, and calling again ends the rest", async () => {
  const sessions = await created(MANY);
  const revoked = store.revokeBefore(everything());
  const rejected = expect(revoked).rejects.toThrow(StoreClosedError);
  await begun();
  await store.close();
  await rejected;
  const left = await other.count();
  expect(left).toBeGreaterThan(0);
  for (const { id, record, userKey } of sessions) {
    expect(await other.read(id)).toMatchObject({ reason: "leak" });
    if (id === sessions.at(-1)?.id) expect((await other.create({ id, record, userKey })).status).toBe("gone");
  }
  expect(await other.listUser(env.userKey("ada"))).toEqual([]);
  expect((await other.page({ cursor: null, limit: 100 })).items).toEqual([]);
  expect(await other.touch({ id: sessions.at(-1)?.id ?? "", minIntervalMs: 0, confirm: false })).toMatchObject({
    status: "gone",
  });
  expect(await other.revokeBefore(everything())).toEqual({ ended: left });
  const later = await env.created({}, other);
  expect(isRecord(await other.read(later.id))).toBe(true);
});

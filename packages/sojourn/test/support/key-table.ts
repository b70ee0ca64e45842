/** Every kind of key that Sojourn writes to Redis: its type, its death and its size, measured on a real server. */

import { secondaryStorage } from "../../src/adapters/better-auth.ts";
import { createSessions, type Sessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { whileAdvancing } from "../../src/testing/conformance/environment.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, startRedis, type TestClient } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

export interface KeyRow {
  /** Key with what varies left out: `sojourn:s:{tag}:…`. */
  readonly key: string;
  readonly type: string;
  /** "5 min", "when empty" or "kept". */
  readonly dies: string;
  readonly keys: number;
  /** Of the largest one, with its name. */
  readonly bytes: number;
}

export interface KeyTable {
  readonly rows: readonly KeyRow[];
  /** Kinds that are left once everything has ended, the longest retention is over and the reaper was there. */
  readonly left: readonly string[];
  /** Keys on the server then, by `DBSIZE`. */
  readonly size: number;
  readonly keysLeft: number;
}

/** Does everything that writes a key of a kind of its own. */
export async function writeEveryKindOfKey(sessions: Sessions, other: Sessions, clock: ManualClock): Promise<void> {
  await whileAdvancing(clock, sessions.revokeBefore({ before: 1 }));
  const { token, session } = await sessions.create({ userId: "ada", data: { theme: "dark" } });
  const anonymous = await sessions.create({ data: { cart: [] } });
  await sessions.login(anonymous.token, { userId: "grace", keep: ["cart"] });
  await sessions.create({ userId: "linus", policy: "rememberMe" });
  const rotated = await other.rotate(token);
  await sessions.validate(rotated?.token, { touch: true });
  await sessions.create({ userId: "ada", policy: "temporary" });
  await clock.advance(5 * MINUTE + 1000);
  await sessions.reaper.runOnce();
  await (await sessions.create({ userId: "ada" })).session.revoke();
  await sessions.revokeUser("grace");
  await sessions.disableUser("mallory");
  await session.increment("visits");
  await sessions.activity.record(session.id, "password changed");
  await sessions.metrics.record("login.ms", 12);
  await secondaryStorage(sessions).increment("sign-ins", DAY / 1000);
}

/** Starts a server of its own, and ends it. */
export async function measureKeys(): Promise<KeyTable> {
  const redis = await startRedis();
  const [client, admin] = [await redis.client(), await redis.admin()];
  const clock = manualClock();
  clock.onAdvance(ageRedisKeys(admin));
  const store = redisStore(client, { clock, deadline: PATIENT });
  const open = (): Sessions => createSessions({ store, secrets: [TEST_SECRET], clock });
  const [sessions, other] = [open(), open()];
  try {
    await store.reap({ part: 0, notWithinMs: 15 * MINUTE });
    await store.metrics.addToSeries(store.now(), new Map([["created", 1]]));
    await writeEveryKindOfKey(sessions, other, clock);
    const { session } = await sessions.create({ userId: "ada" });
    const record = await store.transfer.takeAway(session.id);
    if (record !== null) await store.transfer.admit({ id: session.id, record });
    const found = await measured(admin);
    await store.transfer.settle(session.id);
    await store.transfer.forgetAdmitted();
    await sessions.enableUser("mallory");
    await clock.advance(100 * DAY);
    await sessions.reaper.runOnce();
    const left = await measured(admin);
    const kindsLeft = new Set(left.map(({ key }) => key));
    const size = await admin.dbSize();
    return { rows: rowsOf(found, kindsLeft), left: [...kindsLeft].toSorted(), size, keysLeft: left.length };
  } finally {
    await Promise.all([sessions.close(), other.close()]);
    await redis.stop();
  }
}

interface MeasuredKey extends Omit<KeyRow, "dies" | "keys"> {
  readonly ttlMs: number;
}

async function measured(admin: TestClient): Promise<MeasuredKey[]> {
  const keys = (await admin.keys("*")).toSorted();
  return Promise.all(
    keys.map(async (name) => ({
      key: name.replace(/\{.*?\}/, "{tag}").replace(/(\}:(?:[a-z]:)?).*/, "$1…"),
      type: await admin.type(name),
      ttlMs: await admin.pTTL(name),
      bytes: (await admin.memoryUsage(name)) ?? 0,
    })),
  );
}

function rowsOf(found: readonly MeasuredKey[], left: ReadonlySet<string>): KeyRow[] {
  return [...Map.groupBy(found, ({ key }) => key)].map(([key, all]) => {
    const ttlMs = Math.max(...all.map((each) => each.ttlMs));
    const dies = ttlMs > 0 ? `within ${span(ttlMs)}` : left.has(key) ? "kept" : "when empty";
    const bytes = Math.max(...all.map((each) => each.bytes));
    return { key, type: all[0]?.type ?? "", dies, keys: all.length, bytes };
  });
}

function span(ms: number): string {
  if (ms < MINUTE) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 2 * 60 * MINUTE) return `${Math.ceil(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.ceil(ms / (60 * MINUTE))} h` : `${Math.ceil(ms / DAY)} d`;
}

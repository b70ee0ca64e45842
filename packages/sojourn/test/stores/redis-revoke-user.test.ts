/** Ending all sessions of a user who has more of them than one script looks at. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { isRecord, type Store } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { endingUser, Environment, HOUR } from "../../src/testing/conformance/environment.ts";
import { elevation } from "../../src/testing/conformance/tokens.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { isScript, Wire } from "../support/wire.ts";

const CHUNK = 100;

let server: RedisServer;
let admin: TestClient;
const opened: Store[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
});
afterAll(() => server.stop());
beforeEach(() => admin.flushAll());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** Two processes; what the first one sends goes over `wire`. */
async function processes() {
  const wire = new Wire(admin);
  const store = redisStore(wire, { deadline: PATIENT });
  const other = redisStore(await server.client(), { deadline: PATIENT });
  opened.push(store, other);
  const env = await Environment.over({ store, other, clock: manualClock(), close: async () => undefined });
  return { env, wire, store, other };
}

/** Sessions of Ada in the order in which they expire. */
function many(env: Environment, count: number) {
  return Promise.all(Array.from({ length: count }, (_, i) => env.created({ userId: "ada", idleMs: HOUR + i * 1_000 })));
}

test("F4 all of them end but the one that stays, wherever it is among them; logins meanwhile stay", async () => {
  const { env, wire, store, other } = await processes();
  const sessions = await many(env, 1_050);
  const kept = sessions[CHUNK + 7]?.id ?? "";
  let later: Promise<{ id: string }> | undefined;
  wire.before = (words) => {
    if (!isScript(words, "endOlder")) return undefined;
    later ??= env.created({ userId: "ada", idleMs: 2 * HOUR }, other);
    return later.then(() => undefined);
  };
  expect(await store.revokeUser(endingUser(env.userKey("ada"), kept))).toEqual({ ended: 1_049 });
  const left = (await other.listUser(env.userKey("ada"))).map(({ id }) => id);
  expect(left.toSorted()).toEqual([kept, (await later)?.id].toSorted());
});

test("M6 no command names more of them than one script looks at, and no reply more than a page", async () => {
  const { env, wire, store } = await processes();
  await many(env, 1_050);
  const replies: number[] = [];
  let most = 0;
  wire.before = (words) => {
    if (isScript(words, "endOlder")) most = Math.max(most, words.length - 3 - 5 - 13);
    return undefined;
  };
  wire.after = (_words, reply) => {
    if (Array.isArray(reply)) replies.push(reply.length);
    return undefined;
  };
  expect(await store.revokeUser(endingUser(env.userKey("ada")))).toEqual({ ended: 1_050 });
  expect(most).toBe(CHUNK);
  // A page comes with scores, and one entry more.
  expect(Math.max(...replies)).toBeLessThanOrEqual(2 * (CHUNK + 1));
});

test("F4 one that a shorter lifetime would move behind the walk is not overlooked: it cannot be moved", async () => {
  const { env, wire, store, other } = await processes();
  const sessions = await many(env, 700);
  const last = sessions.at(-1)?.id ?? "";
  const shorter = { ...(await elevation(env, last)), absoluteMs: 60_000 };
  let pages = 0;
  let moved: Promise<{ status: string }> | undefined;
  wire.before = (words) => {
    if (words[0] !== "ZRANGEBYSCORE" || ++pages !== 2) return undefined;
    moved = other.elevate(shorter);
    return moved.then(() => undefined);
  };
  expect(await store.revokeUser(endingUser(env.userKey("ada")))).toEqual({ ended: 700 });
  expect(await moved).toMatchObject({ status: "gone" });
  expect(isRecord(await other.read(last))).toBe(false);
});

/** The option `limit` on every engine: how many sessions a user may have at once. */

import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { OLDER_SECRET, TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const bench = engineBench();

interface Opened {
  readonly sessions: Sessions;
  readonly clock: ManualClock;
  readonly calls: string[];
  /** One more application server on the same data. */
  server(options: SessionsOptions): Sessions;
}

type Login = Awaited<ReturnType<Sessions["login"]>>;

describe.each(ENGINES)("limits on %s", (engine) => {
  async function open(limit: SessionsOptions["limit"] | null = { perUser: 3 }): Promise<Opened> {
    const { store, clock } = await bench.open(engine);
    const watched = new WatchedStore(store);
    const server = (options: SessionsOptions): Sessions =>
      createSessions({ store: watched.store, clock, secrets: [TEST_SECRET], ...options });
    const sessions = server(limit === null ? {} : { limit });
    await sessions.ready();
    return { sessions, clock, calls: watched.calls, server };
  }

  /** A login whose token came back, a second after whatever was before. */
  async function login({ sessions, clock }: Pick<Opened, "sessions" | "clock">, token: unknown = null): Promise<Login> {
    await clock.advance(SECOND);
    const made = await sessions.login(token, { userId: "ada" });
    await sessions.validate(made.token, { touch: true });
    return made;
  }

  async function liveIds(sessions: Sessions): Promise<string[]> {
    return (await sessions.list("ada")).map(({ id }) => id);
  }

  test("G1 a login too many ends the session seen least recently, which says so; the list shows who is left", async () => {
    const opened = await open();
    const { sessions, clock } = opened;
    const [phone, laptop, tablet] = [await login(opened), await login(opened), await login(opened)];
    await clock.advance(MINUTE);
    await sessions.validate(phone.token, { touch: true });
    const work = await login(opened);
    expect(await liveIds(sessions)).toEqual([work, phone, tablet].map(({ session }) => session.id));
    const refused = { valid: false, reason: "revoked", clearCookie: true, ended: { reason: "evicted" } };
    expect(await sessions.validate(laptop.token)).toMatchObject(refused);
    await expect(laptop.session.set("a", 1)).rejects.toMatchObject({ code: "session_ended", reason: "evicted" });
    for (const { token } of [phone, tablet, work]) expect((await sessions.validate(token)).valid).toBe(true);
    expect(await sessions.count()).toBe(3);
    expect((await sessions.create({ userId: "grace" })).session.userId).toBe("grace");
    expect(await liveIds(sessions)).toHaveLength(3);
  });

  test("G1 where the limit is to reject, a login too many is a 409 that changes nothing", async () => {
    const opened = await open({ perUser: 2, onExceed: "reject" });
    const { sessions } = opened;
    const [first, second] = [await login(opened), await login(opened)];
    const visitor = await sessions.create({ data: { cart: ["a"] } });
    const refusal = { name: "SessionLimitError", code: "session_limit", status: 409, count: 2 };
    await expect(sessions.login(visitor.token, { userId: "ada", keep: ["cart"] })).rejects.toMatchObject(refusal);
    await expect(sessions.create({ userId: "ada" })).rejects.toMatchObject(refusal);
    expect(await liveIds(sessions)).toEqual([second.session.id, first.session.id]);
    expect(await sessions.validate(visitor.token)).toMatchObject({ valid: true, session: { data: { cart: ["a"] } } });
    await sessions.logout(first.token);
    const third = await sessions.login(visitor.token, { userId: "ada", keep: ["cart"] });
    expect(third.session.data).toEqual({ cart: ["a"] });
    expect(await liveIds(sessions)).toHaveLength(2);
  });

  test.each(["evictOldest", "reject"] as const)(
    "G1 a login with the token of the user's own session takes its place (%s)",
    async (onExceed) => {
      const opened = await open({ perUser: 2, onExceed });
      const { sessions, calls } = opened;
      const [other, mine] = [await login(opened), await login(opened)];
      calls.length = 0;
      const again = await sessions.login(mine.token, { userId: "ada" });
      expect(calls.filter((name) => name !== "ready")).toEqual(["create"]);
      expect((await liveIds(sessions)).toSorted()).toEqual([other.session.id, again.session.id].toSorted());
      expect(await sessions.validate(mine.token)).toMatchObject({ reason: "revoked", ended: { reason: "login" } });
    },
  );

  test("whose token never came back does not count after a minute, and goes first", async () => {
    const opened = await open({ perUser: 2, onExceed: "reject" });
    const { sessions, clock } = opened;
    const known = await login(opened);
    const lost = await sessions.create({ userId: "ada" });
    await expect(sessions.create({ userId: "ada" })).rejects.toMatchObject({ code: "session_limit" });
    await clock.advance(MINUTE + SECOND);
    const next = await login(opened);
    expect(await sessions.validate(lost.token)).toMatchObject({ reason: "revoked", ended: { reason: "evicted" } });
    expect(await liveIds(sessions)).toEqual([next.session.id, known.session.id]);
  });

  test("its first validate notes behind the answer that the token came back, once, and its lifetime stays", async () => {
    const { sessions, calls } = await open();
    const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
    calls.length = 0;
    await Promise.all([sessions.validate(token), sessions.validate(token)]);
    await expect.poll(async () => calls.filter((name) => name === "touch").length).toBe(1);
    await expect.poll(async () => ((calls.length = 0), await sessions.validate(token), calls.join())).toBe("read");
    expect((await sessions.get(session.id))?.idleMs).toBe(15 * MINUTE);
  });

  test("P1 G1 sessions begun under a secret that was rotated and retired count and go like any other", async () => {
    const opened = await open();
    const limit = { perUser: 3 };
    const before = opened.server({ limit, secrets: [OLDER_SECRET] });
    const both = opened.server({ limit, secrets: [TEST_SECRET, OLDER_SECRET] });
    const oldest = await login({ ...opened, sessions: before });
    const old = await login({ ...opened, sessions: before });
    const between = await login({ ...opened, sessions: both }, old.token);
    await login(opened);
    await login(opened);
    expect(await both.validate(oldest.token)).toMatchObject({ reason: "revoked", ended: { reason: "evicted" } });
    expect((await both.validate(between.token)).valid).toBe(true);
    expect(await liveIds(opened.sessions)).toHaveLength(3);
  });

  test("a lower limit holds from the next login on", async () => {
    const opened = await open({ perUser: 5 });
    for (let i = 0; i < 5; i++) await login(opened);
    const lower = opened.server({ limit: { perUser: 2 } });
    expect(await liveIds(lower)).toHaveLength(5);
    const [seenLast] = await liveIds(lower);
    const newest = await login({ ...opened, sessions: lower });
    expect(await liveIds(lower)).toEqual([newest.session.id, seenLast]);
  });

  test("G1 fifty parallel logins at two servers, limit 3, looked at all the while: never more than 3", async () => {
    const { sessions, server } = await open();
    const other = server({ limit: { perUser: 3 }, secrets: [TEST_SECRET, OLDER_SECRET] });
    const logins = { done: false };
    const made = Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? sessions : other).login(null, { userId: "ada" })),
    ).finally(() => {
      logins.done = true;
    });
    const samples: number[] = [];
    while (!logins.done) {
      samples.push((await liveIds(sessions)).length, await other.count());
      await setImmediate();
    }
    const tokens = (await made).map(({ token }) => token);
    expect(Math.max(...samples)).toBeLessThanOrEqual(3);
    const answers = await Promise.all(tokens.map((token) => other.validate(token, { touch: false })));
    expect(answers.filter(({ valid }) => valid)).toHaveLength(3);
    const reasons = answers.flatMap((answer) => (answer.valid ? [] : [answer.ended?.reason]));
    expect(new Set(reasons)).toEqual(new Set(["evicted"]));
  });

  test("without the option there is no limit, and visitors have none", async () => {
    const { sessions } = await open(null);
    for (let i = 0; i < 12; i++) await sessions.create({ userId: "ada" });
    expect(await liveIds(sessions)).toHaveLength(12);
    const limited = await open({ perUser: 1 });
    for (let i = 0; i < 3; i++) await limited.sessions.create();
    expect(await limited.sessions.count()).toBe(3);
  });
});

test.each([
  [null],
  [{}],
  [{ perUser: 0 }],
  [{ perUser: 1.5 }],
  [{ perUser: "3" }],
  [{ perUser: 1_001 }],
  [{ perUser: 3, onExceed: "ask" }],
])("limit: %j is refused, and the message says what would do", (limit) => {
  const make = (): unknown => createSessions({ development: true, limit: limit as never });
  expect(make).toThrow(expect.objectContaining({ code: "config_invalid" }));
  expect(make).toThrow(
    /^Option limit\.(?:perUser must be a whole number from 1 to 1000|onExceed must be "evictOldest")/,
  );
});

/** createSessions on every engine: what begins, goes on and ends. */

import { describe, expect, test } from "vitest";
import { createSessions, SessionEndedError, type Sessions, type SessionsOptions } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { OLDER_SECRET, TEST_SECRET } from "./support/secrets.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const bench = engineBench();

describe.each(ENGINES)("sessions on %s", (engine) => {
  async function open(
    options: SessionsOptions = {},
  ): Promise<{ sessions: Sessions; clock: ManualClock; lines: string[] }> {
    const { store, clock } = await bench.open(engine);
    const lines: string[] = [];
    const sessions = createSessions({
      store,
      clock,
      secrets: [TEST_SECRET],
      log: (line) => lines.push(line),
      ...options,
    });
    return { sessions, clock, lines };
  }

  test("create answers a token and the facts of the session", async () => {
    const { sessions } = await open({ serverId: "web-1" });
    const device = { ip: "203.0.113.7", userAgent: "Mozilla/5.0", name: "Ada's laptop" };
    const { token, session } = await sessions.create({
      userId: "ada",
      data: { a: 1 },
      device,
      loginMethod: "password",
      amr: ["pwd"],
    });
    expect(token).toMatch(/^1[A-Za-z0-9_-]{92}$/);
    const again = await sessions.validate(token);
    for (const each of [session, again.valid ? again.session : null]) {
      expect(each).toMatchObject({
        userId: "ada",
        policy: "normal",
        aal: 1,
        amr: ["pwd"],
        loginMethod: "password",
        serverId: "web-1",
        migratedAt: null,
        revision: 0,
        device,
        data: { a: 1 },
        security: { failedLogins: 0, suspicious: null, passwordChangedAt: null },
      });
    }
    expect(session.expiresAt - session.createdAt).toBe(DAY);
    expect(session.absoluteExpiresAt - session.createdAt).toBe(7 * DAY);
    expect(session.authenticatedAt).toBe(session.createdAt);
  });

  test("A2 an id never authenticates, and a token appears in no list", async () => {
    const { sessions } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    expect(await sessions.validate(session.id)).toEqual({ valid: false, reason: "malformed", clearCookie: false });
    const secret = token.slice(28, 71);
    expect(JSON.stringify(await sessions.list("ada"))).not.toContain(secret.slice(0, 12));
  });

  test("validate says malformed, not_found, expired, revoked", async () => {
    const { sessions, clock } = await open();
    const other = createSessions({ store: (await bench.open("memory")).store, secrets: [TEST_SECRET] });
    const elsewhere = await other.create({ userId: "ada" });
    const expiring = await sessions.create({ userId: "ada", policy: "temporary" });
    const revoked = await sessions.create({ userId: "ada" });
    await sessions.revoke(revoked.session.id, { reason: "stolen" });
    expect(await sessions.validate("nonsense")).toEqual({ valid: false, reason: "malformed", clearCookie: false });
    expect(await sessions.validate(elsewhere.token)).toEqual({ valid: false, reason: "not_found", clearCookie: true });
    expect(await sessions.validate(revoked.token)).toMatchObject({
      valid: false,
      reason: "revoked",
      clearCookie: true,
      ended: { reason: "stolen" },
    });
    await clock.advance(5 * MINUTE + 1000);
    const ended = { reason: "expired", at: expiring.session.expiresAt };
    const expired = { valid: false, reason: "expired", clearCookie: true, ended };
    expect(await sessions.validate(expiring.token)).toEqual(expired);
    await clock.advance(2 * HOUR);
    expect(await sessions.validate(expiring.token)).toMatchObject({ valid: false, reason: "not_found" });
  });

  test("D1 idle timeout: alive a second before, over a second after, and polling with touch: false does not extend it", async () => {
    const { sessions, clock } = await open();
    const { token } = await sessions.create({ userId: "ada", policy: "sensitive" });
    await clock.advance(14 * MINUTE);
    expect((await sessions.validate(token, { touch: false })).valid).toBe(true);
    await clock.advance(59_000);
    expect((await sessions.validate(token, { touch: false })).valid).toBe(true);
    await clock.advance(2_000);
    expect((await sessions.validate(token, { touch: false })).valid).toBe(false);
  });

  test("D2 absolute timeout: activity, writes and touches never extend it", async () => {
    const { sessions, clock } = await open();
    const { token, session } = await sessions.create({ userId: "ada", policy: "temporary" });
    for (let minutes = 0; minutes < 56; minutes += 4) {
      await clock.advance(4 * MINUTE);
      expect((await sessions.validate(token, { touch: true })).valid).toBe(true);
      await session.set("at", minutes);
    }
    await clock.advance(3 * MINUTE);
    expect((await sessions.validate(token, { touch: true })).valid).toBe(true);
    await clock.advance(MINUTE + 1000);
    expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "expired" });
  });

  test("a due touch is stored behind the answer, and not again within the interval", async () => {
    const { sessions, clock } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    await clock.advance(9 * MINUTE);
    await sessions.validate(token);
    expect((await sessions.get(session.id))?.lastSeenAt).toBe(session.createdAt);
    await clock.advance(2 * MINUTE);
    await sessions.validate(token);
    await expect
      .poll(async () => (await sessions.get(session.id))?.lastSeenAt ?? 0)
      .toBeGreaterThan(session.createdAt + 10 * MINUTE);
  });

  test("validate with touch: true awaits the touch and answers the new deadline", async () => {
    const { sessions, clock } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    await clock.advance(MINUTE);
    const result = await sessions.validate(token, { touch: true });
    expect(result.valid && result.session.expiresAt).toBeGreaterThanOrEqual(session.expiresAt + MINUTE);
    expect((await sessions.get(session.id))?.expiresAt).toBe(result.valid && result.session.expiresAt);
  });

  test("session get, set, delete, update, increment; data is frozen and replaced", async () => {
    const { sessions } = await open({ development: true });
    const { session } = await sessions.create({ userId: "ada", data: { list: [1] } });
    const before = session.data;
    expect(Object.isFrozen(before)).toBe(true);
    expect(() => (before["list"] as number[]).push(2)).toThrow(TypeError);
    await session.set("a", { b: 1 });
    expect(await session.increment("n")).toBe(1);
    expect(await session.increment("n", 4)).toBe(5);
    await session.delete("list");
    const after = await session.update((draft) => {
      draft["a"] = { ...(draft["a"] as object), c: [2] };
    });
    expect(after).toEqual({ a: { b: 1, c: [2] }, n: 5 });
    expect(session.data).toEqual(after);
    expect(before).toEqual({ list: [1] });
    expect(await session.get("a")).toEqual({ b: 1, c: [2] });
    expect(await session.get("nothing")).toBeUndefined();
    expect((await sessions.get(session.id))?.data).toEqual(after);
  });

  test("what a caller stores is copied: changing the object afterwards changes nothing", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const cart = { items: ["a"] };
    await session.set("cart", cart);
    cart.items.push("b");
    expect(session.data["cart"]).toEqual({ items: ["a"] });
    expect(await session.get("cart")).toEqual({ items: ["a"] });
  });

  test("update() ignores what its function answers, and refuses an async one", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { cart: [1], theme: "dark" } });
    await session.update((draft) => (draft["profile"] = { name: "Ada" }));
    expect((await sessions.get(session.id))?.data).toEqual({ cart: [1], theme: "dark", profile: { name: "Ada" } });
    const asynchronous = (async () => Promise.reject(new Error("unheard"))) as never;
    await expect(session.update(asynchronous)).rejects.toBeInstanceOf(TypeError);
    await expect(sessions.data(session.id).update(asynchronous)).rejects.toBeInstanceOf(TypeError);
    await expect(
      session.update(() => {
        throw new RangeError("mine");
      }),
    ).rejects.toBeInstanceOf(RangeError);
    expect(session.revision).toBe(1);
  });

  test("update() stores a value that was changed in place in a snapshot", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { cart: { items: [1] } } });
    const cart = (await session.get("cart")) as { items: number[] };
    cart.items.push(2);
    await session.update((draft) => void (draft["cart"] = cart));
    expect(await session.get("cart")).toEqual({ items: [1, 2] });
    const shown = session.data["cart"] as { items: number[] };
    shown.items.push(3);
    await session.update((draft) => void (draft["cart"] = shown));
    expect((await sessions.get(session.id))?.data).toEqual({ cart: { items: [1, 2, 3] } });
  });

  test("a refused shared call is not overtaken by the write after it", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const first = Promise.allSettled([session.set("note", "x".repeat(20_000)), session.set("page", 1)]);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    await session.set("page", 2);
    expect((await first).map((each) => each.status)).toEqual(["rejected", "fulfilled"]);
    expect(await session.get("page")).toBe(2);
  });

  test("an update beside a set shows both, whichever answer comes last", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { n: 1 } });
    await Promise.all([session.update((draft) => void (draft["u"] = 1)), session.set("x", 1)]);
    await session.update(() => undefined);
    expect((await sessions.get(session.id))?.data).toEqual({ n: 1, u: 1, x: 1 });
    expect(await session.get("x")).toBe(1);
    expect(session.data).toEqual({ n: 1, u: 1, x: 1 });
  });

  test("names of inherited methods are no fields", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    expect([await session.get("toString"), await sessions.data(session.id).get("constructor")]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("wrong calls are TypeErrors, and nothing is ended or stored", async () => {
    const { sessions } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    const wrong: (() => Promise<unknown>)[] = [
      () => sessions.revokeUser("ada", { except: token }),
      () => sessions.revokeUser(""),
      () => sessions.revoke(session.id, { reason: 5 as never }),
      () => sessions.revoke(session.id, { actor: "x".repeat(300) }),
      () => session.revoke("x".repeat(300)),
      () => session.revoke("\ud800"),
      () => sessions.create({ data: [1] as never }),
      () => sessions.create({ data: new Map() as never }),
      () => sessions.create({ device: null as never }),
      () => sessions.create({ userId: 123 as never }),
      () => sessions.create(null as never),
      () => sessions.login(token, undefined as never),
      () => sessions.login(token, { userId: "ada", keep: "cart" as never }),
    ];
    for (const call of wrong) await expect(call()).rejects.toBeInstanceOf(TypeError);
    expect((await sessions.validate(token)).valid).toBe(true);
    expect(await sessions.count()).toBe(1);
  });

  test("close waits for writes under way", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const write = session.set("a", 1);
    await Promise.resolve();
    await sessions.close();
    await write;
  });

  test("G2 update() after an own set() with a foreign write between sees both", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { n: 1 } });
    await sessions.data(session.id).set("n", 10);
    await session.set("own", true);
    await session.update((draft) => {
      draft["n"] = Number(draft["n"]) + 1;
    });
    expect(await session.get("n")).toBe(11);
    expect(session.data).toEqual({ n: 11, own: true });
  });

  test("G2 two objects of one session that write in one tick each see that the other did", async () => {
    const { sessions } = await open();
    const { session: one } = await sessions.create({ userId: "ada", data: { n: 0 } });
    const two = await sessions.get(one.id);
    await Promise.all([one.set("n", 5), two?.set("m", 1)]);
    await two?.update((draft) => {
      draft["n"] = Number(draft["n"]) + 1;
    });
    expect(await one.get("n")).toBe(6);
  });

  test("G2 fifty parallel update() of one session lose nothing", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    const add = (draft: Record<string, unknown>): void => {
      draft["n"] = Number(draft["n"] ?? 0) + 1;
    };
    await Promise.all([
      ...Array.from({ length: 25 }, () => session.update(add)),
      ...Array.from({ length: 25 }, () => sessions.data(session.id).update(add)),
    ]);
    expect(await session.get("n")).toBe(50);
  });

  test("writes of one tick: one that is refused does not take the others with it", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { word: "x" } });
    const results = await Promise.allSettled([
      session.set("a", 1),
      session.increment("word"),
      session.increment("n", 2),
      session.set("big", "x".repeat(20_000)),
    ]);
    expect(results.map((each) => each.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(results[1]).toMatchObject({ reason: { code: "wrong_kind" } });
    expect(results[2]).toMatchObject({ value: 2 });
    expect(results[3]).toMatchObject({ reason: { code: "data_too_large", maxBytes: 10_240 } });
    expect((await sessions.get(session.id))?.data).toEqual({ word: "x", a: 1, n: 2 });
  });

  test("M3 a write over maxBytes is a typed error and the old value stays", async () => {
    const { sessions } = await open({ maxBytes: 100 });
    const { session } = await sessions.create({ userId: "ada", data: { note: "short" } });
    await expect(session.set("note", "x".repeat(100))).rejects.toMatchObject({
      code: "data_too_large",
      maxBytes: 100,
      bytes: 106,
    });
    await expect(sessions.create({ data: { note: "x".repeat(100) } })).rejects.toMatchObject({
      code: "data_too_large",
    });
    expect(await session.get("note")).toBe("short");
  });

  test("values that JSON would lose are refused with their path, before anything is sent", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    await expect(session.set("cart", { items: [{ at: new Date(0) }] })).rejects.toMatchObject({
      code: "invalid_value",
      path: "cart.items[0].at",
    });
    await expect(session.set("x", undefined)).rejects.toMatchObject({ code: "invalid_value", path: "x" });
    await expect(session.update((draft) => void (draft["n"] = Number.NaN))).rejects.toMatchObject({
      code: "invalid_value",
    });
    await expect(sessions.create({ data: { when: new Map() } })).rejects.toMatchObject({
      code: "invalid_value",
      path: "when",
    });
    await expect(session.set("__proto__", 1)).rejects.toMatchObject({ code: "invalid_name" });
    expect((await sessions.get(session.id))?.revision).toBe(0);
  });

  test("F2 after the end every operation says SessionEndedError, and by id false or null", async () => {
    const { sessions } = await open();
    const { session, token } = await sessions.create({ userId: "ada", data: { n: 1 } });
    expect(await sessions.logout(token)).toBe(true);
    const ended = { code: "session_ended", reason: "logout", sessionId: session.id };
    await expect(session.get("n")).rejects.toMatchObject(ended);
    await expect(session.set("n", 2)).rejects.toMatchObject(ended);
    await expect(session.delete("n")).rejects.toMatchObject(ended);
    await expect(session.increment("n")).rejects.toMatchObject(ended);
    await expect(session.update((draft) => void (draft["n"] = 3))).rejects.toMatchObject(ended);
    await expect(session.touch()).rejects.toBeInstanceOf(SessionEndedError);
    const data = sessions.data(session.id);
    expect([
      await data.set("n", 2),
      await data.delete("n"),
      await data.increment("n"),
      await data.update((draft) => void (draft["n"] = 4)),
      await data.get("n"),
    ]).toEqual([false, false, null, null, undefined]);
    expect(await sessions.data("no-such-id").set("n", 1)).toBe(false);
  });

  test("E1 login gives a new id and token and ends whatever genuine session came in", async () => {
    const { sessions } = await open();
    const anonymous = await sessions.create({ data: { cart: ["a"], draft: "x" } });
    const ada = await sessions.login(anonymous.token, { userId: "ada", keep: ["cart"] });
    expect(ada.session.id).not.toBe(anonymous.session.id);
    expect(ada.session.data).toEqual({ cart: ["a"] });
    expect(await sessions.validate(anonymous.token)).toMatchObject({ valid: false, reason: "revoked" });
    const grace = await sessions.login(ada.token, { userId: "grace", keep: ["cart"] });
    expect(grace.session.data).toEqual({});
    expect(await sessions.validate(ada.token)).toMatchObject({ valid: false, reason: "revoked" });
    expect((await sessions.login("garbage", { userId: "ada" })).session.userId).toBe("ada");
    expect((await sessions.login(null, { userId: "ada" })).session.userId).toBe("ada");
  });

  test("G2 login loses no acknowledged write to a kept field", async () => {
    const { sessions } = await open();
    for (let round = 0; round < 20; round++) {
      const anonymous = await sessions.create({ data: { n: 0 } });
      let acknowledged = 0;
      const login = { done: false };
      const write = async (): Promise<void> => {
        while (!login.done) {
          const sum = await sessions.data(anonymous.session.id).increment("n");
          if (sum === null) return;
          acknowledged = sum;
        }
      };
      const writing = write();
      const { session } = await sessions.login(anonymous.token, { userId: "ada", keep: ["n"] });
      login.done = true;
      await writing;
      expect(await session.get("n")).toBe(acknowledged);
    }
  });

  test("logout ends the session of any genuine token, is repeatable, and creates nothing", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    expect([await sessions.logout(token), await sessions.logout(token), await sessions.logout("x")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(await sessions.count()).toBe(0);
  });

  test("J2 list holds the user's live sessions only, the one seen last first", async () => {
    const { sessions, clock } = await open();
    const first = await sessions.create({ userId: "ada" });
    await sessions.create({ userId: "ada", policy: "temporary" });
    await sessions.create({ userId: "grace" });
    await clock.advance(6 * MINUTE);
    const last = await sessions.create({ userId: "ada" });
    expect((await sessions.list("ada")).map((each) => each.id)).toEqual([last.session.id, first.session.id]);
    await clock.advance(MINUTE);
    await first.session.touch();
    expect((await sessions.list("ada")).map((each) => each.id)).toEqual([first.session.id, last.session.id]);
    expect(await sessions.list("nobody")).toEqual([]);
    expect(await sessions.count()).toBe(3);
  });

  test("F3 revokeUser: all, or all but one", async () => {
    const { sessions } = await open();
    const made = [
      await sessions.create({ userId: "ada" }),
      await sessions.create({ userId: "ada" }),
      await sessions.create({ userId: "ada" }),
    ];
    const [kept] = made;
    expect(
      await sessions.revokeUser("ada", { except: kept?.session.id ?? "", reason: "sign out everywhere else" }),
    ).toEqual({ ended: 2 });
    expect(await sessions.list("ada")).toHaveLength(1);
    expect(await sessions.validate(made[1]?.token)).toMatchObject({
      reason: "revoked",
      ended: { reason: "sign out everywhere else" },
    });
    expect(await sessions.revokeUser("ada")).toEqual({ ended: 1 });
    expect(await sessions.count()).toBe(0);
  });

  test("P1 secrets rotate without logging anybody out, and a retired one is refused", async () => {
    const { store, clock } = await bench.open(engine);
    const before = createSessions({ store, clock, secrets: [OLDER_SECRET] });
    const both = createSessions({ store, clock, secrets: [TEST_SECRET, OLDER_SECRET] });
    const after = createSessions({ store, clock, secrets: [TEST_SECRET] });
    const { token } = await before.create({ userId: "ada" });
    expect((await both.validate(token)).valid).toBe(true);
    expect(await after.validate(token)).toEqual({ valid: false, reason: "malformed", clearCookie: false });
    expect(await after.list("ada")).toHaveLength(1);
    expect(await after.revokeUser("ada")).toEqual({ ended: 1 });
  });

  test("P1 sessions of rotated and retired secrets are listed, counted and revoked like any others", async () => {
    const { store, clock } = await bench.open(engine);
    const ring = (...secrets: string[]): Sessions => createSessions({ store, clock, secrets });
    const [before, both, after] = [ring(OLDER_SECRET), ring(TEST_SECRET, OLDER_SECRET), ring(TEST_SECRET)];
    const made = await Promise.all([before, before, both, after].map((each) => each.create({ userId: "ada" })));
    const ids = made.map(({ session }) => session.id).toSorted();
    for (const each of [before, both, after]) {
      expect((await each.list("ada")).map(({ id }) => id).toSorted()).toEqual(ids);
      expect(await each.count()).toBe(4);
    }
    // Each ends one that another ring made.
    expect(await after.revoke(made[0]?.session.id ?? "", { reason: "admin" })).toBe(true);
    expect(await both.logout(made[1]?.token)).toBe(true);
    expect(await before.validate(made[0]?.token ?? "")).toMatchObject({ valid: false, reason: "revoked" });
    expect(await after.list("ada")).toHaveLength(2);
    expect(await before.revokeUser("ada", { except: made[3]?.session.id ?? "" })).toEqual({ ended: 1 });
    expect((await before.list("ada")).map(({ id }) => id)).toEqual([made[3]?.session.id]);
    expect(await after.revokeUser("ada")).toEqual({ ended: 1 });
    expect(await after.count()).toBe(0);
  });

  test("O1 a token of one namespace is refused in another", async () => {
    const one = createSessions({ store: (await bench.open(engine)).store, secrets: [TEST_SECRET] });
    const two = createSessions({
      store: (await bench.open("memory", { namespace: "other" })).store,
      secrets: [TEST_SECRET],
    });
    const { token } = await one.create({ userId: "ada" });
    expect(await two.validate(token)).toMatchObject({ valid: false, reason: "malformed" });
  });

  test("N3 facts about the session are out of reach of its data", async () => {
    const { sessions } = await open();
    const { session } = await sessions.create({ userId: "ada" });
    await session.set("userId", "admin");
    await session.update((draft) => void Object.assign(draft, { aal: 3, expiresAt: 0, userId: "root" }));
    expect(await sessions.get(session.id)).toMatchObject({ userId: "ada", aal: 1, policy: "normal" });
    expect(await sessions.list("admin")).toEqual([]);
  });

  test("after close calls reject with store_closed, and close may be called again", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    await sessions.close();
    await sessions.close();
    await expect(sessions.validate(token)).rejects.toMatchObject({ code: "store_closed" });
  });
});

test("a corrupt record ends its session once and says so, without a failure for the caller", async () => {
  const { store, clock } = await bench.open("redis");
  const lines: string[] = [];
  const sessions = createSessions({ store, clock, secrets: [TEST_SECRET], log: (line) => lines.push(line) });
  const { token, session } = await sessions.create({ userId: "ada" });
  const { admin } = bench.redis();
  const [key] = await admin.keys(`sojourn:s:*${session.id}`);
  await admin.set(key ?? "", "\u0001 not a record");
  expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "not_found" });
  await expect
    .poll(() => sessions.validate(token))
    .toMatchObject({ valid: false, reason: "revoked", ended: { reason: "corrupt" } });
  expect(lines).toHaveLength(1);
});

test("N2 a record of a newer version is a 503, and stays", async () => {
  const { store, clock } = await bench.open("redis");
  const sessions = createSessions({ store, clock, secrets: [TEST_SECRET] });
  const { token, session } = await sessions.create({ userId: "ada" });
  const { admin } = bench.redis();
  const [key] = await admin.keys(`sojourn:s:*${session.id}`);
  await admin.setRange(key ?? "", 0, "\u0002");
  await expect(sessions.validate(token)).rejects.toMatchObject({
    code: "store_unavailable",
    reason: "unsupported_record",
    status: 503,
  });
  await expect(session.set("a", 1)).rejects.toMatchObject({ reason: "unsupported_record" });
  await admin.setRange(key ?? "", 0, "\u0001");
  expect((await sessions.validate(token)).valid).toBe(true);
});

test("a real time-to-live runs out by itself, on every engine", { timeout: 10_000 }, async () => {
  for (const engine of ENGINES) {
    const { store } = await bench.open(engine);
    const sessions = createSessions({
      store,
      secrets: [TEST_SECRET],
      policies: { blink: { idle: "60ms", absolute: "1h" } },
    });
    const { token } = await sessions.create({ policy: "blink" });
    expect((await sessions.validate(token, { touch: false })).valid).toBe(true);
    await expect
      .poll(() => sessions.validate(token, { touch: false }), { timeout: 3_000 })
      .toMatchObject({ reason: "expired" });
  }
});

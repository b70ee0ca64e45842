/** `sessions.events` on every engine: what makes an event, who hears of it, and what happens to those who fall behind. */

import { describe, expect, test } from "vitest";
import { createSessions, type SessionEvent, type Sessions, type SessionsOptions, type Store } from "../src/index.ts";
import { ending, Environment } from "../src/testing/conformance/environment.ts";
import { type Engine, ENGINES, engineBench, type OpenOptions } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const bench = engineBench();
const PATIENCE = { timeout: 5_000, interval: 5 };

describe.each(ENGINES)("events on %s", (engine: Engine) => {
  async function open(options: SessionsOptions = {}, retention: OpenOptions = {}) {
    const { store, clock } = await bench.open(engine, retention);
    const logged: string[] = [];
    const log = (line: string): number => logged.push(line);
    const sessions = createSessions({ store, clock, secrets: [TEST_SECRET], log, ...options });
    return { sessions, store, clock, logged };
  }

  test("each thing that happens to a session is one event of its type", async () => {
    const binding = { onMismatch: "stepUp" } as const;
    const { sessions } = await open({ serverId: "web-1", binding });
    const heard: SessionEvent[] = [];
    for (const type of ["created", "rotated", "migrated", "suspicious", "locked", "login_failed", "elevated"] as const)
      sessions.events.on(type, (event) => heard.push(event));
    sessions.events.on("password_changed", (event) => heard.push(event));
    sessions.events.on("ended", (event) => heard.push(event));

    const device = { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0" };
    const { token, session } = await sessions.create({ userId: "ada", device, binding: { fingerprint: "one" } });
    const rotated = await sessions.rotate(token);
    await sessions.validate(rotated?.token, { fingerprint: "one" });
    await expect.poll(() => heard.length, PATIENCE).toBe(2);
    await sessions.migrate(session.id, "web-2");
    await sessions.security.flagSuspicious(session.id, "odd hours");
    await sessions.security.recordFailedLogin({ userId: "ada" });
    const stranger = await sessions.validate(rotated?.token, { fingerprint: "another" });
    expect(stranger).toMatchObject({ valid: false, reason: "locked" });
    const elevated = await sessions.reauthenticate(rotated?.token, { userId: "ada", binding: { fingerprint: "one" } });
    const changed = await sessions.security.passwordChanged("ada", { keep: elevated?.token ?? null });
    await sessions.logout(changed.token);

    expect(heard.map(({ type }) => type)).toEqual([
      "created",
      "rotated",
      "migrated",
      "suspicious",
      "login_failed",
      "locked",
      "elevated",
      "password_changed",
      "ended",
    ]);
    const details = heard.map((event) => ("detail" in event ? event.detail : "-"));
    expect(details).toEqual(["-", null, "web-2", "odd hours", null, "another fingerprint", null, null, "-"]);
    expect(new Set(heard.map((event) => event.type !== "gap" && event.sessionId))).toEqual(new Set([session.id]));
    const text = JSON.stringify(heard);
    for (const secret of [token, rotated?.token, changed.token]) expect(text).not.toContain(secret?.slice(28, 50));
    for (const fact of ["ada", "Mozilla", "Linux"]) expect(text).not.toContain(fact);
  });

  test("nobody else hears of a listener that fails, and the operation succeeds", async () => {
    const { sessions, logged } = await open();
    const heard: string[] = [];
    sessions.events.on("created", () => {
      throw new Error("no room");
    });
    sessions.events.on("created", ({ sessionId }) => heard.push(sessionId));
    const { session } = await sessions.create({ userId: "ada" });
    await expect.poll(() => heard, PATIENCE).toEqual([session.id]);
    expect(logged).toEqual([expect.stringContaining("no room")]);
  });

  test("a consumer waits for events until the sessions are closed", async () => {
    const { sessions } = await open();
    const got: SessionEvent[] = [];
    const consuming = (async () => {
      for await (const event of sessions.events.consume({ group: "audit", consumer: "one" })) got.push(event);
    })();
    const { session } = await sessions.create({ userId: "ada" });
    await expect.poll(() => got.length, PATIENCE).toBe(1);
    await session.revoke();
    await expect.poll(() => got.map(({ type }) => type), PATIENCE).toEqual(["created", "ended"]);
    await sessions.close();
    await consuming;
  });

  test("who falls too far behind is told how much was lost, once, and goes on", async () => {
    const { sessions, store, clock } = await open({}, { eventsKept: 1_000 });
    const env = await Environment.over({ store, other: store, clock, close: () => store.close() });
    await env.created({ userId: "ada" });
    const [first] = await consumed(store, "audit", 1);
    expect(first?.type).toBe("created");
    // Redis keeps its share of them in each bucket, and all of these are in one.
    const written = engine === "redis" ? 400 : 1_600;
    for (let made = 1; made < written; made += 2 * AT_ONCE) {
      const some = await Promise.all(Array.from({ length: AT_ONCE }, () => env.created({ userId: "ada" })));
      await Promise.all(some.map(({ id }) => store.revoke(ending(id))));
    }
    const all = await consumed(store, "audit", Number.POSITIVE_INFINITY);
    const [gap, ...rest] = all;
    expect(gap?.type).toBe("gap");
    const lost = gap?.type === "gap" ? gap.lost : 0;
    expect(lost).toBeGreaterThan(0);
    expect(rest.every(({ type }) => type !== "gap")).toBe(true);
    const { created, ended } = await sessions.stats();
    expect(1 + lost + rest.length).toBe(created + ended);
    expect(await consumed(store, "audit", Number.POSITIVE_INFINITY)).toEqual([]);
    const late = await consumed(store, "late", Number.POSITIVE_INFINITY);
    expect(late.length).toBeGreaterThan(0);
    // What a consumer has in hand is kept for it; a new group begins with what is kept for all.
    expect(rest.slice(-late.length)).toEqual(late);
  });
});

describe("wrong use", () => {
  async function sessionsOf(store?: Store): Promise<Sessions> {
    return createSessions({ store: store ?? (await bench.open("memory")).store, secrets: [TEST_SECRET] });
  }

  test("an unknown type, a listener that is none, names that no engine can keep", async () => {
    const { events } = await sessionsOf();
    expect(() => events.on("create" as "created", () => undefined)).toThrow(/type must be one of created, ended,/);
    expect(() => events.on("created", "log" as never)).toThrow(TypeError);
    for (const name of ["", "a b", "x".repeat(49), undefined as never]) {
      expect(() => events.consume({ group: name, consumer: "one" })).toThrow(/group must be 1–48 characters/);
      expect(() => events.consume({ group: "audit", consumer: name })).toThrow(/consumer must be 1–48 characters/);
    }
    expect(() => events.consume({ group: "a", consumer: "b", claimAfter: "soon" as never })).toThrow(/claimAfter/);
  });

  test.each([
    { eventsKept: 999 },
    { eventsKept: 1e9 },
    { eventsKept: Number.NaN },
    { endedKept: "4m" },
    { endedKept: "31d" },
  ])("%j is refused with its bounds", async (retention) => {
    await expect(bench.open("memory", retention as OpenOptions)).rejects.toThrow(/must be/);
  });
});

const AT_ONCE = 200;

/** Takes and acknowledges so many events, or all that are there. */
async function consumed(store: Store, group: string, most: number): Promise<SessionEvent[]> {
  const reader = store.readEvents({ group, consumer: "one", claimAfterMs: 60_000 });
  const all: SessionEvent[] = [];
  while (all.length < most) {
    const events = (await reader.take(0)).slice(0, most - all.length);
    if (events.length === 0) break;
    await reader.acknowledge(events);
    all.push(...events);
  }
  reader.stop();
  return all;
}

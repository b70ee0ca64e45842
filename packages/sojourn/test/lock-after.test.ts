/** Sessions that are locked when they were not used for long, on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Real time that may pass between two steps of a test. */
const SLACK = 10_000;
const bench = engineBench();
const policies = { office: { idle: "24h", absolute: "24h", lockAfter: "1h", aal: 2 } } as const;
const LOCKED = { valid: false, reason: "locked", clearCookie: false };

describe.each(ENGINES)("lockAfter on %s", (engine) => {
  async function open(): Promise<{ server: () => Sessions; clock: ManualClock }> {
    const { store, clock } = await bench.open(engine);
    const options = { store, clock, secrets: [TEST_SECRET], policies, defaultPolicy: "office", log: () => undefined };
    return { server: () => createSessions(options), clock };
  }

  test("D5: unused for an hour it is locked, unreadable, and resumed by a proof until its absolute timeout", async () => {
    const { server, clock } = await open();
    const [sessions, other] = [server(), server()];
    const { token, session } = await sessions.create({ userId: "ada", data: { a: 1 } });
    await clock.advance(HOUR - SLACK);
    expect(await sessions.validate(token, { touch: false })).toMatchObject({ valid: true });
    await clock.advance(2 * SLACK);
    for (const each of [sessions, other]) {
      expect(await each.validate(token)).toEqual(LOCKED);
      expect(await each.validate(token, { touch: true })).toEqual(LOCKED);
      expect(await each.rotate(token)).toBeNull();
    }
    expect(await other.get(session.id)).toMatchObject({ locked: true, security: { suspicious: null } });
    const resumed = await other.reauthenticate(token, { userId: "ada" });
    expect(resumed?.session).toMatchObject({ id: session.id, locked: false, aal: 2, data: { a: 1 } });
    expect(await sessions.validate(resumed?.token, { touch: false })).toMatchObject({ valid: true });
    await clock.advance(24 * HOUR + SLACK);
    expect(await sessions.validate(resumed?.token)).toMatchObject({ valid: false, reason: "expired" });
    expect(await sessions.reauthenticate(resumed?.token, { userId: "ada" })).toBeNull();
  });

  test("D5: activity keeps it open; none by the id of a locked one opens it", async () => {
    const { server, clock } = await open();
    const sessions = server();
    const { token, session } = await sessions.create({ userId: "ada" });
    for (let i = 0; i < 5; i++) {
      await clock.advance(40 * MINUTE);
      expect(await sessions.validate(token, { touch: true })).toMatchObject({ valid: true });
    }
    await clock.advance(HOUR + SLACK);
    const answers = await Promise.all([sessions.validate(token), server().validate(token), sessions.validate(token)]);
    expect(answers).toEqual([LOCKED, LOCKED, LOCKED]);
    await session.touch();
    expect(await sessions.validate(token)).toEqual(LOCKED);
  });

  test("D5: a login carries nothing over from one that went unused for too long", async () => {
    const { server, clock } = await open();
    const sessions = server();
    const { token } = await sessions.create({ policy: "office", data: { cart: ["mug"] } });
    await sessions.validate(token, { touch: true });
    await clock.advance(2 * HOUR);
    const { session } = await sessions.login(token, { userId: "ada", keep: ["cart"] });
    expect(session.data).toEqual({});
  });

  test("a session of a policy without it is not locked, nor one whose policy is not known any more", async () => {
    const { store, clock } = await bench.open(engine);
    const options = { store, clock, secrets: [TEST_SECRET], log: () => undefined };
    const sessions = createSessions({ ...options, policies });
    const [usual, office] = [
      await sessions.create({ userId: "ada", policy: "normal" }),
      await sessions.create({ userId: "ada", policy: "office" }),
    ];
    await clock.advance(2 * HOUR);
    const bare = createSessions(options);
    expect(await bare.validate(office.token, { touch: false })).toMatchObject({ valid: true });
    expect(await sessions.validate(usual.token, { touch: false })).toMatchObject({ valid: true });
    expect(await sessions.validate(office.token, { touch: false })).toEqual(LOCKED);
  });
});

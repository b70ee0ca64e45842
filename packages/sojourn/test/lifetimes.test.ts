/** Both timeouts and the assurance level, whatever happens to a session in whatever order. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRecord } from "../src/data/record.ts";
import { newSessionId, randomBucket } from "../src/data/session-id.ts";
import { createSessions, type Session, type Sessions, type Store } from "../src/index.ts";
import { KeyRing } from "../src/security/keyring.ts";
import { TokenSigner } from "../src/security/token.ts";
import { Keys } from "../src/stores/redis/keys.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const IDLE = 15 * MINUTE;
const ABSOLUTE = 12 * HOUR;
/** How far a process may be from the clock of the store while the machine is busy. */
const CLOCK_SLACK = 2 * SECOND;
const RUNS = { memory: 100, sqlite: 10, redis: 10 } as const;

const bench = engineBench();

/** A session under test, and what its lifetimes must be. */
interface Subject {
  readonly sessions: Sessions;
  readonly clock: ManualClock;
  token: string;
  session: Session;
  absoluteExpiresAt: number;
  aal: number;
}

type Step = (subject: Subject) => Promise<void>;

/** What a browser does with an answer. */
function keep(subject: Subject, answer: { token?: string | undefined; session: Session }): void {
  subject.token = answer.token ?? subject.token;
  subject.session = answer.session;
}

const STEPS: Readonly<Record<string, Step>> = {
  wait: ({ clock }) => clock.advance(9 * MINUTE),
  "a moment": ({ clock }) => clock.advance(31 * SECOND),
  look: async (subject) => {
    const result = await subject.sessions.validate(subject.token, { touch: false });
    if (result.valid) keep(subject, result);
  },
  touch: async (subject) => {
    const result = await subject.sessions.validate(subject.token, { touch: true });
    if (result.valid) keep(subject, result);
  },
  write: ({ session }) => session.set("a", 1).catch(() => undefined),
  increment: async ({ sessions, session }) => {
    await sessions
      .data(session.id)
      .increment("n")
      .catch(() => undefined);
  },
  rotate: async (subject) => {
    const rotated = await subject.sessions.rotate(subject.token);
    if (rotated !== null) keep(subject, rotated);
  },
  "authenticate again": async (subject) => {
    const aal = subject.aal === 2 ? 3 : 2;
    const elevated = await subject.sessions.reauthenticate(subject.token, { userId: "ada", aal });
    if (elevated === null) return;
    keep(subject, elevated);
    expect(Math.abs(elevated.session.absoluteExpiresAt - subject.clock.now() - ABSOLUTE)).toBeLessThan(CLOCK_SLACK);
    expect(elevated.session.lastSeenAt).toBe(elevated.session.authenticatedAt);
    subject.absoluteExpiresAt = elevated.session.absoluteExpiresAt;
    subject.aal = aal;
  },
};

describe.each(ENGINES)("on %s", (engine) => {
  test("D2 D4 only authenticating again moves the absolute timeout and the level; activity moves the idle one only", async () => {
    const { store, clock } = await bench.open(engine);
    const sessions = createSessions({
      store,
      clock,
      secrets: [TEST_SECRET],
      rotation: { every: "5m" },
      log: () => undefined,
    });
    let reachedTheEnd = 0;
    const sequence = fc.array(fc.constantFrom(...Object.keys(STEPS)), { minLength: 5, maxLength: 40 });
    const property = fc.asyncProperty(sequence, async (names) => {
      const { token, session } = await sessions.create({ userId: "ada", policy: "sensitive" });
      const { absoluteExpiresAt, aal } = session;
      const subject: Subject = { sessions, clock, token, session, absoluteExpiresAt, aal };
      for (const name of names) {
        await STEPS[name]?.(subject);
        const seen = await sessions.get(session.id);
        if (seen === null) break;
        expect([seen.absoluteExpiresAt, seen.aal]).toEqual([subject.absoluteExpiresAt, subject.aal]);
        expect(seen.expiresAt).toBe(Math.min(seen.lastSeenAt + IDLE, seen.absoluteExpiresAt));
      }
      if (await livedUntilTheEnd(subject)) reachedTheEnd++;
    });
    await fc.assert(property, { numRuns: RUNS[engine], seed: 1 });
    expect(reachedTheEnd).toBeGreaterThan(RUNS[engine] / 10);
  }, 120_000);

  /** Used as often as it takes, a session ends with its absolute timeout. */
  async function livedUntilTheEnd(subject: Subject): Promise<boolean> {
    const { sessions, clock } = subject;
    const left = (): number => subject.absoluteExpiresAt - clock.now();
    while (left() > 10 * MINUTE && (await sessions.get(subject.session.id)) !== null) {
      await clock.advance(10 * MINUTE);
      await STEPS["touch"]?.(subject);
    }
    const lived = (await sessions.get(subject.session.id)) !== null;
    await clock.advance(Math.max(0, left()) + CLOCK_SLACK);
    expect(await sessions.validate(subject.token)).toMatchObject({ valid: false });
    expect(await sessions.get(subject.session.id)).toBeNull();
    return lived;
  }

  /** A stored record whose times are as given, and its token. */
  async function stored(
    store: Store,
    times: { createdAt?: number; lastSeenAt?: number; absoluteExpiresAt?: number; idleMs?: number },
  ): Promise<string> {
    const now = store.now();
    const id = newSessionId(randomBucket());
    const { token, hash: tokenHash } = new TokenSigner(new KeyRing([TEST_SECRET]), store.namespace).issue(id, 0);
    const record = encodeRecord({
      header: Object.assign(
        { confirmed: true, locked: false, aal: 1, revision: 0, generation: 0, floor: 0, userEpoch: 0, tokenHash },
        { createdAt: now, lastSeenAt: now, authenticatedAt: now, absoluteExpiresAt: now + HOUR, idleMs: IDLE },
        times,
      ),
      user: null,
      rotation: null,
      metadata: { policy: "anonymous" },
      fields: [],
    });
    await store.create({ id, userKey: null, record });
    return token;
  }

  test("D6 times that contradict each other never make a session last: it is over, or ends with its absolute timeout", async () => {
    const { store, clock } = await bench.open(engine);
    const sessions = createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined });
    await sessions.ready();
    const now = store.now();
    const [never, greatest] = [0, 2 ** 48 - 1];
    for (const times of [
      { absoluteExpiresAt: never },
      { absoluteExpiresAt: now - 1 },
      { idleMs: 0 },
      { lastSeenAt: never },
      { lastSeenAt: never, createdAt: greatest, absoluteExpiresAt: greatest },
      { lastSeenAt: now + DAY, absoluteExpiresAt: now - 1 },
    ]) {
      expect(await sessions.validate(await stored(store, times)), JSON.stringify(times)).toMatchObject({
        valid: false,
      });
    }
    const fromTheFuture = await stored(store, { createdAt: greatest, lastSeenAt: greatest, idleMs: 2 ** 32 - 1 });
    expect(await sessions.validate(fromTheFuture)).toMatchObject({ valid: true });
    await clock.advance(HOUR + CLOCK_SLACK);
    expect(await sessions.validate(fromTheFuture)).toMatchObject({ valid: false });
  });
});

test("D6 a key that lost its TTL in Redis is over all the same", async () => {
  const { store, clock } = await bench.open("redis");
  const { admin } = bench.redis();
  const sessions = createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined });
  const { token, session } = await sessions.create({ userId: "ada", policy: "temporary" });
  const key = new Keys(store.namespace).session(session.id);
  expect(await admin.sendCommand(["PERSIST", key])).toBe(1);
  await clock.advance(5 * MINUTE + CLOCK_SLACK);
  expect(await admin.sendCommand(["EXISTS", key])).toBe(1);
  expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "expired" });
});

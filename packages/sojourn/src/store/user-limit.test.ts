import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HEADER_LENGTH, OFFSET, withConfirmation, withUserEpoch } from "../data/record.ts";
import type { SessionLimit, StoredSession } from "./store.ts";
import { makeRoom } from "./user-limit.ts";

const NOW = 1_000_000;
const GRACE = 60_000;

interface Shape {
  readonly seen?: number;
  readonly created?: number;
  readonly confirmed?: boolean;
  readonly epoch?: number;
}

function session(id: string, { seen = 0, created = 0, confirmed = true, epoch = 0 }: Shape): StoredSession {
  const record = Buffer.alloc(HEADER_LENGTH);
  record.writeUIntBE(seen, OFFSET.lastSeenAt, 6);
  record.writeUIntBE(created, OFFSET.createdAt, 6);
  const stamped = withUserEpoch(record, epoch);
  return { id, record: confirmed ? withConfirmation(stamped, undefined) : stamped };
}

function limitOf(perUser: number, onExceed: SessionLimit["onExceed"] = "evictOldest"): SessionLimit {
  return { perUser, onExceed, confirmGraceMs: GRACE };
}

function victims(sessions: readonly StoredSession[], limit: SessionLimit, userEpoch = 0): string[] | number {
  const room = makeRoom({ sessions, userEpoch, now: NOW }, limit);
  return room.status === "room" ? room.victims.map(({ id }) => id) : room.count;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  seen: fc.nat(20),
  created: fc.constantFrom(0, NOW),
  confirmed: fc.boolean(),
  epoch: fc.nat(2),
});
const crowd = fc.array(shape, { maxLength: 60 }).map((shapes) => shapes.map((each, i) => session(`s${i}`, each)));

describe("makeRoom", () => {
  test("nobody goes while there is room", () => {
    expect(victims([], limitOf(1))).toEqual([]);
    expect(victims([session("a", {})], limitOf(2))).toEqual([]);
    expect(victims([session("a", { confirmed: false })], limitOf(2))).toEqual([]);
  });

  test("the least recently seen goes, of two seen at once the one that began first", () => {
    const sessions = [
      session("a", { seen: 9, created: 1 }),
      session("b", { seen: 5, created: 5 }),
      session("c", { seen: 5, created: 4 }),
    ];
    expect(victims(sessions, limitOf(3))).toEqual(["c"]);
    expect(victims(sessions, limitOf(2))).toEqual(["c", "b"]);
    expect(victims(sessions, limitOf(1))).toEqual(["c", "b", "a"]);
    expect(victims(sessions, limitOf(3, "reject"))).toBe(3);
  });

  test("F3 sessions that began before the user's epoch do not count and go first, however lately they were seen", () => {
    const sessions = [session("before", { seen: NOW, epoch: 6 }), session("after", { seen: 1, epoch: 7 })];
    expect(victims(sessions, limitOf(2), 7)).toEqual(["before"]);
    expect(victims(sessions, limitOf(2, "reject"), 7)).toEqual(["before"]);
    expect(victims(sessions, limitOf(1, "reject"), 7)).toBe(1);
  });

  test("whose token never came back does not count from the end of its grace on", () => {
    const unknown = (created: number): StoredSession => session("unknown", { seen: NOW, created, confirmed: false });
    const known = session("known", { seen: 1 });
    expect(victims([unknown(NOW - GRACE + 1), known], limitOf(2))).toEqual(["known"]);
    expect(victims([unknown(NOW - GRACE), known], limitOf(2))).toEqual(["unknown"]);
    expect(victims([unknown(NOW - GRACE + 1), known], limitOf(2, "reject"))).toBe(2);
    expect(victims([unknown(NOW - GRACE), known], limitOf(2, "reject"))).toEqual(["unknown"]);
  });

  test("bytes that are no record do not count", () => {
    const broken = { id: "broken", record: Buffer.from("x") };
    expect(victims([broken, session("a", {})], limitOf(2, "reject"))).toEqual(["broken"]);
  });

  test("G1 with whoever goes gone, one more keeps the limit, and one that rejects ends nobody that counts", () => {
    fc.assert(
      fc.property(crowd, fc.integer({ min: 1, max: 8 }), fc.boolean(), (sessions, perUser, reject) => {
        const limit = limitOf(perUser, reject ? "reject" : "evictOldest");
        const room = makeRoom({ sessions, userEpoch: 1, now: NOW }, limit);
        if (room.status === "limited") {
          expect([reject, room.count >= perUser]).toEqual([true, true]);
          return;
        }
        expect(sessions.length - room.victims.length).toBe(Math.min(sessions.length, perUser - 1));
        if (reject) {
          const alone = makeRoom({ sessions: room.victims, userEpoch: 1, now: NOW }, limitOf(1, "reject"));
          expect(alone.status).toBe("room");
        }
      }),
    );
  });

  test("G1 part by part the same stay as all at once", () => {
    fc.assert(
      fc.property(crowd, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 5 }), (sessions, perUser, step) => {
        const limit = limitOf(perUser);
        const inParts = new Set(sessions);
        for (;;) {
          const part = [...inParts].slice(0, perUser + step);
          const room = makeRoom({ sessions: part, userEpoch: 1, now: NOW }, limit);
          if (room.status === "room") for (const victim of room.victims) inParts.delete(victim);
          if (part.length < perUser + step) break;
        }
        const gone = new Set(victims(sessions, limit, 1) as string[]);
        expect([...inParts]).toEqual(sessions.filter(({ id }) => !gone.has(id)));
      }),
    );
  });
});

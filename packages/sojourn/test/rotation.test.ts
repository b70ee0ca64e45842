/** Renewal, reuse and elevation on every engine, through the public API. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions, type Store } from "../src/index.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { OLDER_SECRET, TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How far a process may be from the clock of the store while the machine is busy. */
const CLOCK_SLACK = 200;
const bench = engineBench();

interface Opened {
  readonly sessions: Sessions;
  readonly clock: ManualClock;
  /** Another application server on the same store. */
  again(more: SessionsOptions): Sessions;
}

describe.each(ENGINES)("rotation on %s", (engine) => {
  let store: Store;

  async function open(options: SessionsOptions = {}): Promise<Opened> {
    const opened = await bench.open(engine);
    const { clock } = opened;
    store = opened.store;
    const again = (more: SessionsOptions): Sessions =>
      createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined, ...more });
    return { sessions: again(options), clock, again };
  }

  /** A session whose token was renewed once, the successor presented. */
  async function renewed(sessions: Sessions): Promise<{ id: string; old: string; current: string }> {
    const { token: old, session } = await sessions.create({ userId: "ada", data: { a: 1 } });
    const current = (await sessions.rotate(old))?.token ?? "";
    await confirmed(sessions, current);
    return { id: session.id, old, current };
  }

  /** Presents a successor and waits until its confirmation, which the answer does not wait for, is stored. */
  async function confirmed(sessions: Sessions, token: string): Promise<void> {
    const result = await sessions.validate(token);
    const id = result.valid ? result.session.id : "";
    const stored = async (): Promise<number> => {
      const outcome = await store.read(id);
      return outcome instanceof Buffer ? outcome.readUIntBE(8, 3) : -1;
    };
    await expect.poll(stored).toBe(generationOf(token));
  }

  test("rotate keeps id and data, and the old token stays good until the new one is presented", async () => {
    const { sessions } = await open();
    const { token, session } = await sessions.create({ userId: "ada", data: { a: 1 } });
    const next = await sessions.rotate(token);
    expect(next?.token).not.toBe(token);
    expect(next?.session).toMatchObject({ id: session.id, userId: "ada", data: { a: 1 }, revision: 0 });
    for (let i = 0; i < 3; i++) {
      expect(await sessions.validate(token)).toMatchObject({ valid: true, token: next?.token });
    }
    expect(await sessions.rotate(token)).toMatchObject({ token: next?.token });
  });

  test("E3 E4 fifty racers that rotate one token all get the same successor", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    const results = await Promise.all(Array.from({ length: 50 }, () => sessions.rotate(token)));
    expect(new Set(results.map((each) => each?.token)).size).toBe(1);
    expect(results[0]?.token).toMatch(/^1/);
  });

  test("E4 after the successor was presented the old token is good for the grace and yields the current one", async () => {
    const { sessions, clock } = await open();
    const { old, current } = await renewed(sessions);
    expect(await sessions.validate(old)).toMatchObject({ valid: true, token: current });
    await clock.advance(25 * SECOND);
    expect(await sessions.validate(old)).toMatchObject({ valid: true, token: current });
    expect(await sessions.validate(current)).not.toHaveProperty("token");
    await clock.advance(6 * SECOND);
    expect(await sessions.validate(old)).toEqual({ valid: false, reason: "reused", clearCookie: true });
  });

  test("E5 reuse after the grace ends the session, for the owner too, and says why", async () => {
    const { sessions, clock } = await open();
    const { old, current, id } = await renewed(sessions);
    await clock.advance(31 * SECOND);
    expect(await sessions.validate(old)).toEqual({ valid: false, reason: "reused", clearCookie: true });
    expect(await sessions.validate(current)).toMatchObject({ valid: false, reason: "reused", clearCookie: true });
    expect(await sessions.get(id)).toBeNull();
    expect(await sessions.rotate(current)).toBeNull();
  });

  test("rotate answers null for a token that is not good, and does nothing", async () => {
    const { sessions } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    expect(await sessions.rotate("nonsense")).toBeNull();
    await session.revoke();
    expect(await sessions.rotate(token)).toBeNull();
  });

  test("E3 rotate against revoke: the session stays ended", async () => {
    const { sessions } = await open();
    for (let round = 0; round < 10; round++) {
      const { token } = await sessions.create({ userId: "ada" });
      const racing = Array.from({ length: 5 }, () => sessions.rotate(token));
      await sessions.logout(token);
      const tokens = (await Promise.all(racing)).map((each) => each?.token ?? token);
      for (const each of [token, ...tokens]) expect((await sessions.validate(each)).valid).toBe(false);
    }
    expect(await sessions.count()).toBe(0);
  });

  test("rotation.every renews by itself what is older, once, and keeps the data of writers", async () => {
    const { sessions, clock } = await open({ rotation: { every: "10m" } });
    const { token, session } = await sessions.create({ userId: "ada" });
    expect(await sessions.validate(token)).not.toHaveProperty("token");
    await clock.advance(11 * MINUTE);
    await session.set("a", 1);
    const results = await Promise.all(Array.from({ length: 10 }, () => sessions.validate(token)));
    const tokens = new Set(results.map((each) => (each.valid ? each.token : null)));
    expect(tokens.size).toBe(1);
    const [next] = tokens;
    expect(generationOf(next ?? "")).toBe(1);
    await session.set("b", 2);
    const after = await sessions.validate(next);
    expect(after.valid && after.session.data).toEqual({ a: 1, b: 2 });
    await confirmed(sessions, next ?? "");
  });

  test("E1 reauthenticate raises the level with a new token, supersedes the old one at once, and renews both timeouts", async () => {
    const { sessions, clock } = await open();
    const { token, session } = await sessions.create({
      userId: "ada",
      policy: "sensitive",
      amr: ["pwd"],
      data: { a: 1 },
    });
    await clock.advance(10 * MINUTE);
    const elevated = await sessions.reauthenticate(token, { userId: "ada", aal: 2, amr: ["pwd", "otp"] });
    expect(elevated?.session).toMatchObject({ id: session.id, aal: 2, amr: ["pwd", "otp"], data: { a: 1 } });
    expect(elevated?.session.authenticatedAt).toBeGreaterThan(session.authenticatedAt + 10 * MINUTE - CLOCK_SLACK);
    expect(elevated?.session.absoluteExpiresAt).toBeGreaterThan(session.absoluteExpiresAt + 10 * MINUTE - CLOCK_SLACK);
    expect(await sessions.validate(token)).toEqual({ valid: false, reason: "superseded", clearCookie: false });
    await clock.advance(14 * MINUTE);
    expect(await sessions.validate(elevated?.token)).toMatchObject({ valid: true, session: { aal: 2 } });
    expect(await sessions.validate(token)).toMatchObject({ reason: "superseded" });
    expect(await sessions.count()).toBe(1);
  });

  test("rotate within the grace answers the token that was made a moment ago, and strands nobody", async () => {
    const { sessions, clock } = await open();
    const { old, current } = await renewed(sessions);
    expect((await sessions.rotate(current))?.token).toBe(current);
    expect((await sessions.rotate(old))?.token).toBe(current);
    expect(await sessions.validate(old)).toMatchObject({ valid: true, token: current });
    await clock.advance(31 * SECOND);
    expect((await sessions.rotate(current))?.token).toBe(current);
    await clock.advance(30 * SECOND);
    expect((await sessions.rotate(current))?.token).not.toBe(current);
  });

  test("E4 a response of the grace that arrives after it brings back no token that was replaced meanwhile", async () => {
    const { sessions, clock } = await open();
    const { old } = await renewed(sessions);
    await clock.advance(29 * SECOND);
    const late = await sessions.validate(old);
    await clock.advance(2 * SECOND);
    const jar = (late.valid && late.token) || "";
    const other = (await sessions.rotate(jar))?.token ?? "";
    await confirmed(sessions, other);
    await clock.advance(40 * SECOND);
    expect(await sessions.validate(jar)).toMatchObject({ valid: true });
  });

  test("rotate that finds its successor presented meanwhile answers it", async () => {
    const { sessions, again } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    let successor: string | undefined;
    const slow = new WatchedStore(store);
    slow.before.set("rotate", async () => {
      successor = (await sessions.rotate(token))?.token;
      await confirmed(sessions, successor ?? "");
    });
    const answered = await again({ store: slow.store }).rotate(token);
    expect(successor).toMatch(/^1/);
    expect(answered?.token).toBe(successor);
  });

  test("elevation beside a renewal that is due: the successor is superseded, and nobody is taken for a thief", async () => {
    const { sessions, clock } = await open({ rotation: { every: "10m" } });
    for (let round = 0; round < 5; round++) {
      const { token } = await sessions.create({ userId: "ada" });
      await clock.advance(11 * MINUTE);
      const [elevated, validated] = await Promise.all([
        sessions.reauthenticate(token, { userId: "ada", aal: 2 }),
        sessions.validate(token),
      ]);
      const successor = validated.valid ? validated.token : undefined;
      if (elevated === null || successor === undefined) continue;
      expect(await sessions.validate(successor)).toMatchObject({ reason: "superseded", clearCookie: false });
      await clock.advance(MINUTE);
      expect(await sessions.validate(successor)).toMatchObject({ reason: "superseded" });
      expect((await sessions.validate(elevated.token)).valid).toBe(true);
    }
  });

  test("reauthenticate refuses metadata that is too large, and changes nothing", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    const tooLarge = sessions.reauthenticate(token, { userId: "ada", amr: ["x".repeat(5_000)] });
    await expect(tooLarge).rejects.toMatchObject({ code: "metadata_too_large" });
    expect(await sessions.validate(token)).toMatchObject({ valid: true, session: { amr: [] } });
  });

  test("elevation voids a pending successor without a false alarm", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    const pending = await sessions.rotate(token);
    const elevated = await sessions.reauthenticate(token, { userId: "ada", aal: 2 });
    expect(await sessions.validate(pending?.token)).toEqual({ valid: false, reason: "superseded", clearCookie: false });
    expect((await sessions.validate(elevated?.token)).valid).toBe(true);
  });

  test("D4 elevation by parallel requests: one of them gets the session, nobody a second one", async () => {
    const { sessions } = await open();
    const { token, session } = await sessions.create({ userId: "ada" });
    const input = { userId: "ada", aal: 2 } as const;
    const results = await Promise.all(Array.from({ length: 5 }, () => sessions.reauthenticate(token, input)));
    const won = results.filter((each) => each !== null);
    expect(won).toHaveLength(1);
    expect(won[0]?.session.id).toBe(session.id);
    expect(await sessions.count()).toBe(1);
  });

  test("I3 reauthenticate as another user begins a session of their own and ends this one", async () => {
    const { sessions } = await open();
    const { token } = await sessions.create({ userId: "ada", data: { secret: 1 } });
    const other = await sessions.reauthenticate(token, { userId: "grace", aal: 2 });
    expect(other?.session).toMatchObject({ userId: "grace", data: {} });
    expect((await sessions.validate(token)).valid).toBe(false);
    expect(await sessions.reauthenticate("nonsense", { userId: "ada" })).toBeNull();
  });

  test("E4 a token in its grace keeps no session through a change of password", async () => {
    const { sessions } = await open();
    const { old, current } = await renewed(sessions);
    expect(await sessions.validate(old)).toMatchObject({ valid: true, previous: true, token: current });
    expect(await sessions.validate(current)).not.toHaveProperty("previous");
    expect(await sessions.security.passwordChanged("ada", { keep: old })).toEqual({});
    expect((await sessions.validate(current)).valid).toBe(false);
  });

  test("F2 what a slow request writes after a renewal, a step-up or an end brings no older token back", async () => {
    const { sessions, clock } = await open();
    const { token } = await sessions.create({ userId: "ada" });
    const slow = await sessions.validate(token);
    if (!slow.valid) throw new Error("not valid");
    const successor = (await sessions.rotate(token))?.token ?? "";
    await confirmed(sessions, successor);
    await clock.advance(31 * SECOND);
    await slow.session.set("a", 1);
    await slow.session.touch();
    expect((await sessions.validate(successor)).valid).toBe(true);
    const elevated = await sessions.reauthenticate(successor, { userId: "ada", aal: 2 });
    await slow.session.update((draft) => void (draft["b"] = 2));
    await slow.session.touch();
    expect(await sessions.validate(successor)).toMatchObject({ reason: "superseded" });
    expect(await sessions.validate(elevated?.token)).toMatchObject({
      valid: true,
      session: { aal: 2, data: { a: 1, b: 2 } },
    });
    await sessions.logout(elevated?.token);
    for (const late of [slow.session.set("a", 2), slow.session.touch(), slow.session.increment("n")]) {
      await expect(late).rejects.toMatchObject({ code: "session_ended" });
    }
    for (const each of [token, successor, elevated?.token]) expect((await sessions.validate(each)).valid).toBe(false);
    expect(await sessions.count()).toBe(0);
  });

  test("E4 a token in its grace cannot elevate", async () => {
    const { sessions } = await open();
    const { old } = await renewed(sessions);
    expect(await sessions.reauthenticate(old, { userId: "ada", aal: 3 })).toBeNull();
  });

  test("P1 a token of an older key is re-issued under the current one, and a pending successor survives the change of keys", async () => {
    const { again } = await open();
    const before = again({ secrets: [OLDER_SECRET] });
    const both = again({ secrets: [TEST_SECRET, OLDER_SECRET] });
    const after = again({ secrets: [TEST_SECRET] });
    const { token } = await before.create({ userId: "ada" });
    const reissued = await both.validate(token);
    expect(reissued).toMatchObject({ valid: true });
    const next = reissued.valid ? reissued.token : undefined;
    expect(await after.validate(next)).toMatchObject({ valid: true });
    expect(await both.validate(next)).not.toHaveProperty("token");
    const pending = await before.rotate(token);
    expect(await both.validate(token)).toMatchObject({ valid: true });
    expect((await both.validate(pending?.token)).valid).toBe(true);
  });

  test("P1 with rotation.every a token of an older key is renewed at once", async () => {
    const { again } = await open();
    const { token } = await again({ secrets: [OLDER_SECRET] }).create({ userId: "ada" });
    const both = again({ secrets: [TEST_SECRET, OLDER_SECRET], rotation: { every: "1h" } });
    const renewedBy = await both.validate(token);
    const next = (renewedBy.valid && renewedBy.token) || "";
    expect(generationOf(next)).toBe(1);
    expect(await both.validate(token)).toMatchObject({ valid: true, token: next });
    expect(await again({}).validate(next)).toMatchObject({ valid: true });
  });

  test("with rotation.every a successor that nobody can open is replaced when the next renewal would be due", async () => {
    const { again, clock } = await open();
    const { token } = await again({}).create({ userId: "ada" });
    await again({ secrets: [OLDER_SECRET, TEST_SECRET] }).rotate(token);
    const after = again({ rotation: { every: "10m" } });
    expect(await after.validate(token)).not.toHaveProperty("token");
    await clock.advance(11 * MINUTE);
    expect(await after.validate(token)).toMatchObject({ valid: true, token: expect.any(String) });
  });

  test("E3 racers who cannot open the pending successor replace it by one and the same", async () => {
    const { again } = await open();
    const { token } = await again({}).create({ userId: "ada" });
    const lost = await again({ secrets: [OLDER_SECRET, TEST_SECRET] }).rotate(token);
    const [one, two] = [again({}), again({})];
    const racing = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).rotate(token));
    const tokens = new Set((await Promise.all(racing)).map((each) => each?.token));
    expect(tokens.size).toBe(1);
    expect(tokens).not.toContain(lost?.token);
    expect((await one.validate([...tokens][0])).valid).toBe(true);
  });

  test("a client that goes on with its old token is said to the operator once a successor waits longer than every", async () => {
    const lines: string[] = [];
    const { sessions, clock } = await open({ rotation: { every: "10m" }, log: (line) => lines.push(line) });
    const { token, session } = await sessions.create({ userId: "ada" });
    for (const minutes of [11, 9]) {
      await clock.advance(minutes * MINUTE);
      expect(await sessions.validate(token)).toMatchObject({ valid: true, token: expect.any(String) });
      expect(lines).toEqual([]);
    }
    await clock.advance(2 * MINUTE);
    expect(await sessions.validate(token)).toMatchObject({ valid: true });
    expect(lines).toEqual([expect.stringContaining(`session ${session.id}: its client goes on with a token`)]);
  });

  test("a wrap key that left the ring: still logged in, without a successor, and the next rotate makes one", async () => {
    const { again } = await open();
    const one = again({ secrets: [OLDER_SECRET, TEST_SECRET] });
    const { token } = await again({}).create({ userId: "ada" });
    const lost = await one.rotate(token);
    const two = again({ secrets: [TEST_SECRET] });
    expect(await two.validate(token)).toMatchObject({ valid: true });
    expect(await two.validate(token)).not.toHaveProperty("token");
    const fresh = await two.rotate(token);
    expect(fresh?.token).not.toBe(lost?.token);
    expect((await two.validate(fresh?.token)).valid).toBe(true);
  });
});

test("rotation.every may not be shorter than rotation.grace", () => {
  const opened = (rotation: SessionsOptions["rotation"] & object) => () =>
    createSessions({ secrets: [TEST_SECRET], development: true, rotation });
  expect(opened({ every: "10s" })).toThrow(/rotation.every \(10s\) must not be shorter than rotation.grace \(30s\)/);
  expect(opened({ every: "1m", grace: "2m" })).toThrow(expect.objectContaining({ code: "config_invalid" }));
  expect(opened({ every: "30s" })).not.toThrow();
  expect(opened({ every: "10s", grace: "10s" })).not.toThrow();
});

function generationOf(token: string): number {
  return token === "" ? -1 : Buffer.from(`A${token.slice(25, 28)}`, "base64url").readUIntBE(0, 3);
}

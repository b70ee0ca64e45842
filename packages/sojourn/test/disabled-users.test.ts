/** disableUser and enableUser on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, type Sessions, UserDisabledError } from "../src/index.ts";
import { auth } from "../src/patterns/auth.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const bench = engineBench();

describe.each(ENGINES)("disabled users on %s", (engine) => {
  async function open(): Promise<() => Sessions> {
    const { store, clock } = await bench.open(engine);
    return () => createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined });
  }

  test("F5: their sessions end at once on every server, and none begins until they are enabled", async () => {
    const server = await open();
    const [sessions, other] = [server(), server()];
    const mine = await Promise.all([sessions.create({ userId: "ada" }), other.create({ userId: "ada" })]);
    const visitor = await sessions.create({ data: { cart: ["tea"] } });
    const stranger = await sessions.create({ userId: "grace" });
    expect(await sessions.disableUser("ada", { actor: "root" })).toEqual({ ended: 2 });
    for (const { token, session } of mine) {
      const ended = { reason: "disabled" };
      expect(await other.validate(token)).toMatchObject({ valid: false, reason: "revoked", ended });
      expect(await sessions.reauthenticate(token, { userId: "ada" })).toBeNull();
      expect(await other.get(session.id)).toBeNull();
    }
    await expect(other.create({ userId: "ada" })).rejects.toThrow(UserDisabledError);
    await expect(other.login(visitor.token, { userId: "ada", keep: ["cart"] })).rejects.toMatchObject({
      code: "user_disabled",
      status: 403,
    });
    await expect(sessions.reauthenticate(stranger.token, { userId: "ada" })).rejects.toThrow(UserDisabledError);
    const { login } = auth(sessions, { verify: () => ({ id: "ada" }) });
    await expect(login({})).rejects.toThrow(UserDisabledError);
    for (const { token } of [visitor, stranger]) expect(await sessions.validate(token)).toMatchObject({ valid: true });
    expect((await sessions.get(visitor.session.id))?.data).toEqual({ cart: ["tea"] });
    await other.enableUser("ada");
    const back = await sessions.login(visitor.token, { userId: "ada", keep: ["cart"] });
    expect(back.session.data).toEqual({ cart: ["tea"] });
    expect(await sessions.validate(mine[0].token)).toMatchObject({ valid: false });
  });

  test("F5: against fifty logins at once none is left", async () => {
    const server = await open();
    const [sessions, other] = [server(), server()];
    const logins = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? sessions : other).create({ userId: "ada" }));
    await Promise.all([sessions.disableUser("ada"), Promise.allSettled(logins)]);
    expect(await sessions.list("ada")).toEqual([]);
    for (const each of await Promise.allSettled(logins)) {
      if (each.status === "rejected") expect(each.reason).toBeInstanceOf(UserDisabledError);
      else expect(await other.validate(each.value.token)).toMatchObject({ valid: false, reason: "revoked" });
    }
  });

  test("a wrong call is a TypeError, and an unknown user may be disabled beforehand", async () => {
    const sessions = (await open())();
    await expect(sessions.disableUser("")).rejects.toThrow(TypeError);
    await expect(sessions.enableUser(7 as never)).rejects.toThrow(TypeError);
    expect(await sessions.disableUser("nobody yet")).toEqual({ ended: 0 });
    await expect(sessions.create({ userId: "nobody yet" })).rejects.toThrow(UserDisabledError);
    await sessions.enableUser("nobody yet");
    await sessions.enableUser("nobody yet");
    expect((await sessions.create({ userId: "nobody yet" })).session.userId).toBe("nobody yet");
  });
});

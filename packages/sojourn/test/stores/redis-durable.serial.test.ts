/** Durable endings on a primary with a replica: what is acknowledged is on the replica, what is not says so. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { redisStore, type RedisStoreOptions } from "../../src/stores/redis/index.ts";
import { IOREDIS, NODE_REDIS, type ClientKind, type OpenedClient } from "../support/redis-clients.ts";
import { type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LOOK = { touch: false } as const;
const DEADLINE = { readMs: 2_000, writeMs: 800 };
const DURABLE = { durable: true } as const;
const NOT_REPLICATED = expect.objectContaining({ reason: "not_replicated", outcome: "unknown" });

let primary: RedisServer;
let replica: RedisServer;
let admin: TestClient;
let observer: TestClient;
const clients: OpenedClient[] = [];
const opened: Sessions[] = [];

beforeEach(async () => {
  primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
  replica = await startRedis(["--replicaof", `127.0.0.1 ${primary.port}`]);
  [admin, observer] = await Promise.all([primary.admin(), replica.admin()]);
  await vi.waitUntil(async () => (await observer.info("replication")).includes("master_link_status:up"), 10_000);
  // A replica counts from its first acknowledgement on, which it sends within a second.
  await admin.set("first", "");
  expect(await admin.sendCommand(["WAIT", "1", "10000"])).toBe(1);
});

afterEach(async () => {
  replica.process.kill("SIGCONT");
  await Promise.all(opened.splice(0).map((each) => each.close()));
  for (const client of clients.splice(0)) client.close();
  await Promise.all([primary.stop(), replica.stop()]);
});

async function server(kind: ClientKind, options: RedisStoreOptions = {}, port = primary.port): Promise<Sessions> {
  const client = await kind.open(port);
  clients.push(client);
  const store = redisStore(client.client, { deadline: DEADLINE, ...options });
  const sessions = createSessions({ store, secrets: [TEST_SECRET], log: () => undefined, background: false });
  opened.push(sessions);
  await sessions.ready();
  return sessions;
}

async function made(sessions: Sessions, count: number, userId = "ada") {
  return Promise.all(Array.from({ length: count }, () => sessions.create({ userId })));
}

async function callsOfWait(): Promise<number> {
  return Number(/cmdstat_wait:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);
}

describe.each([NODE_REDIS, IOREDIS])("durable endings, $name", (kind) => {
  test("D7 what was acknowledged as durable is on the replica when the primary dies at that moment", async () => {
    const sessions = await server(kind);
    const [one, two, ...many] = await made(sessions, 60);
    if (one === undefined || two === undefined) throw new Error("none was made");
    const users = await made(sessions, 250, "bob");
    const stays = (await made(sessions, 1, "cleo"))[0];
    await Promise.all([
      sessions.revoke(one.session.id, DURABLE),
      sessions.logout(two.token, DURABLE),
      sessions.revokeUser("bob", DURABLE),
      ...many.map(({ session }) => sessions.revoke(session.id, DURABLE)),
    ]);
    await primary.kill();
    await observer.sendCommand(["REPLICAOF", "NO", "ONE"]);
    const after = await server(kind, {}, replica.port);
    const ended = [one, two, ...many, ...users];
    const answers = await Promise.all(ended.map(({ token }) => after.validate(token, LOOK)));
    expect(answers.filter(({ valid }) => valid)).toEqual([]);
    expect(await after.validate(stays?.token, LOOK)).toMatchObject({ valid: true });
  });

  test("D7 a replica that hangs: it has ended, the answer is that its outcome is unknown, and no ending waits for another", async () => {
    const sessions = await server(kind);
    const one = await made(sessions, 40);
    const users = await made(sessions, 250, "bob");
    await sessions.revoke((await made(sessions, 1))[0]?.session.id ?? "", DURABLE);
    replica.process.kill("SIGSTOP");
    const began = performance.now();
    const told = await Promise.allSettled([
      ...one.map(({ session }) => sessions.revoke(session.id, DURABLE)),
      sessions.revokeUser("bob", DURABLE),
    ]);
    expect(performance.now() - began).toBeLessThan(2 * DEADLINE.writeMs + 200);
    expect(told.map((each) => (each.status === "rejected" ? each.reason : "acknowledged"))).toEqual(
      told.map(() => NOT_REPLICATED),
    );
    const another = await server(kind);
    for (const { token } of [...one, ...users]) {
      expect(await another.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked" });
    }
    expect(await sessions.revoke((await made(sessions, 1))[0]?.session.id ?? "")).toBe(true);

    // Over a connection of later, of which the ending was no write.
    await admin.sendCommand(["CLIENT", "KILL", "TYPE", "normal"]);
    const again = one[0]?.session.id ?? "";
    await vi.waitFor(() => expect(sessions.revoke(again, DURABLE)).rejects.toEqual(NOT_REPLICATED), 10_000);
    replica.process.kill("SIGCONT");
    await vi.waitFor(async () => expect(await sessions.revoke(again, DURABLE)).toBe(true), 5_000);
  });

  test("D7 of two replicas the other one takes over while the primary lives: one's word is not enough, that of both is", async () => {
    const other = await startRedis(["--replicaof", `127.0.0.1 ${primary.port}`]);
    try {
      // What it acknowledges when it has begun is no write of later: it does so once a second at first.
      await vi.waitUntil(async () => {
        await admin.set("second", "");
        return Number(await admin.sendCommand(["WAIT", "2", "100"])) === 2;
      }, 10_000);
      const [askOne, askBoth] = [await server(kind), await server(kind, { replicas: 2 })];
      const three = await made(askOne, 3);
      const [before, one, both] = three.map(({ session, token }) => ({ id: session.id, token }));
      expect(await askBoth.revoke(before?.id ?? "", DURABLE)).toBe(true);
      await (await other.admin()).sendCommand(["REPLICAOF", "NO", "ONE"]);
      expect(await askOne.revoke(one?.id ?? "", DURABLE)).toBe(true);
      await expect(askBoth.revoke(both?.id ?? "", DURABLE)).rejects.toEqual(NOT_REPLICATED);
      const after = await server(kind, {}, other.port);
      const valid = await Promise.all([before, one, both].map((each) => after.validate(each?.token, LOOK)));
      // What one of two confirmed, the other may lack.
      expect(valid.map((each) => each.valid)).toEqual([false, true, true]);
    } finally {
      await other.stop();
    }
  });

  test("a client that went to another database than its options name is told so, and nothing is ended beside it", async () => {
    const moved = await kind.open(primary.port);
    clients.push(moved);
    await (moved.client as unknown as { select(database: number): Promise<unknown> }).select(3);
    const store = redisStore(moved.client, { deadline: DEADLINE });
    const there = createSessions({ store, secrets: [TEST_SECRET], background: false });
    const [one] = await made(there, 1);
    const ending = there.revoke(one?.session.id ?? "", DURABLE);
    await expect(ending).rejects.toMatchObject({ code: "config_invalid" });
    expect(await there.validate(one?.token, LOOK)).toMatchObject({ valid: true });
    expect(await there.revoke(one?.session.id ?? "")).toBe(true);
    await there.close();
  });

  test("D7 no replica at all: that is said at once", async () => {
    await replica.kill();
    await vi.waitUntil(async () => (await admin.info("replication")).includes("connected_slaves:0"), 5_000);
    const sessions = await server(kind, { deadline: { ...DEADLINE, writeMs: 10_000 } });
    const [one] = await made(sessions, 1);
    const began = performance.now();
    await expect(sessions.revoke(one?.session.id ?? "", DURABLE)).rejects.toEqual(NOT_REPLICATED);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await sessions.validate(one?.token, LOOK)).toMatchObject({ valid: false, reason: "revoked" });
  });

  test("the store's option makes every ending durable, and a call may differ; two replicas are one too many here", async () => {
    const [always, two] = [await server(kind, { durable: true }), await server(kind, { replicas: 2 })];
    const many = await made(always, 5);
    const [one, other, third, fourth, fifth] = many.map(({ session, token }) => ({ id: session.id, token }));
    const none = await callsOfWait();
    await always.revoke(one?.id ?? "", { durable: false });
    expect(await callsOfWait()).toBe(none);
    for (const end of [
      () => always.revoke(other?.id ?? ""),
      () => always.logout(third?.token),
      () => always.revokeUser("nobody"),
      () => always.revokeBefore({ policy: "temporary", before: 1 }),
    ]) {
      const before = await callsOfWait();
      await end();
      expect(await callsOfWait()).toBeGreaterThan(before);
    }
    const before = await callsOfWait();
    await two.revoke(fourth?.id ?? "");
    expect(await callsOfWait()).toBe(before);
    await expect(two.revoke(fifth?.id ?? "", DURABLE)).rejects.toEqual(NOT_REPLICATED);
  });
});

test("options and arguments that make no sense are refused", async () => {
  const { client, close } = await NODE_REDIS.open(primary.port);
  for (const replicas of [0, 1.5, Number.NaN, 101]) {
    expect(() => redisStore(client, { replicas })).toThrow(/Option replicas must be a whole number from 1 to 100/);
  }
  close();
  const sessions = await server(NODE_REDIS);
  const [one] = await made(sessions, 1);
  const durable = "yes" as unknown as boolean;
  await expect(sessions.revoke(one?.session.id ?? "", { durable })).rejects.toThrow(
    "revoke: durable must be true or false.",
  );
  await expect(sessions.logout(one?.token, { durable })).rejects.toThrow(TypeError);
  await expect(sessions.revokeUser("ada", { durable })).rejects.toThrow(TypeError);
  expect(await sessions.validate(one?.token, LOOK)).toMatchObject({ valid: true });
});

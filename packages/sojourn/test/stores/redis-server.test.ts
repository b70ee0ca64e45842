/** The Redis engine on a real server: what it sends, and what it does when the server is not as it should be. */

import { createServer } from "node:net";
import { once } from "node:events";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSessions, type Sessions, type Store } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import { expectToldOfEnd } from "../support/ended-client.ts";
import { isCutOffFetch, Monitor } from "../support/monitor.ts";
import { freePort, PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

let server: RedisServer;
let client: TestClient;
let admin: TestClient;
let sessions: Sessions;

beforeAll(async () => {
  server = await startRedis();
  [client, admin] = [await server.client(), await server.admin()];
});
afterAll(() => server.stop());
beforeEach(async () => {
  await admin.flushAll();
  sessions = createSessions({ store: redisStore(client, { deadline: PATIENT }), secrets: [TEST_SECRET] });
});

afterEach(() => sessions.close());

/** Without the fetches of cut-offs, which have tests of their own (redis-cut-offs.test.ts). */
async function sentBy(work: () => Promise<unknown>): Promise<string[]> {
  const monitor = await Monitor.on(server.port);
  await work();
  const commands = await monitor.taken((text) => admin.echo(text));
  monitor.stop();
  const own = commands.filter((each) => each.fromClient && !isCutOffFetch(each));
  return own.map((each) => each.words.slice(0, 2).join(" "));
}

describe("reads", () => {
  test("200 reads of one turn are four commands, and a read of a later turn joins none in flight", async () => {
    const made = await Promise.all(Array.from({ length: 200 }, () => sessions.create({ userId: "ada" })));
    const read = async (): Promise<void> => {
      const results = await Promise.all(made.map(({ token }) => sessions.validate(token)));
      expect(results.every((result) => result.valid)).toBe(true);
    };
    const names = (await sentBy(read)).map((command) => command.split(" ")[0]);
    expect(names).toEqual(["MGET", "MGET", "MGET", "MGET"]);
    const [first] = made;
    const twice = (
      await sentBy(async () => {
        const one = sessions.validate(first?.token);
        await Promise.resolve().then(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.all([one, sessions.validate(first?.token)]);
      })
    ).map((command) => command.split(" ")[0]);
    expect(twice).toEqual(["GET", "GET"]);
  });

  test("M6 counting and listing use no KEYS and no SCAN", async () => {
    await sessions.create({ userId: "ada" });
    const commands = await sentBy(async () => {
      expect(await sessions.count()).toBe(1);
      expect(await sessions.list("ada")).toHaveLength(1);
    });
    expect(new Set(commands.map((command) => command.split(" ")[0]))).toEqual(
      new Set(["ZCOUNT", "ZREVRANGEBYSCORE", "GET"]),
    );
    expect(commands).toHaveLength(1024 + 2);
  });
});

describe("keys", () => {
  test("every session, user, tombstone and operation key dies by itself", async () => {
    const { session, token } = await sessions.create({ userId: "ada" });
    await sessions.create();
    await session.set("a", 1);
    await session.touch();
    await sessions.create({ userId: "grace" });
    await sessions.revokeUser("grace");
    await sessions.logout(token);
    await sessions.create({ userId: "ada" });
    const kinds = new Map<string, number[]>();
    for (const key of await admin.keys("*")) {
      const kind = key.split(":")[1] ?? "";
      kinds.set(kind, [...(kinds.get(kind) ?? []), await admin.pTTL(key)]);
    }
    expect([...kinds.keys()].toSorted()).toEqual(["c", "d", "e", "n", "o", "s", "t", "u", "v", "x"]);
    for (const kind of ["s", "u", "v", "o", "d"])
      expect(Math.min(...(kinds.get(kind) ?? [-1])), kind).toBeGreaterThan(0);
  });

  test("A5 a user id stands in no key", async () => {
    await sessions.create({ userId: "ada@example.com" });
    await sessions.revokeUser("ada@example.com");
    expect((await admin.keys("*")).filter((key) => key.includes("ada"))).toEqual([]);
  });
});

describe("reaping", () => {
  const MINUTE = 60_000;

  async function reapAll(store: Store, notWithinMs: number): Promise<number> {
    let expired = 0;
    for (let part = 0; part < store.parts; part++) expired += (await store.reap({ part, notWithinMs })).expired;
    return expired;
  }

  test("processes share the parts: who holds one, or finished it of late, keeps the others from it", async () => {
    const clock = manualClock();
    clock.onAdvance(ageRedisKeys(admin));
    const [first, second] = [0, 1].map(() => redisStore(client, { clock, deadline: PATIENT }));
    if (first === undefined || second === undefined) throw new Error("no stores");
    const here = createSessions({ store: first, secrets: [TEST_SECRET], clock });
    const createMany = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 100 }, (_, i) => here.create({ userId: `user-${i}`, policy: "temporary" })));
    await createMany();
    await clock.advance(6 * MINUTE);
    expect(await reapAll(first, 10 * MINUTE)).toBe(100);
    await createMany();
    await clock.advance(6 * MINUTE);
    for (const store of [first, second]) expect(await reapAll(store, 10 * MINUTE)).toBe(0);
    await clock.advance(5 * MINUTE);
    const shared = await Promise.all([reapAll(first, 10 * MINUTE), reapAll(second, 10 * MINUTE)]);
    expect(shared[0] + shared[1]).toBe(100);
    await Promise.all([here.close(), second.close()]);
  });

  test("a script ends at most fifty sessions, and says that there are more", async () => {
    const clock = manualClock();
    clock.onAdvance(ageRedisKeys(admin));
    const store = redisStore(client, { clock, deadline: PATIENT });
    const here = createSessions({ store, secrets: [TEST_SECRET], clock });
    await Promise.all(Array.from({ length: 120 }, () => here.create({ userId: "ada", policy: "temporary" })));
    await clock.advance(6 * MINUTE);
    const runs: number[] = [];
    for (let round = 0; round < 4; round++) runs.push(await reapAll(store, 0));
    expect(runs).toEqual([50, 50, 20, 0]);
    await here.close();
  });
});

describe("a server that is not as it should be", () => {
  test("scripts come back after SCRIPT FLUSH without a failure for the caller", async () => {
    const { session } = await sessions.create({ userId: "ada" });
    await admin.scriptFlush();
    await Promise.all([session.set("a", 1), session.touch(), sessions.create({ userId: "ada" })]);
    expect(await session.get("a")).toBe(1);
  });

  test("M5 at full memory a login fails cleanly and a revocation succeeds", async () => {
    const { token, session } = await sessions.create({ userId: "ada" });
    await admin.configSet("maxmemory", "1mb");
    try {
      await expect(sessions.create({ userId: "grace" })).rejects.toMatchObject({
        code: "store_unavailable",
        outcome: "not_executed",
      });
      await expect(session.set("a", "b")).rejects.toMatchObject({ code: "store_unavailable" });
      expect((await sessions.validate(token)).valid).toBe(true);
      expect(await sessions.logout(token)).toBe(true);
      expect(await sessions.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
      expect(await sessions.revokeUser("ada")).toEqual({ ended: 0 });
    } finally {
      await admin.configSet("maxmemory", "0");
    }
    expect(await sessions.list("grace")).toEqual([]);
  });

  test("a client that is not connected fails fast, and works when it is", async () => {
    const late = createClient({ url: server.url });
    late.on("error", () => undefined);
    const waiting = createSessions({ store: redisStore(late), secrets: [TEST_SECRET] });
    await expect(waiting.create()).rejects.toMatchObject({
      code: "store_unavailable",
      reason: "connection",
      outcome: "not_executed",
    });
    await late.connect();
    expect((await waiting.create()).session.userId).toBeNull();
    late.destroy();
  });

  test("a client that has ended: calls fail at once and say so, until it is connected again", async () => {
    const own = createClient({ url: server.url });
    own.on("error", () => undefined);
    await own.connect();
    await expectToldOfEnd({ client: own, close: () => own.destroy() });
  });

  test("what is no supported client, or prefixes keys, is refused with a reason", () => {
    for (const wrong of [null, {}, "redis://localhost", new Map()]) {
      expect(() => redisStore(wrong as never)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    }
    const prefixed = createClient({ url: server.url, keyPrefix: "app:" });
    expect(() => redisStore(prefixed)).toThrow(/key prefix/);
  });

  test("a cluster or sentinel client that prefixes keys is refused too", () => {
    const keyPrefix = "app:";
    const cluster = createCluster({ rootNodes: [{ url: server.url }], keyPrefix });
    const sentinelRootNodes = [{ host: "127.0.0.1", port: 1 }];
    const sentinel = createSentinel({ name: "main", sentinelRootNodes, keyPrefix });
    for (const wrong of [cluster, sentinel]) {
      expect(() => redisStore(wrong)).toThrow(expect.objectContaining({ code: "config_invalid" }));
      expect(() => redisStore(wrong)).toThrow(/key prefix: remove it/);
    }
  });

  test("a pool is refused with the reason, and so is anything else", () => {
    for (const [wrong, why] of [
      [createClientPool(), /no pool of clients: give it one of createClient/],
      [{}, /createClient, createSentinel or createCluster/],
    ] as const) {
      expect(() => redisStore(wrong as never)).toThrow(expect.objectContaining({ code: "config_invalid" }));
      expect(() => redisStore(wrong as never)).toThrow(why);
    }
  });
});

describe("what is stored is corrupt", () => {
  async function keyOf(kind: "s" | "d", id: string): Promise<string> {
    return (await admin.keys(`*:${kind}:*${id}`))[0] ?? "";
  }

  test("a record shorter than a header is passed over by list, and ended by who reads it", async () => {
    const [sound, corrupt] = [await sessions.create({ userId: "ada" }), await sessions.create({ userId: "ada" })];
    for (const bytes of ["\u0001short", ""]) {
      await admin.set(await keyOf("s", corrupt.session.id), bytes, { expiration: "KEEPTTL" });
      expect((await sessions.list("ada")).map(({ id }) => id)).toEqual([sound.session.id]);
    }
    expect(await sessions.validate(corrupt.token)).toMatchObject({ valid: false });
    await expect.poll(async () => admin.exists(await keyOf("s", corrupt.session.id))).toBe(0);
    expect(await sessions.revokeUser("ada")).toEqual({ ended: 1 });
  });

  test.each(["1 2 {bad", "1 2 null", '1 2 {"r":5,"a":[]}', "nothing of the kind", ""])(
    "tombstone %j: the session has ended, for an unknown reason",
    async (bytes) => {
      const store = redisStore(client, { deadline: PATIENT });
      const { session } = await sessions.create({ userId: "ada" });
      await session.revoke();
      await admin.set(await keyOf("d", session.id), bytes, { expiration: "KEEPTTL" });
      expect(await store.read(session.id)).toMatchObject({ reason: "unknown", actor: null });
      await store.close();
    },
  );
});

describe("openStore", () => {
  test("closes the connection that it made, and no other", async () => {
    const before = (await admin.clientList()).length;
    const store = await openStore(server.url);
    expect(await admin.clientList()).toHaveLength(before + 1);
    await store.close();
    await expect.poll(async () => (await admin.clientList()).length).toBe(before);
    await sessions.close();
    expect(client.isOpen).toBe(true);
  });

  test.each([
    ["redis://127.0.0.1:1", "store_unavailable"],
    ["redis://", "config_invalid"],
    ["mysql://localhost", "config_invalid"],
    ["", "config_invalid"],
    ["redis://127.0.0.1:1/%zz", "config_invalid"],
  ])("%j is refused with %s, and no password is repeated", async (url, code) => {
    await expect(openStore(url)).rejects.toMatchObject({ code });
    const withPassword = url.replace("//", "//user:hunter2secret@");
    const message = await openStore(withPassword).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(message).not.toBe("");
    expect(message).not.toContain("hunter2secret");
  });

  test.each([
    "user:hunter2secret@host:6379",
    "rdis://user:hunter2/hunter2secret@host:6379",
    "hunter2secret:6379",
    "redis://user:hunter2secret%zz@127.0.0.1:1",
    "redis://hunter2secret%zz@127.0.0.1:1",
    "redis:user:hunter2secret@host",
  ])("of %j nothing but the scheme is repeated", async (url) => {
    const refused: unknown = await openStore(url).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "config_invalid" });
    expect(String(refused)).not.toContain("hunter2");
  });

  test("a port that accepts and says nothing is no answer after two seconds, and its connection is closed", async () => {
    const silent = createServer();
    const closed = new Promise<void>((resolve) => {
      silent.on("connection", (socket) => {
        socket.on("error", () => undefined).on("close", () => resolve());
        socket.resume();
      });
    });
    const port = await freePort();
    await once(silent.listen(port, "127.0.0.1"), "listening");
    await expect(openStore(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(`^No Redis answers at 127.0.0.1:${port} \\(.*2000ms`),
    });
    await closed;
    silent.close();
  });
});

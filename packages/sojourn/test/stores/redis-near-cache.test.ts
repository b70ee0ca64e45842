/** The near cache of the Redis engine on a real server, with each client. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSessions, type Sessions, type SessionsOptions, type Store } from "../../src/index.ts";
import { type RedisStoreOptions, redisStore } from "../../src/stores/redis/index.ts";
import { openStore } from "../../src/open.ts";
import { ageRedisKeys, type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { Monitor } from "../support/monitor.ts";
import { type ClientKind, IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { runConformance } from "../support/run-conformance.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LEASE_MS = 5_000;

let server: RedisServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startRedis();
  admin = await server.admin();
});
afterAll(() => server.stop());

describe.each([NODE_REDIS, IOREDIS])("$name", (kind: ClientKind) => {
  let copies = 0;
  const opened: OpenedClient[] = [];
  const opener = async (): Promise<OpenedClient> => {
    const one = await kind.open(server.port);
    opened.push(one);
    return one;
  };
  afterAll(() => {
    for (const each of opened) each.close();
  });

  runConformance("redis with a near cache", {
    async open() {
      await admin.flushAll();
      const clock = manualClock();
      clock.onAdvance(ageRedisKeys(admin));
      const options = { clock, deadline: PATIENT, nearCache: true };
      const [mine, theirs] = [opened[0] ?? (await opener()), opened[1] ?? (await opener())];
      const [store, other] = [redisStore(mine.client, options), redisStore(theirs.client, options)];
      const near = store.near.bind(store);
      store.near = (...args) => {
        const copy = near(...args);
        if (copy !== null) copies++;
        return copy;
      };
      const close = async (): Promise<void> => {
        await Promise.all([store.close(), other.close()]);
      };
      return { store, other, clock, close };
    },
  });

  test("it was one: the cases above met copies", () => {
    expect(copies).toBeGreaterThanOrEqual(10);
  });

  describe("on two servers of an application", () => {
    let clock: ManualClock;
    let here: Sessions;
    let there: Sessions;
    const stores: Store[] = [];

    beforeEach(async () => {
      await admin.flushAll();
      clock = manualClock();
      clock.onAdvance(ageRedisKeys(admin));
      [here, there] = [await application(), await application()];
    });
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close();
    });

    async function application(options: RedisStoreOptions = {}, more: SessionsOptions = {}): Promise<Sessions> {
      const { client } = await opener();
      const store = redisStore(client, { nearCache: true, deadline: PATIENT, clock, ...options });
      stores.push(store);
      return createSessions({ store, secrets: [TEST_SECRET], clock, ...more });
    }

    /** Until it is answered from a copy. */
    async function warmed(sessions: Sessions, token: string): Promise<void> {
      await expect.poll(() => sessions.validate(token), { interval: 2 }).toMatchObject({ valid: true, near: true });
    }

    async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
      const monitor = await Monitor.on(server.port);
      await work();
      const commands = await monitor.taken((text) => admin.echo(text));
      monitor.stop();
      return commands.filter((each) => each.fromClient).map((each) => each.words[0]?.toUpperCase() ?? "");
    }

    test("valid requests cost a beat, a look at the cut-offs and a read a second, however many there are", async () => {
      const { token } = await here.create({ userId: "ada", data: { theme: "dark" } });
      await warmed(there, token);
      let near = 0;
      const began = performance.now();
      const commands = await commandsOf(async () => {
        for (let i = 0; i < 5_000; i++) {
          const answer = await there.validate(token);
          expect(answer).toMatchObject({ valid: true });
          if (answer.valid && answer.near) near++;
        }
      });
      const seconds = 1 + Math.ceil((performance.now() - began) / 1_000);
      expect(near).toBeGreaterThanOrEqual(5_000 - seconds);
      expect(commands.filter((name) => name === "GET").length).toBeLessThanOrEqual(2 * seconds);
      expect(commands.filter((name) => name !== "GET").length).toBeLessThanOrEqual(seconds);
      expect((await there.validate(token)).valid).toBe(true);
      const fresh = await commandsOf(() => there.validate(token, { fresh: true }));
      expect(fresh.filter((name) => name === "GET").length).toBeGreaterThanOrEqual(1);
    });

    test("F1 of 200 sessions none is answered valid after its end was heard, nor later than the lease", async () => {
      const made = await Promise.all(Array.from({ length: 200 }, () => here.create({ userId: "ada" })));
      for (const { token } of made) await warmed(there, token);
      let slowest = 0;
      for (const { token, session } of made) {
        expect(await here.revoke(session.id)).toBe(true);
        const acknowledged = performance.now();
        expect(await here.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
        expect(await there.validate(token, { fresh: true })).toMatchObject({ valid: false });
        while ((await there.validate(token)).valid) await sleep(1);
        slowest = Math.max(slowest, performance.now() - acknowledged);
      }
      expect(slowest).toBeLessThanOrEqual(LEASE_MS);
    });

    test("F3 all of a user's sessions, and all but one", async () => {
      const made = await Promise.all(Array.from({ length: 20 }, () => here.create({ userId: "ada" })));
      for (const { token } of made) await warmed(there, token);
      await here.revokeUser("ada", made[0] === undefined ? {} : { except: made[0].session.id });
      const valid = async (): Promise<number> => {
        const answers = await Promise.all(made.map(({ token }) => there.validate(token)));
        return answers.filter((answer) => answer.valid).length;
      };
      await expect.poll(valid, { interval: 2 }).toBe(1);
      expect(await there.validate(made[0]?.token)).toMatchObject({ valid: true });
    });

    test("what another server wrote is read as soon as it is heard of; what this one wrote, at once", async () => {
      const { token, session } = await here.create({ userId: "ada", data: { n: 0 } });
      await warmed(there, token);
      await session.set("n", 1);
      const seen = async (sessions: Sessions): Promise<unknown> => {
        const answer = await sessions.validate(token);
        return answer.valid ? answer.session.data["n"] : answer;
      };
      await expect.poll(() => seen(there), { interval: 2 }).toBe(1);
      for (let n = 2; n < 20; n++) {
        await there.data(session.id).set("n", n);
        expect(await seen(there)).toBe(n);
      }
    });

    test("E3 after a renewal or an elevation elsewhere the old token is no longer answered from a copy", async () => {
      const { token } = await here.create({ userId: "ada" });
      await warmed(there, token);
      const renewed = await here.rotate(token);
      const answer = async () => there.validate(token);
      await expect.poll(answer, { interval: 2 }).toMatchObject({ valid: true, token: renewed?.token });
      // Until the successor is presented, every answer has it, which a copy's would not.
      for (let i = 0; i < 5; i++) expect(await answer()).toMatchObject({ valid: true, token: renewed?.token });
      await warmed(there, (await here.create({ userId: "grace" })).token);
      const elevated = await here.reauthenticate(renewed?.token, { userId: "ada", aal: 2 });
      await expect.poll(answer, { interval: 2 }).toMatchObject({ valid: false, reason: "superseded" });
      expect(await there.validate(elevated?.token)).toMatchObject({ valid: true, session: { aal: 2 } });
    });

    test("a token under an older secret, a renewal that is due, an expired session: all are the store's to judge", async () => {
      const older = await application({}, { secrets: [`${TEST_SECRET} new`, TEST_SECRET], rotation: { every: "1m" } });
      const { token } = await here.create({ userId: "ada", policy: "temporary" });
      for (let i = 0; i < 5; i++) {
        const answer = await older.validate(token, { touch: false });
        expect(answer).toMatchObject({ valid: true, token: expect.any(String) });
        expect(answer).not.toHaveProperty("near");
      }
      await clock.advance(61_000);
      const renewed = await older.validate(token, { touch: false });
      expect(renewed).toMatchObject({ valid: true, token: expect.stringMatching(/^1/) });
      expect(renewed).not.toHaveProperty("near");
      await clock.advance(5 * 60_000);
      expect(await here.validate(token)).toMatchObject({ valid: false, reason: "expired" });
    });

    test("a cut-off made elsewhere covers copies, too, a second later", async () => {
      const { token } = await here.create({ userId: "ada" });
      await warmed(there, token);
      // As another process stores it, before it ends sessions one by one.
      const cutOff = { before: Date.now() + 60_000, at: Date.now(), r: "restored" };
      await admin.set("sojourn:k", JSON.stringify({ "*": cutOff }));
      await clock.advance(1_001);
      expect(await there.validate(token)).toMatchObject({ valid: false, reason: "revoked" });
    });

    test("what nobody tells of, as FLUSHALL, is seen after the lease", async () => {
      const { token } = await here.create({ userId: "ada" });
      await warmed(there, token);
      await admin.flushAll();
      expect(await there.validate(token, { fresh: true })).toMatchObject({ valid: false });
      await clock.advance(LEASE_MS + 1);
      expect(await there.validate(token)).toMatchObject({ valid: false, reason: "not_found" });
    });

    test("a subscription that is killed is noticed and made anew; meanwhile the store is asked", async () => {
      const { token, session } = await here.create({ userId: "ada" });
      await warmed(there, token);
      const subscribers = async (): Promise<number> => {
        const channels = (await admin.sendCommand(["PUBSUB", "NUMSUB", "sojourn:i"])) as unknown as [string, number];
        return channels[1];
      };
      await warmed(here, token);
      expect(await subscribers()).toBe(2);
      await admin.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
      await expect.poll(() => there.validate(token), { interval: 1 }).not.toHaveProperty("near");
      await warmed(there, token);
      await warmed(here, token);
      expect(await subscribers()).toBe(2);
      await here.revoke(session.id);
      await expect.poll(() => there.validate(token), { interval: 1 }).toMatchObject({ valid: false });
    });

    test("the second connection is closed with the store, and not made where there is no near cache and endings are not heard", async () => {
      const connections = async (): Promise<number> => (await admin.clientList()).length;
      const { client } = await opener();
      const before = await connections();
      const deaf = redisStore(client, { deadline: PATIENT, hearEndings: false });
      const plain = createSessions({ store: deaf, secrets: [TEST_SECRET] });
      const { token } = await plain.create({ userId: "ada" });
      await plain.validate(token);
      expect(await connections()).toBe(before);
      const near = createSessions({
        store: redisStore(client, { deadline: PATIENT, nearCache: true }),
        secrets: [TEST_SECRET],
      });
      await warmed(near, token);
      expect(await connections()).toBe(before + 1);
      await near.close();
      await expect.poll(connections).toBe(before);
    });
  });
});

test("openStore takes it along, on Redis and sqlite; memory needs none", async () => {
  for (const [url, has] of [
    [server.url, true],
    ["sqlite::memory:", true],
    ["memory:", false],
  ] as const) {
    const store = await openStore(url, { nearCache: true });
    const sessions = createSessions({ store, secrets: [TEST_SECRET] });
    const { token } = await sessions.create({ userId: "ada" });
    for (let i = 0; i < 20; i++) {
      await sessions.validate(token);
      await sleep(2);
    }
    expect((await sessions.validate(token)) as object).toMatchObject({ valid: true, ...(has ? { near: true } : {}) });
    await sessions.close();
  }
});

describe("options", () => {
  test.each([
    [{ leaseMs: 0 }, "nearCache.leaseMs"],
    [{ leaseMs: 60_001 }, "nearCache.leaseMs"],
    [{ maxEntries: 0.5 }, "nearCache.maxEntries"],
    [{ maxBytes: -1 }, "nearCache.maxBytes"],
    ["yes", "nearCache"],
  ])("%j is refused by name", async (nearCache, named) => {
    const client = await server.client();
    const options = { nearCache } as unknown as RedisStoreOptions;
    expect(() => redisStore(client, options)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(() => redisStore(client, options)).toThrow(named);
  });

  test("a user who may not subscribe is told once, and has sessions without a near cache", async () => {
    await admin.sendCommand(["ACL", "SETUSER", "deaf", "reset", "on", ">secret", "~*", "&*", "+@all", "-subscribe"]);
    const url = `redis://deaf:secret@127.0.0.1:${server.port}`;
    const { createClient } = await import("redis");
    const client = createClient({ url });
    client.on("error", () => undefined);
    await client.connect();
    const warnings: string[] = [];
    const hear = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", hear);
    const store = redisStore(client, { nearCache: true, deadline: PATIENT });
    const sessions = createSessions({ store, secrets: [TEST_SECRET] });
    const { token } = await sessions.create({ userId: "ada" });
    for (let i = 0; i < 60; i++) {
      expect(await sessions.validate(token)).toMatchObject({ valid: true });
      await sleep(5);
    }
    process.off("warning", hear);
    await sessions.close();
    client.destroy();
    expect(warnings).toEqual([expect.stringMatching(/^Sojourn cannot listen to sojourn:i: NOPERM/)]);
  });
});

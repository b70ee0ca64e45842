/**
 * A failover to a replica, or a restart from a snapshot, that lost the last writes. Each server that comes after may at
 * first run no script (an ACL), so that what processes refuse is seen apart from what they tell the server again.
 */

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSessions, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { redisStore, type RedisStoreOptions } from "../../src/stores/redis/index.ts";
import { MovingProxy } from "../support/moving-proxy.ts";
import { type ClientKind, IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { launch, PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LOOK = { touch: false } as const;

/** How the data of a moment comes to another server: `lose()` is that moment, `next()` ends the old server. */
interface Loss {
  readonly first: RedisServer;
  lose(): Promise<void>;
  next(): Promise<RedisServer>;
  end(): Promise<void>;
}

async function failover(): Promise<Loss> {
  const first = await startRedis(["--repl-diskless-sync-delay", "0"]);
  const link = await MovingProxy.before(first.port);
  const replica = await startRedis(["--replicaof", `127.0.0.1 ${link.port}`]);
  await replica.allow("-evalsha");
  const observer = await replica.admin();
  await vi.waitUntil(async () => (await observer.info("replication")).includes("master_link_status:up"), 10_000);
  return {
    first,
    async lose() {
      await (await first.admin()).sendCommand(["WAIT", "1", "5000"]);
      link.mute();
    },
    async next() {
      await first.stop();
      await observer.sendCommand(["REPLICAOF", "NO", "ONE"]);
      return replica;
    },
    async end() {
      await Promise.all([link.close(), replica.stop(), first.stop()]);
    },
  };
}

async function restart(): Promise<Loss> {
  const first = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), "sojourn-snapshot-"));
  const started = [first];
  return {
    first,
    async lose() {
      await (await first.admin()).sendCommand(["SAVE"]);
      await copyFile(join(first.folder, "dump.rdb"), join(folder, "dump.rdb"));
    },
    async next() {
      await first.stop();
      const second = await launch(["--save", "", "--appendonly", "no"], { folder });
      await second.allow("-evalsha");
      started.push(second);
      return second;
    },
    async end() {
      await Promise.all(started.map((each) => each.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const LOSSES = { "a failover to a replica that was behind": failover, "a restart from an old snapshot": restart };
const CASES = Object.entries(LOSSES).flatMap(([what, start]) =>
  [NODE_REDIS, IOREDIS].map((kind) => ({ start, kind, name: `${what}, ${kind.name}` })),
);

let loss: Loss;
let proxy: MovingProxy;
const clients: OpenedClient[] = [];
const opened: Sessions[] = [];

async function begin(lose: () => Promise<Loss>): Promise<void> {
  loss = await lose();
  proxy = await MovingProxy.before(loss.first.port);
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  for (const client of clients.splice(0)) client.close();
  await proxy.close();
  await loss.end();
});

async function server(
  kind: ClientKind,
  store: RedisStoreOptions = {},
  options: SessionsOptions = {},
): Promise<Sessions> {
  const client = await kind.open(proxy.port);
  clients.push(client);
  const sessions = createSessions({
    store: redisStore(client.client, { deadline: PATIENT, ...store }),
    secrets: [TEST_SECRET],
    log: () => undefined,
    ...options,
  });
  opened.push(sessions);
  await sessions.ready();
  return sessions;
}

/** Every client speaks with the next server. */
async function moved(): Promise<RedisServer> {
  const next = await loss.next();
  proxy.moveTo(next.port);
  await vi.waitUntil(() => clients.every((client) => client.isReady()), 5_000);
  return next;
}

/** Until a process has heard that the session ended. */
async function heardBy(there: Sessions, end: () => Promise<unknown>, id: string): Promise<void> {
  const told = new Promise<void>((resolve) => {
    there.watch(id, () => resolve());
  });
  await end();
  await told;
}

describe.each(CASES)("$name", ({ start, kind }) => {
  beforeEach(() => begin(start));

  test("D7 whoever ended a session or heard of it refuses it, and tells the server again", async () => {
    const [here, there] = [await server(kind, {}, { limit: { perUser: 4 } }), await server(kind)];
    const made = await Promise.all([1, 2, 3, 4].map(() => here.create({ userId: "ada" })));
    for (const { token } of made) await here.validate(token, { touch: true });
    const [revoked, loggedOut, evicted, stays] = made as [Made, Made, Made, Made];
    const bobs = await Promise.all([1, 2].map(() => here.create({ userId: "bob" })));
    await allHear(there, stays.session.id);

    await loss.lose();
    await here.logout(loggedOut.token);
    await here.validate(revoked.token, { touch: true });
    await here.validate(stays.token, { touch: true });
    await here.create({ userId: "ada" });
    await here.create({ userId: "ada" });
    await heardBy(there, () => here.revoke(revoked.session.id, { reason: "stolen" }), revoked.session.id);
    await here.revokeUser("bob", { reason: "reset" });
    const ended = [revoked, loggedOut, evicted, ...bobs];
    expect(await Promise.all(ended.map(({ token }) => here.validate(token, LOOK)))).toEqual(
      ended.map(() => expect.objectContaining({ valid: false, reason: "revoked", clearCookie: true })),
    );

    const next = await moved();
    const knowsNothing = await server(kind, {}, { background: false });
    for (const { token } of ended) {
      expect(await knowsNothing.validate(token, LOOK)).toMatchObject({ valid: true });
      expect(await here.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked", clearCookie: true });
      expect(await there.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked", clearCookie: true });
    }
    expect(await here.get(revoked.session.id)).toBeNull();
    expect((await there.list("ada")).map(({ id }) => id)).toEqual([stays.session.id]);
    expect(await here.validate(stays.token, LOOK)).toMatchObject({ valid: true });

    await next.allow("+evalsha");
    for (const { token } of ended) {
      await expect.poll(() => knowsNothing.validate(token, LOOK), { timeout: 5_000 }).toMatchObject({ valid: false });
    }
    // Who only heard of it may be the first to tell, and knows no reason.
    const told = await knowsNothing.validate(revoked.token, LOOK);
    expect(["stolen", "revoked"]).toContain(told.valid ? "valid" : told.ended?.reason);
    expect(await knowsNothing.validate(stays.token, LOOK)).toMatchObject({ valid: true });
    const again = await knowsNothing.create({ userId: "bob" });
    expect(await here.validate(again.token)).toMatchObject({ valid: true });
    expect(await there.validate(again.token)).toMatchObject({ valid: true });
  });

  test("D7 the process that ended it died: one that heard tells the server", async () => {
    const [here, there] = [await server(kind), await server(kind)];
    const { token, session } = await here.create({ userId: "ada" });
    await allHear(there, session.id);
    await loss.lose();
    await heardBy(there, () => here.revoke(session.id), session.id);
    await here.close();
    clients.shift()?.close();

    const next = await moved();
    const knowsNothing = await server(kind, {}, { background: false });
    expect(await knowsNothing.validate(token, LOOK)).toMatchObject({ valid: true });
    expect(await there.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked" });
    await next.allow("+evalsha");
    await expect.poll(() => knowsNothing.validate(token, LOOK), { timeout: 5_000 }).toMatchObject({ valid: false });
  });

  test("D7 a cut-off of revokeBefore is held against sessions all the while, and stored again", async () => {
    const [here, there] = [await server(kind), await server(kind)];
    const { token } = await here.create({ userId: "ada" });
    await loss.lose();
    await here.revokeBefore({ before: Date.now() + 60_000, reason: "leaked" });
    const later = await here.create({ userId: "bob" });
    expect(await there.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked" });

    const next = await moved();
    const knowsNothing = await server(kind, {}, { background: false });
    expect(await knowsNothing.validate(token, LOOK)).toMatchObject({ valid: true });
    for (const each of [here, there]) {
      expect(await each.validate(token, LOOK)).toMatchObject({ valid: false, ended: { reason: "leaked" } });
      expect(await each.validate(later.token, LOOK)).toMatchObject({ valid: false, reason: "not_found" });
    }
    await next.allow("+evalsha");
    // Whoever tells the server first may only have heard that it ended, not why.
    await expect
      .poll(() => knowsNothing.validate(token, LOOK), { timeout: 5_000 })
      .toMatchObject({ valid: false, ended: { reason: expect.stringMatching(/^(?:leaked|revoked)$/) } });
    await expect.poll(() => here.count(), { timeout: 5_000 }).toBe(0);
    expect(await there.validate((await here.create({ userId: "ada" })).token, LOOK)).toMatchObject({ valid: true });
  });

  test("D7 with nothing in the background it tells the server after the reconnect", async () => {
    const here = await server(kind, {}, { background: false });
    const { token, session } = await here.create({ userId: "ada" });
    await loss.lose();
    await here.revoke(session.id);
    const next = await moved();
    expect(await here.validate(token, LOOK)).toMatchObject({ valid: false, reason: "revoked" });
    await next.allow("+evalsha");
    const knowsNothing = await server(kind, {}, { background: false });
    await expect.poll(() => knowsNothing.validate(token, LOOK), { timeout: 5_000 }).toMatchObject({ valid: false });
  });
});

type Made = Awaited<ReturnType<Sessions["create"]>>;

/** Until two processes hear of endings, and one of them of all else: it watches, for the test to know what it heard. */
async function allHear(there: Sessions, watched: string): Promise<void> {
  there.watch(watched, () => undefined);
  const admin = await loss.first.admin();
  const subscribers = (): Promise<unknown> => admin.sendCommand(["PUBSUB", "NUMSUB", "sojourn:i", "sojourn:i:e"]);
  await expect.poll(subscribers, { timeout: 5_000 }).toEqual(["sojourn:i", 1, "sojourn:i:e", 2]);
}
